import { InstarError } from '@instar/contract'
import type { BootFailure } from './boot-failure.ts'
import { findBootFailure } from './boot-failure.ts'
import type { ReplicaRequest } from './boot-replica.ts'
import { ConsoleText } from './console-text.ts'
import { MonitorEvents } from './monitor-events.ts'
import { PromptAnswers } from './prompt-answers.ts'
import { ReplicaProcess } from './replica-process.ts'
import type { QemuEnding, ReplicaResult } from './replica-result.ts'
import { Timers } from './timers.ts'

type Watched<Verdict> = Pick<
  ReplicaRequest<Verdict>,
  'answers' | 'ignoreFailures' | 'onConsole' | 'onPort' | 'signal' | 'timeoutMs' | 'until'
> & {
  /** Where the layers are. */
  readonly folder: string
}

type Ending<Verdict> =
  | { readonly ended: 'until'; readonly verdict: Verdict }
  | { readonly ended: 'failure' | 'timeout' }
  | { readonly ended: 'process'; readonly qemu: QemuEnding }

const KEEP_CHARS = 4 * 1024 * 1024
/** Looking is work on the whole text: pieces that come close together are looked at once. */
const LOOK_EVERY_MS = 50
/** Time for the verdict to come after a sign of failure, such as a panic message that the caller waits for. */
const FAILURE_GRACE_MS = 1500

/** Starts QEMU and watches console and port until one of the ends of a boot. */
export async function watchReplica<Verdict>(argv: readonly string[], request: Watched<Verdict>): Promise<ReplicaResult<Verdict>> {
  const startedAt = performance.now()
  await using replica = new ReplicaProcess(argv)
  using watch = new Watch(replica, request)
  const first = await watch.ending
  await replica[Symbol.asyncDispose]()
  const qemu = await replica.ended
  // The last words may have come with the end.
  const verdict = first.ended === 'until' ? first.verdict : request.until(watch.seen)
  return {
    verdict,
    ended: verdict === undefined ? endOf(first) : 'until',
    failure: findBootFailure(watch.seen.console),
    console: watch.seen.console,
    portText: watch.seen.port,
    reboots: watch.reboots,
    wallMs: performance.now() - startedAt,
    qemu,
  }
}

function endOf(ending: Ending<unknown>): ReplicaResult<unknown>['ended'] {
  if (ending.ended !== 'process') return ending.ended
  return ending.qemu.exitCode === 0 ? 'poweroff' : 'crash'
}

class Watch<Verdict> implements Disposable {
  readonly #console = new ConsoleText(KEEP_CHARS)
  readonly #port = new ConsoleText(KEEP_CHARS)
  readonly #events = new MonitorEvents()
  readonly #ending = Promise.withResolvers<Ending<Verdict>>()
  readonly #timers = new Timers()
  readonly #answers: PromptAnswers
  readonly #replica: ReplicaProcess
  readonly #request: Watched<Verdict>
  readonly #stop = () => this.#ending.reject(this.#request.signal.reason)
  #failure: BootFailure | undefined

  constructor(replica: ReplicaProcess, request: Watched<Verdict>) {
    this.#replica = replica
    this.#request = request
    this.#answers = new PromptAnswers(request.answers ?? [])
    const lookSoon = this.#timers.coalesced(() => this.#look(), LOOK_EVERY_MS)
    replica.console.on('data', (piece: Buffer) => this.#hear(this.#console.add(piece), request.onConsole, lookSoon))
    replica.port.on('data', (piece: Buffer) => this.#hear(this.#port.add(piece), request.onPort, lookSoon))
    replica.monitor.on('data', (piece: Buffer) => this.#hearMonitor(piece.toString('utf8')))
    replica.ended.then(qemu => this.#ending.resolve({ ended: 'process', qemu }), this.#ending.reject)
    this.#timers.start(() => this.#ending.resolve({ ended: 'timeout' }), request.timeoutMs)
    request.signal.addEventListener('abort', this.#stop, { once: true })
  }

  get ending(): Promise<Ending<Verdict>> {
    return this.#ending.promise
  }

  get seen(): { readonly console: string; readonly port: string } {
    return { console: this.#console.text, port: this.#port.text }
  }

  get reboots(): number {
    return this.#events.reboots
  }

  [Symbol.dispose](): void {
    this.#timers[Symbol.dispose]()
    this.#request.signal.removeEventListener('abort', this.#stop)
  }

  #hear(text: string, tell: ((text: string) => void) | undefined, lookSoon: () => void): void {
    lookSoon()
    this.#guard(() => tell?.(text))
  }

  #hearMonitor(text: string): void {
    this.#events.add(text)
    if (!this.#events.isOutOfSpace) return
    const layers = this.#request.folder
    this.#ending.reject(
      new InstarError('image.no-space', `the file system of ${layers} is full: the guest's writes go there, and it was stopped`),
    )
  }

  /** What the caller's functions throw ends the boot, and is thrown to the caller. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#ending.reject(error)
    }
  }

  #look(): void {
    for (const text of this.#answers.next(this.#console)) this.#replica.type(text)
    this.#guard(() => {
      const verdict = this.#request.until(this.seen)
      if (verdict !== undefined) this.#ending.resolve({ ended: 'until', verdict })
      else this.#lookForFailure()
    })
  }

  #lookForFailure(): void {
    if (this.#failure !== undefined || this.#request.ignoreFailures) return
    this.#failure = findBootFailure(this.#console.text)
    if (this.#failure !== undefined) this.#timers.start(() => this.#ending.resolve({ ended: 'failure' }), FAILURE_GRACE_MS)
  }
}
