import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { constants } from 'node:os'
import { FIRST_REAL_TIME } from './driver-report.ts'

/** What glibc's strsignal(3) calls those that end a process, in English, which is what the small shell speaks. */
const WORDS: Readonly<Record<string, string>> = {
  SIGHUP: 'Hangup',
  SIGQUIT: 'Quit',
  SIGILL: 'Illegal instruction',
  SIGTRAP: 'Trace/breakpoint trap',
  SIGABRT: 'Aborted',
  SIGBUS: 'Bus error',
  SIGFPE: 'Floating point exception',
  SIGKILL: 'Killed',
  SIGUSR1: 'User defined signal 1',
  SIGSEGV: 'Segmentation fault',
  SIGUSR2: 'User defined signal 2',
  SIGALRM: 'Alarm clock',
  SIGTERM: 'Terminated',
  SIGSTKFLT: 'Stack fault',
  SIGXCPU: 'CPU time limit exceeded',
  SIGXFSZ: 'File size limit exceeded',
  SIGVTALRM: 'Virtual timer expired',
  SIGPROF: 'Profiling timer expired',
  SIGIO: 'I/O possible',
  SIGPWR: 'Power failure',
  SIGSYS: 'Bad system call',
}

const AT_END = new RegExp(`(${Object.values(WORDS).join('|')}|(Real-time|Unknown) signal \\d+)( \\(core dumped\\))?\n$`)

/** The longest of them, with a margin. */
export const DEATH_WORD_BYTES = 64

/** How long the word is that this ends with; 0 without one. */
export function deathWordLength(text: string): number {
  return AT_END.exec(text)?.[0].length ?? 0
}

/** Takes the shell's word about a script's death from the end of the file that took the script's stderr, if that is still there for us. */
export function removeDeathWord(path: string, signalNumber: number): void {
  const word = wordOf(signalNumber)
  let fd: number
  try {
    fd = openSync(path, 'r+')
  } catch {
    // The script has removed it, or forbidden it to us.
    return
  }
  try {
    const { size } = fstatSync(fd)
    for (const line of [`${word}\n`, `${word} (core dumped)\n`]) {
      const end = Buffer.alloc(line.length)
      const from = size - line.length
      if (from >= 0 && readSync(fd, end, 0, line.length, from) === line.length && end.toString('latin1') === line) ftruncateSync(fd, from)
    }
  } finally {
    closeSync(fd)
  }
}

function wordOf(signalNumber: number): string {
  const signals: Readonly<Record<string, number>> = constants.signals
  const word = Object.entries(WORDS).find(([name]) => signals[name] === signalNumber)?.[1]
  if (word !== undefined) return word
  return signalNumber < FIRST_REAL_TIME ? `Unknown signal ${signalNumber}` : `Real-time signal ${signalNumber - FIRST_REAL_TIME}`
}
