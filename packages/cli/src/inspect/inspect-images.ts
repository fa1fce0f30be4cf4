import { formatTable, printable } from '@instar/phases/text'
import type { InspectOptions } from '../commands/inspect.ts'
import type { Context } from '../context.ts'
import { lookAtImages } from './look-at-images.ts'
import { snakeCase } from './snake-case.ts'

/** `instar inspect`: the OS, then storage and mounts; as JSON one object `{version, system, storage}`. */
export async function inspectImages(context: Context, images: readonly string[], options: InspectOptions): Promise<void> {
  const { facts, description, storage } = await lookAtImages(context, images, options)
  if (options.json === true) return context.stdout.write(`${JSON.stringify({ version: 1, system: snakeCase(facts), storage })}\n`)
  context.stdout.write(`${description.split('\n').map(printable).join('\n')}\n`)
  const devices = storage.devices.map(({ path, kind, size_bytes, type, label, uuid }) => [
    path,
    kind,
    `${Math.round(size_bytes / 1024 ** 2)} MiB`,
    type ?? '',
    label ?? '',
    uuid ?? '',
  ])
  context.stdout.write(formatTable([['DEVICE', 'KIND', 'SIZE', 'TYPE', 'LABEL', 'UUID'], ...devices]))
  const mounts = storage.mounts.map(({ mount_point, device, type }) => [mount_point, device, type])
  context.stdout.write(`\n${formatTable([['MOUNT', 'DEVICE', 'TYPE'], ...mounts])}`)
  for (const { place, score, reasons, is_chosen } of storage.roots)
    context.stdout.write(`\nroot ${place}${is_chosen ? ' (chosen)' : ''}, score ${score}: ${reasons.join(', ')}\n`)
  for (const { device, reason } of storage.locked) context.stdout.write(`locked: ${device} (${reason})\n`)
  for (const warning of storage.warnings) context.stdout.write(`! ${printable(warning)}\n`)
}
