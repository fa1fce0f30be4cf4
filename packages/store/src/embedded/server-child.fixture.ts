import { startServer } from './server.ts'

/** A process that the tests kill: starts the server in the folder named and tells its pid. */
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const server = await startServer({ dataDir: process.argv[2] ?? '' }, log, AbortSignal.timeout(90_000))
process.stdout.write(`${server.pid()}\n`)
setInterval(() => undefined, 1_000)
