import type { Log } from '@instar/contract'

/** The log of the service: a line of JSON an event, on stderr. */
export async function createLog(level: string): Promise<Log> {
  const { pino, destination } = await import('pino')
  const options = {
    level,
    formatters: { level: (label: string) => ({ level: label }) },
    base: { pid: process.pid },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  }
  // Written at once: what was logged before a crash is what one needs.
  const logger = pino(options, destination({ dest: 2, sync: true }))
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
  }
}
