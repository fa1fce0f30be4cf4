/** What QEMU's monitor told: only events are read, nothing is asked. */
export class MonitorEvents {
  /** Restarts that the guest asked for. */
  reboots = 0
  #lastResetS = -Infinity
  #rest = ''

  /** Takes a piece of the monitor's JSON lines; anything else in it is passed over. */
  add(piece: string): void {
    const lines = (this.#rest + piece).split('\n')
    this.#rest = (lines.pop() ?? '').slice(-MAX_LINE_CHARS)
    for (const line of lines) this.#read(line)
  }

  #read(line: string): void {
    const atS = timeOfReset(line)
    if (atS === undefined) return
    if (atS - this.#lastResetS > ONE_REBOOT_S) this.reboots += 1
    this.#lastResetS = atS
  }
}

/** The first thing to send: without it the monitor tells nothing. */
export const MONITOR_GREETING = '{"execute":"qmp_capabilities"}\n'

const MAX_LINE_CHARS = 64 * 1024
/** SeaBIOS answers a soft reset by a hard one of its own, which comes as a second event; no system boots in this time. */
const ONE_REBOOT_S = 2

function timeOfReset(line: string): number | undefined {
  try {
    const message = JSON.parse(line) as {
      event?: unknown
      data?: { guest?: unknown }
      timestamp?: { seconds?: unknown; microseconds?: unknown }
    } | null
    if (message?.event !== 'RESET' || message.data?.guest !== true) return undefined
    return Number(message.timestamp?.seconds ?? 0) + Number(message.timestamp?.microseconds ?? 0) / 1e6
  } catch {
    return undefined
  }
}
