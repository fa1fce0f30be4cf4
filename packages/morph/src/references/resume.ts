import type { GuestTree } from '../tree/guest-tree.ts'
import type { Outcome } from './outcome.ts'
import { newOutcome } from './outcome.ts'
import type { DeviceUse, ResolveDevice } from './resolver.ts'
import { parseSourceName } from './source-names.ts'

const RESUME = '/etc/initramfs-tools/conf.d/resume'
const ASSIGNMENT = /^(\s*(?:export\s+)?RESUME=)(["']?)([^"'\s#]+)\2/

/** Names the resume device of initramfs-tools by UUID: by a name of the old platform the boot waits for it in vain. */
export function fixResume(tree: GuestTree, resolve: ResolveDevice, aliases: ReadonlySet<string>): Outcome {
  const outcome = newOutcome()
  const text = tree.read(RESUME)
  if (text === undefined) return outcome
  const edited = text.split('\n').map(line => {
    const [all, head, quote, spec] = ASSIGNMENT.exec(line) ?? []
    if (all === undefined || spec === undefined || parseSourceName(spec, aliases) === undefined) return line
    const device = resolve(spec)
    if (device?.kind !== 'swap' || device.uuid === undefined) {
      const message = `${spec} belongs to the old platform, and the attached disks do not prove which swap area it was; the boot may wait for it`
      outcome.warnings.push({ path: RESUME, message, weight: 'degraded' })
      return line
    }
    outcome.changes.push(`${RESUME}: ${spec} is now UUID=${device.uuid}`)
    outcome.inInitramfs.push(RESUME)
    return `${head}${quote}UUID=${device.uuid}${quote}${line.slice(all.length)}`
  })
  tree.write(RESUME, edited.join('\n'))
  return outcome
}

/** The resume device, for the resolver. */
export function resumeUses(tree: GuestTree): DeviceUse[] {
  return (tree.read(RESUME) ?? '').split('\n').flatMap(line => {
    const spec = ASSIGNMENT.exec(line)?.[3]
    return spec === undefined ? [] : [{ spec, type: 'swap' }]
  })
}
