import type { Duplex } from 'node:stream'

const QEMU_END_MS = 1_000

/** A socket to QEMU breaks when QEMU dies, and how that came is the better reason: whoever watches QEMU tells it first, within a moment. */
export function whenBroken(socket: Duplex, act: (cause: Error) => void): void {
  socket.on('error', error => setTimeout(() => act(error), QEMU_END_MS).unref())
}
