import type { LocalTime } from '../../run-parts/local-time.ts'
import { writeAll } from '../../run-parts/write-all.ts'
import type { LogLevel } from './options.ts'

const STDERR = 2
const WEIGHT: Readonly<Record<LogLevel, number>> = { DEBUG: 10, INFO: 20, WARN: 30, ERROR: 40, CRITICAL: 50 }

/** Writes a line of the program's own log, when its level is at least the threshold. */
export type Log = (level: 'DEBUG' | 'INFO' | 'ERROR' | 'CRITICAL', message: string) => void

export function createLog(threshold: LogLevel, time: LocalTime): Log {
  return (level, message) => {
    if (WEIGHT[level] < WEIGHT[threshold]) return
    writeAll(STDERR, `[${time.stamp(new Date())}] (os-refresh-config) [${level}] ${message}\n`)
  }
}
