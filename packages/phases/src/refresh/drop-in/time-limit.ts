/** setTimeout counts in 32 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A limit on the time of a run. */
export interface TimeLimit {
  /** True once the time is over; looked at between steps too, for a timer cannot fire while we wait for a reader of our log. */
  isOver(): boolean
  /** Starts again with the same number of seconds: for the error handlers of a run that was cut. */
  renew(): void
  cancel(): void
}

/** `onOver` is called once for each start, as soon as the time is over; 0 seconds is no limit. */
export function startTimeLimit(seconds: number, onOver: () => void): TimeLimit {
  let deadline = Number.POSITIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  let isTold = false
  const check = () => {
    const left = deadline - performance.now()
    if (left <= 0) {
      if (!isTold) {
        isTold = true
        onOver()
      }
      return true
    }
    clearTimeout(timer)
    if (Number.isFinite(left)) timer = setTimeout(check, Math.min(left, LONGEST_TIMER_MS))
    return false
  }
  const renew = () => {
    isTold = false
    if (seconds > 0) deadline = performance.now() + seconds * 1000
    check()
  }
  renew()
  return { isOver: check, renew, cancel: () => clearTimeout(timer) }
}
