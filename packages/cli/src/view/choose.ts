import type { Context } from '../context.ts'
import { createJsonView } from './json.ts'
import { createLiveView } from './live.ts'
import { createPlainView } from './plain.ts'
import type { View } from './view.ts'

/** JSON when asked; a live view on a terminal; plain lines elsewhere. */
export function chooseView(context: Context, options: { json: boolean }): View {
  if (options.json) return createJsonView(context.stdout)
  return context.stdout.isTerminal ? createLiveView(context.stdout) : createPlainView(context.stdout)
}
