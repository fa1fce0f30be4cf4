import { loadKey, lookAtGuest, parseKey, type LookResult } from '@instar/morph'
import type { InspectOptions } from '../commands/inspect.ts'
import type { TargetOptions } from '../commands/options.ts'
import type { Context } from '../context.ts'
import { createEmitter } from '../morph/emitter.ts'
import { instanceName } from '../morph/instance-name.ts'
import { openMinion } from '../morph/open-minion.ts'
import { newRunId } from '../runs/run-id.ts'
import { chooseView } from '../view/choose.ts'
import { openThrowAwayLayers } from './throw-away.ts'

/** Looks at images in the appliance, read-only for them. Progress goes to stderr, so that the result alone is on stdout. */
export async function lookAtImages(
  context: Context,
  images: readonly string[],
  options: InspectOptions & Partial<TargetOptions>,
): Promise<LookResult> {
  const { signal } = context
  const keys = await Promise.all((options.key ?? []).map(text => loadKey(parseKey(text), signal)))
  const view = chooseView({ ...context, stdout: context.stderr }, { json: false })
  const { emit } = createEmitter(context, { id: newRunId(context.now()), instance: instanceName(options.name, images[0] ?? ''), view })
  try {
    await using source = await openThrowAwayLayers(context, { images, options })
    await using machine = await openMinion(context, { options, layers: source.layers, emit })
    const target = { bus: options.bus ?? 'virtio', ...(options.firmware === undefined ? {} : { firmware: options.firmware }) }
    return await lookAtGuest({ keys, target, ...(options.root === undefined ? {} : { root: options.root }) }, { machine, signal, emit })
  } finally {
    view.close()
  }
}
