import type { GuestTree } from '../tree/guest-tree.ts'
import type { Outcome, OutcomeDraft } from './outcome.ts'
import { newOutcome } from './outcome.ts'
import type { AttachedDevice, DeviceUse, ResolveDevice } from './resolver.ts'
import { isExpected } from './resolver.ts'
import { parseSourceName } from './source-names.ts'

/** Units of the administrator; those of packages name no disks. */
const UNIT_GLOBS = ['/etc/systemd/system/*.mount', '/etc/systemd/system/*.mount.d/*.conf', '/etc/systemd/system/*.swap']
const WHAT = /^(\s*What\s*=\s*)(\S+)(.*)$/

/**
 * Names the devices of systemd mount units by UUID. A swap unit's own name must be its device path, so it is only reported. The value is
 * a path under /dev/disk: systemd orders a unit after a device only by path (systemd.mount(5)).
 */
export function fixMountUnits(tree: GuestTree, resolve: ResolveDevice, aliases: ReadonlySet<string>): Outcome {
  const outcome = newOutcome()
  for (const path of unitFiles(tree)) {
    const text = tree.read(path) ?? ''
    const type = typeIn(text)
    const edited = text.split('\n').map(line => editWhat(line, { path, type, resolve, aliases, outcome }))
    tree.write(path, edited.join('\n'))
  }
  return outcome
}

/** The devices of mount units, for the resolver. */
export function mountUnitUses(tree: GuestTree): DeviceUse[] {
  return unitFiles(tree).flatMap(path => {
    const text = tree.read(path) ?? ''
    const type = path.endsWith('.swap') ? 'swap' : typeIn(text)
    return text.split('\n').flatMap(line => {
      const spec = WHAT.exec(line)?.[2]
      return spec === undefined ? [] : [{ spec, ...(type === undefined ? {} : { type }) }]
    })
  })
}

interface UnitPlace {
  readonly path: string
  readonly type: string | undefined
  readonly resolve: ResolveDevice
  readonly aliases: ReadonlySet<string>
  readonly outcome: OutcomeDraft
}

function editWhat(line: string, { path, type, resolve, aliases, outcome }: UnitPlace): string {
  const [, head, spec, rest] = WHAT.exec(line) ?? []
  if (spec === undefined || parseSourceName(spec, aliases) === undefined) return line
  if (path.endsWith('.swap')) {
    outcome.warnings.push({
      path,
      message: `swap on ${spec}, a name of the old platform, will not be found; name it in fstab by UUID`,
      weight: 'degraded',
    })
    return line
  }
  const device = resolve(spec)
  const stable = device !== undefined && isExpected(device, type) ? stablePath(device) : undefined
  if (stable === undefined) {
    const message = `${spec} belongs to the old platform, and the attached disks do not prove which device it was; left as it is`
    outcome.warnings.push({ path, message, weight: 'degraded' })
    return line
  }
  outcome.changes.push(`${path}: ${spec} is now ${stable}`)
  return `${head}${stable}${rest}`
}

function stablePath(device: AttachedDevice): string | undefined {
  if (device.kind !== 'filesystem') return undefined
  if (device.uuid !== undefined) return `/dev/disk/by-uuid/${device.uuid}`
  return device.partuuid === undefined ? undefined : `/dev/disk/by-partuuid/${device.partuuid}`
}

function typeIn(text: string): string | undefined {
  return /^[ \t]*Type[ \t]*=[ \t]*(\S+)/m.exec(text)?.[1]
}

function unitFiles(tree: GuestTree): string[] {
  return UNIT_GLOBS.flatMap(glob => tree.glob(glob)).filter(path => tree.lstat(path)?.kind === 'file')
}
