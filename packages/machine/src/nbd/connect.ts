import { connect, type Socket } from 'node:net'
import { InstarError } from '@instar/contract/errors'
import { Intake } from './intake.ts'

/** Where an NBD server listens. */
export type NbdAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number }

/** As much as a UNIX socket holds at once comes in one piece. */
const RECEIVE_BYTES = 512 * 1024
const CONNECT_TIMEOUT_MS = 10_000

export interface NbdSocket {
  readonly socket: Socket
  readonly intake: Intake
}

/** Opens the connection; `nbd.lost` when nothing listens there. Data flows straight into one buffer, and from there to who waits for it. */
export async function connectTo(address: NbdAddress, signal: AbortSignal): Promise<NbdSocket> {
  const intake = new Intake()
  const buffer = Buffer.alloc(RECEIVE_BYTES)
  const onread = {
    buffer,
    callback: (length: number) => {
      intake.take(buffer.subarray(0, length))
      return true
    },
  }
  const where = 'socketPath' in address ? { path: address.socketPath } : { host: address.host, port: address.port }
  const socket = connect({ ...where, onread })
  const limit = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)])
  const stop = () => socket.destroy(limit.reason)
  limit.addEventListener('abort', stop, { once: true })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
  } catch (cause) {
    signal.throwIfAborted()
    throw new InstarError('nbd.lost', `no NBD server answers at ${describeAddress(address)}`, { cause })
  } finally {
    limit.removeEventListener('abort', stop)
  }
  return { socket, intake }
}

export function describeAddress(address: NbdAddress): string {
  return 'socketPath' in address ? address.socketPath : `${address.host}:${address.port}`
}
