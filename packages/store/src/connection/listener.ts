import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { Log } from '@instar/contract'
import { clientConfig } from './pool.ts'

/** Called for each notification; with `undefined` when some may have been missed: after the connection was lost and made again. */
export type OnNotification = (payload: string | undefined) => void

const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 2_000
/** How often the connection is asked for a sign of life, and how long it may take to give one. */
const CHECK_EVERY_MS = 10_000
const CHECK_TIMEOUT_MS = 5_000

/** One connection that listens on all channels of this process, and connects again by itself. */
export class Listener implements AsyncDisposable {
  readonly #url: string
  readonly #log: Log
  readonly #handlers = new Map<string, Set<OnNotification>>()
  readonly #closing = new AbortController()
  #client: Client | undefined
  /** Statements go to the connection one after the other: pg gives up keeping a queue of its own. */
  #asked: Promise<unknown> = Promise.resolve()
  #connecting: Promise<void> | undefined

  constructor(url: string, log: Log) {
    this.#url = url
    this.#log = log
  }

  /** Resolves once notifications arrive; while the database is away it waits. */
  async listen(channel: string, on: OnNotification): Promise<Disposable> {
    const handlers = this.#handlers.get(channel) ?? new Set()
    const isNew = handlers.size === 0
    handlers.add(on)
    this.#handlers.set(channel, handlers)
    if (this.#client === undefined) await (this.#connecting ??= this.#connect())
    else if (isNew) await this.#ask(this.#client, `listen ${quoteName(channel)}`).catch(() => undefined)
    return {
      [Symbol.dispose]: () => {
        handlers.delete(on)
        if (handlers.size > 0) return
        this.#handlers.delete(channel)
        // At the end of a process all channels go at once, and with the connection.
        if (this.#client === undefined) return
        void this.#ask(this.#client, `unlisten ${quoteName(channel)}`).catch(() => undefined)
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    this.#handlers.clear()
    await this.#connecting?.catch(() => undefined)
    await this.#asked
    await this.#client?.end().catch(() => undefined)
  }

  async #connect(): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
      const client = new Client(clientConfig(this.#url))
      // Without a handler a lost connection would end the process.
      client.on('error', () => undefined)
      try {
        await client.connect()
        client.on('notification', ({ channel, payload }) => this.#deliver(channel, payload ?? ''))
        for (const channel of this.#handlers.keys()) await this.#ask(client, `listen ${quoteName(channel)}`)
        this.#client = client
        this.#connecting = undefined
        void this.#watch(client)
        return
      } catch (error) {
        await client.end().catch(() => undefined)
        this.#log.warn({ error }, 'cannot listen to the database yet')
        await sleep(pauseMs, undefined, { signal: this.#closing.signal })
      }
    }
  }

  /** Returns when the connection is lost, having begun to make a new one. */
  async #watch(client: Client): Promise<void> {
    const ended = new Promise<boolean>(resolve => client.once('end', () => resolve(true)))
    while (!(await Promise.race([ended, this.#isSilent(client)])));
    await client.end().catch(() => undefined)
    if (this.#closing.signal.aborted) return
    this.#client = undefined
    this.#connecting = this.#connect()
    await this.#connecting.catch(() => undefined)
    if (this.#closing.signal.aborted) return
    for (const channel of this.#handlers.keys()) this.#deliver(channel, undefined)
  }

  /** After a while, whether the server gave no sign of life: a network that drops packets closes no connection. */
  async #isSilent(client: Client): Promise<boolean> {
    await sleep(CHECK_EVERY_MS, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined)
    if (this.#closing.signal.aborted) return true
    const answer = this.#ask(client, 'select 1').then(
      () => false,
      () => true,
    )
    return Promise.race([answer, sleep(CHECK_TIMEOUT_MS, true, { ref: false })])
  }

  #ask(client: Client, statement: string): Promise<unknown> {
    const answer = this.#asked.then(() => client.query(statement))
    this.#asked = answer.catch(() => undefined)
    return answer
  }

  #deliver(channel: string, payload: string | undefined): void {
    for (const on of this.#handlers.get(channel) ?? []) {
      try {
        on(payload)
      } catch (error) {
        this.#log.error({ error, channel }, 'the handler of a notification failed')
      }
    }
  }
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
