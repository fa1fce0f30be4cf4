/** Of the wire (coriolis-api.md 3.4), in UTF-16 units. */
const MAX_MESSAGE = 1_024

/** A message of a task, for an event unless told otherwise; of one longer than `max` UTF-16 units the beginning. */
export function cutMessage(message: string, max = MAX_MESSAGE): string {
  return message.length <= max ? message : `${message.slice(0, max - 3)}...`
}
