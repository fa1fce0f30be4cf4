import type { Output } from '../context.ts'
import type { View } from './view.ts'

/** One event a line, for programs. */
export function createJsonView(output: Output): View {
  return { take: event => output.write(`${JSON.stringify(event)}\n`), close: () => undefined }
}
