import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '@instar/contract'

/** A log file that has grown so far becomes `NAME.log.1`, which replaces the one before. */
const MAX_FILE_BYTES = 32 * 1024 * 1024

interface LogOptions {
  readonly level: string
  readonly folder: string
  readonly name: string
  /** Not on stderr. */
  readonly quiet?: boolean
}

/** The log of the service, a line of JSON an event: on stderr, and in `<folder>/<name>.log`, which `instar log` shows. */
export async function createLog({ level, folder, name, quiet = false }: LogOptions): Promise<Log & Disposable> {
  const { pino, destination, multistream, stdSerializers } = await import('pino')
  const file = new LogFile(folder, name)
  const serializers = { error: stdSerializers.err }
  const options = { level, base: { pid: process.pid }, serializers, timestamp: () => `,"time":"${new Date().toISOString()}"` }
  // Written at once: what was logged before a crash is what one needs.
  const stderr = quiet ? [] : [{ level: 'debug', stream: destination({ dest: 2, sync: true }) } as const]
  const streams = [...stderr, { level: 'debug', stream: file } as const]
  const logger = pino(options, multistream(streams))
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    [Symbol.dispose]: () => file.close(),
  }
}

class LogFile {
  readonly #path: string
  #file: number
  #bytes: number

  constructor(folder: string, name: string) {
    mkdirSync(folder, { recursive: true, mode: 0o750 })
    this.#path = join(folder, `${name}.log`)
    this.#file = openSync(this.#path, 'a', 0o640)
    this.#bytes = statSync(this.#path).size
  }

  write(line: string): void {
    if (this.#bytes > MAX_FILE_BYTES) this.#turn()
    // A full disk must not end the service: stderr has the line as well.
    try {
      this.#bytes += writeSync(this.#file, line)
    } catch {}
  }

  #turn(): void {
    closeSync(this.#file)
    renameSync(this.#path, `${this.#path}.1`)
    this.#file = openSync(this.#path, 'a', 0o640)
    this.#bytes = 0
  }

  close(): void {
    closeSync(this.#file)
  }
}
