import type { Log } from '@instar/contract'
import type { ZodMiniType } from 'zod/mini'
import type { DestinationHalf } from './destination-half.ts'
import type { PoolHalf } from './pool-half.ts'
import type { SourceHalf } from './source-half.ts'

/**
 * Our code for one platform. What a provider can do is what it has: each part and each optional function stands for a capability of the v1
 * API (`offerOf` tells which), so it cannot promise what it has not. See docs/guides/add-a-provider.md.
 *
 * C is the connection data of an endpoint; S, D, P are the settings of a transfer's source, its destination, and of a minion pool, as the
 * schemas leave them. Functions get them checked and with their defaults.
 *
 * Every function may be called again after a crash, also after a half-done call: it looks first and then acts. What it makes it names by
 * `call.key`, so that the repetition finds it. What it deletes may be gone already, and `null` in the place of what it deletes means that
 * the making never ended: what is there under the key goes. It throws an InstarError whose `fault` tells whether it is worth repeating:
 * `provider.not-found` and `provider.refused` are the user's, `provider.unavailable` passes.
 */
export interface Provider<C = unknown, S = unknown, D = unknown, P = unknown> {
  /** As it stands in an endpoint's `type`. */
  readonly platform: string
  readonly connection: ZodMiniType<C>
  /** Tries the connection. Throws when it does not work; the message is shown to the user. */
  validateConnection(call: Connected<C>): Promise<void>
  /** All machines as rows for people, the head line first. Written out as CSV. */
  inventory?(call: Call<C, S>): Promise<readonly (readonly string[])[]>
  readonly source?: SourceHalf<C, S>
  readonly destination?: DestinationHalf<C, D>
  readonly sourcePool?: PoolHalf<C, P>
  readonly destinationPool?: PoolHalf<C, P>
}

/** What a platform tells of its own; stored and given back, read by nobody else. Never a secret: those go into connection info. */
export type Own = Readonly<Record<string, unknown>>

/** A call without settings. */
export interface Connected<C> {
  /** The kind of the question or the type of the task, for logs; `undo TYPE` where a task's half-done work is removed. */
  readonly purpose: string
  readonly connection: C
  readonly signal: AbortSignal
  readonly log: Log
}

/** A question: answered within a minute, changes nothing. */
export interface Call<C, E> extends Connected<C> {
  /** The settings of this side: source environment, destination environment or the pool's options. */
  readonly environment: E
}

/** A piece of a task. */
export interface TaskCall<C, E> extends Call<C, E> {
  /**
   * The same for all tasks of one machine in one execution, however often they are repeated; in a pool the same for all that is ever done
   * with one minion machine. Letters, digits and hyphens, at most 64.
   */
  readonly key: string
  /** The machine's name in the transfer. In a pool the minion machine's id. */
  readonly instance: string
  /** Tells the user: a sentence in the present; with two numbers it is a bar, which never goes back. */
  progress(message: string, current?: number, total?: number): void
  event(level: 'INFO' | 'WARNING' | 'ERROR', message: string): void
}

/** A setting that the platform has choices for. */
export interface Option {
  readonly name: string
  readonly values: readonly unknown[]
  readonly config_default?: unknown
}
