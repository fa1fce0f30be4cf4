import { globSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A killed process' children get their signal from the kernel, and need a moment to die: QEMU has memory to give back. */
const DEATH_MS = 5000
const LOOK_MS = 50

/** Running programs whose command line or environment names something in this folder: qemu-img does by its images, QEMU by its TMPDIR. */
export function processesNaming(folder: string): string[] {
  return globSync('/proc/[0-9]*/cmdline').flatMap(file => {
    const words = attempt(() => readFileSync(file, 'utf8')) ?? ''
    const environment = attempt(() => readFileSync(join(dirname(file), 'environ'), 'utf8')) ?? ''
    const pid = Number(file.split('/')[2])
    const isOne = pid !== process.pid && (words.includes(folder) || environment.includes(folder))
    return isOne ? [`${pid} ${words.replaceAll('\0', ' ').slice(0, 200)}`] : []
  })
}

/** What still runs of a process that was just ended, once it had the time to go. */
export async function survivorsNaming(folder: string): Promise<string[]> {
  const until = performance.now() + DEATH_MS
  for (;;) {
    const left = processesNaming(folder)
    if (left.length === 0 || performance.now() > until) return left
    await sleep(LOOK_MS)
  }
}

/** QEMU's process ids as the appliances under a state folder have noted them. */
export function qemuPids(stateDir: string): number[] {
  return globSync(join(stateDir, 'runtime/appliance-*/qemu.json')).flatMap(file => {
    const noted = attempt(() => JSON.parse(readFileSync(file, 'utf8')) as { pid?: number } | null)
    return noted?.pid === undefined ? [] : [noted.pid]
  })
}

/** Mounts and loop devices of this host that have to do with a folder. */
export function kernelObjectsNaming(folder: string): string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  const loops = globSync('/sys/block/loop*/loop/backing_file').map(file => attempt(() => readFileSync(file, 'utf8')) ?? '')
  return [...mounts, ...loops].filter(line => line.includes(folder))
}

/** Folders and files that a run makes for the time of its work: beside an image, and in the state folder. */
export function temporariesIn(...folders: readonly string[]): string[] {
  return folders.flatMap(folder =>
    (attempt(() => readdirSync(folder, { recursive: true, encoding: 'utf8' })) ?? []).filter(name =>
      /(^|\/)(\.instar|layer-|appliance-)|\.instar-commit$|\.tmp$/.test(name),
    ),
  )
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
