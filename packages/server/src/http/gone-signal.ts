import type { FastifyReply } from 'fastify'

const signals = new WeakMap<FastifyReply, AbortSignal>()

/** Aborts when the client of this answer goes away before it has all of it. Made only for the handlers that ask. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const known = signals.get(reply)
  if (known !== undefined) return known
  const controller = new AbortController()
  const judge = () => {
    if (!reply.raw.writableFinished) controller.abort(new Error('the client went away'))
  }
  // Who went away before we asked is not told of again: a stream to nobody would go on for ever.
  if (reply.raw.closed) judge()
  else reply.raw.once('close', judge)
  signals.set(reply, controller.signal)
  return controller.signal
}
