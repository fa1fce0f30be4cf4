import type { GuestTree } from '../tree/guest-tree.ts'
import type { TableEdit, TableLine } from './edit-table.ts'
import { editTable, fieldValue, tableLines } from './edit-table.ts'
import type { Outcome, OutcomeDraft, StepWarning } from './outcome.ts'
import { newOutcome } from './outcome.ts'
import type { AttachedDevice, DeviceUse, ResolveDevice } from './resolver.ts'
import { isExpected } from './resolver.ts'
import { parseSourceName } from './source-names.ts'

const FSTAB = '/etc/fstab'
const VITAL = /^\/(|usr|var|etc|boot|boot\/efi|efi)$/
/** Drives of removable media are named by letter in old guests and are no part of the copied disks. */
const REMOVABLE = /^(iso9660|udf)\b/

/** Turns the source's device names of fstab into UUIDs (PARTUUID where there is no UUID); only field 1 of those lines changes. */
export function fixFstab(tree: GuestTree, resolve: ResolveDevice, aliases: ReadonlySet<string>): Outcome {
  const outcome = newOutcome()
  const text = tree.read(FSTAB)
  if (text === undefined) return outcome
  tree.write(
    FSTAB,
    editTable(text, line => editEntry(line, resolve, aliases, outcome)),
  )
  return outcome
}

/** The device names of fstab with the types expected there: what the resolver compares with the disks. */
export function fstabUses(tree: GuestTree): DeviceUse[] {
  return tableLines(tree.read(FSTAB) ?? '')
    .filter(line => !REMOVABLE.test(line.fields[2] ?? ''))
    .map(line => ({ spec: fieldValue(line.fields[0] ?? ''), ...(line.fields[2] === undefined ? {} : { type: line.fields[2] }) }))
}

function editEntry(line: TableLine, resolve: ResolveDevice, aliases: ReadonlySet<string>, outcome: OutcomeDraft): TableEdit | undefined {
  const [field = '', mountPoint = '', type = 'auto'] = line.fields
  const spec = fieldValue(field)
  if (parseSourceName(spec, aliases) === undefined || REMOVABLE.test(type)) return undefined
  const stable = stableSpec(resolve(spec), type)
  if (stable === undefined) {
    outcome.warnings.push(unresolved(line, spec))
    return undefined
  }
  outcome.changes.push(`${FSTAB}: ${spec} (${mountPoint}) is now ${stable}`)
  return { kind: 'fields', values: new Map([[0, stable]]) }
}

function stableSpec(device: AttachedDevice | undefined, type: string): string | undefined {
  if (device === undefined || !isExpected(device, type)) return undefined
  if (device.kind === 'filesystem' || device.kind === 'swap') {
    return device.uuid === undefined ? partSpec(device) : `UUID=${device.uuid}`
  }
  return device.kind === 'unknown' ? partSpec(device) : undefined
}

function partSpec(device: AttachedDevice): string | undefined {
  return device.partuuid === undefined ? undefined : `PARTUUID=${device.partuuid}`
}

function unresolved(line: TableLine, spec: string): StepWarning {
  const mountPoint = fieldValue(line.fields[1] ?? '').replace(/(?<=.)\/+$/, '')
  const options = (line.fields[3] ?? '').split(',')
  const isTolerated = options.includes('nofail') || options.includes('noauto')
  const message = `line ${line.number}: ${spec} for ${mountPoint} belongs to the old platform, and the attached disks do not prove which device it was; left as it is`
  if (VITAL.test(mountPoint)) return { path: FSTAB, message, weight: 'fatal' }
  if (isTolerated) return { path: FSTAB, message, weight: 'harmless' }
  return { path: FSTAB, message: `${message}. Boot waits for it: attach that disk, or add "nofail" to its options`, weight: 'degraded' }
}
