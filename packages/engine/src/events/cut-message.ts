/** Of the wire (coriolis-api.md 3.4), in UTF-16 units. */
const MAX_MESSAGE = 1_024

/** A message for an event of a task; of a long one the beginning. */
export function cutMessage(message: string): string {
  return message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE - 3)}...`
}
