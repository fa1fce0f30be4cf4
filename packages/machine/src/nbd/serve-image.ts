import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract'
import { dyingWithUs } from '../dying-with-us.ts'
import type { BlockNode } from '../images/block-node.ts'
import { nodeName } from '../images/block-node.ts'
import { TOOL_ENV } from '../images/host-tool.ts'
import { formatOwner, mayBeAlive, parseOwner, thisOwner } from '../images/owner.ts'
import { toolError } from '../images/tool-error.ts'
import type { NbdTarget } from './nbd-client.ts'

export interface ServeRequest {
  /** The chain with every driver and file named. It is opened read-only, under QEMU's own locks: no machine can start on it meanwhile. */
  readonly node: BlockNode
  /** A persistent bitmap of the qcow2 image, given as the context `qemu:dirty-bitmap:NAME`. */
  readonly bitmap?: string
  readonly signal: AbortSignal
}

/** An image that is served over NBD. Disposing ends the server. */
export interface ServedImage extends AsyncDisposable {
  readonly target: NbdTarget
}

/** Then who made the folder, so that another process can remove it once that one is dead. */
const PREFIX = 'instar-nbd-'
/** A hyphen, and what mkdtemp adds. */
const SUFFIX_LENGTH = 7
const MAX_CLIENTS = 16
const START_TIMEOUT_MS = 30_000
const POLL_MS = 5
const STDERR_TAIL_BYTES = 4096

/** Serves an image chain read-only on a UNIX socket of our own by qemu-nbd. `image.in-use` when a running machine writes to it. */
export async function serveImage({ node, bitmap, signal }: ServeRequest): Promise<ServedImage> {
  signal.throwIfAborted()
  // In the system's folder for such things: a socket's path has a limit of 107 bytes.
  await sweepSockets()
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${formatOwner(thisOwner())}-`))
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  const socketPath = join(folder, 'nbd')
  const argv = [
    'qemu-nbd',
    '--read-only',
    '--persistent',
    `--shared=${MAX_CLIENTS}`,
    `--socket=${socketPath}`,
    ...(bitmap === undefined ? [] : [`--bitmap=${bitmap}`]),
    nodeName(node),
  ]
  const child = spawn('setpriv', dyingWithUs(argv), { stdio: ['ignore', 'ignore', 'pipe'], env: TOOL_ENV, detached: true })
  const server = watch(child, argv)
  undo.defer(() => server.stop())
  await listening(socketPath, server, { what: node.file.filename, signal })
  const owned = undo.move()
  return {
    target: { address: { socketPath }, exportName: '', contexts: contextsOf(bitmap) },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The folders of processes that were killed; their servers died with them. */
async function sweepSockets(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = name.startsWith(PREFIX) ? parseOwner(name.slice(PREFIX.length, -SUFFIX_LENGTH)) : undefined
    if (owner !== undefined && !mayBeAlive(owner)) await rm(join(tmpdir(), name), { recursive: true, force: true })
  }
}

/** The context that tells where an export holds data. */
export const ALLOCATION = 'base:allocation'

export function bitmapContext(bitmap: string): string {
  return `qemu:dirty-bitmap:${bitmap}`
}

function contextsOf(bitmap: string | undefined): string[] {
  return bitmap === undefined ? [ALLOCATION] : [ALLOCATION, bitmapContext(bitmap)]
}

interface Server {
  /** Set when it has ended. */
  failure: InstarError | undefined
  stop(): Promise<void>
}

function watch(child: ChildProcess, argv: readonly string[]): Server {
  const started = performance.now()
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_TAIL_BYTES)))
  const ended = Promise.withResolvers<void>()
  const server: Server = {
    failure: undefined,
    stop: async () => {
      // It only reads; asked politely (SIGTERM), qemu-nbd 7.2 sometimes waits for ever for clients that have just left.
      child.kill('SIGKILL')
      await ended.promise
    },
  }
  child.once('error', cause => {
    server.failure = new InstarError('image.tool-missing', 'setpriv could not be started', { cause })
    ended.resolve()
  })
  child.once('close', (exitCode, signal) => {
    const wallMs = performance.now() - started
    server.failure ??=
      exitCode === 127
        ? new InstarError('image.tool-missing', 'qemu-nbd is not installed', { details: { stderr } })
        : toolError(argv.at(-1) ?? '', { argv, exitCode, signal, timedOut: false, stdout: '', stderr, wallMs })
    ended.resolve()
  })
  return server
}

async function listening(socketPath: string, server: Server, { what, signal }: { what: string; signal: AbortSignal }): Promise<void> {
  const until = performance.now() + START_TIMEOUT_MS
  for (;;) {
    const { failure } = server
    if (failure !== undefined)
      throw new InstarError(failure.code, `${what}: ${failure.message}`, { details: failure.details, cause: failure })
    if (await greets(socketPath)) return
    if (performance.now() > until) throw new InstarError('nbd.lost', `${what}: qemu-nbd did not listen within ${START_TIMEOUT_MS} ms`)
    await sleep(POLL_MS, undefined, { signal })
  }
}

/** The server listens before it has opened the image; only its greeting tells that all is well. */
async function greets(socketPath: string): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect({ path: socketPath })
    socket.once('data', () => socket.destroy())
    socket.once('data', () => resolve(true))
    socket.on('error', () => undefined)
    socket.once('close', () => resolve(false))
  })
}
