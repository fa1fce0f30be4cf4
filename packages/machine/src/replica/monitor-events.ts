/** What QEMU's monitor told: only events are read, nothing is asked. */
export class MonitorEvents {
  /** Restarts that the guest asked for. */
  reboots = 0
  /** The host's disk is full: QEMU has stopped the guest in the middle of a write. */
  isOutOfSpace = false
  #lastResetS = -Infinity
  #rest = ''

  /** Takes a piece of the monitor's JSON lines; anything else in it is passed over. */
  add(piece: string): void {
    const lines = (this.#rest + piece).split('\n')
    this.#rest = (lines.pop() ?? '').slice(-MAX_LINE_CHARS)
    for (const line of lines) this.#read(line)
  }

  #read(line: string): void {
    const message = parseMessage(line)
    if (message?.event === 'BLOCK_IO_ERROR' && message.data?.nospace === true) this.isOutOfSpace = true
    if (message?.event !== 'RESET' || message.data?.guest !== true) return
    const atS = Number(message.timestamp?.seconds ?? 0) + Number(message.timestamp?.microseconds ?? 0) / 1e6
    if (atS - this.#lastResetS > ONE_REBOOT_S) this.reboots += 1
    this.#lastResetS = atS
  }
}

/** The first thing to send: without it the monitor tells nothing. */
export const MONITOR_GREETING = '{"execute":"qmp_capabilities"}\n'

const MAX_LINE_CHARS = 64 * 1024
/** SeaBIOS answers a soft reset by a hard one of its own, which comes as a second event; no system boots in this time. */
const ONE_REBOOT_S = 2

interface Message {
  readonly event?: unknown
  readonly data?: { readonly guest?: unknown; readonly nospace?: unknown }
  readonly timestamp?: { readonly seconds?: unknown; readonly microseconds?: unknown }
}

function parseMessage(line: string): Message | null | undefined {
  try {
    return JSON.parse(line) as Message | null
  } catch {
    return undefined
  }
}
