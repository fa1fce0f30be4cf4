import type { GuestTree } from '../tree/guest-tree.ts'
import type { TableEdit, TableLine } from './edit-table.ts'
import { editTable, fieldValue, tableLines } from './edit-table.ts'
import type { Outcome, OutcomeDraft } from './outcome.ts'
import { newOutcome } from './outcome.ts'
import type { AttachedDevice, DeviceUse, ResolveDevice } from './resolver.ts'
import { parseSourceName } from './source-names.ts'

const CRYPTTAB = '/etc/crypttab'

/**
 * Turns the source's device names of crypttab into UUIDs. A line with a random key makes a new file system at each boot, so a name that
 * means another disk now would destroy it: such a line gets the partition's own UUID when the partition was seen to hold nothing else, and
 * becomes a comment otherwise. TPM options stay.
 */
export function fixCrypttab(tree: GuestTree, resolve: ResolveDevice, aliases: ReadonlySet<string>): Outcome {
  const outcome = newOutcome()
  const text = tree.read(CRYPTTAB)
  if (text === undefined) return outcome
  const edited = editTable(text, line => editEntry(line, resolve, aliases, outcome))
  tree.write(CRYPTTAB, edited)
  if (edited !== text) outcome.inInitramfs.push(CRYPTTAB)
  return outcome
}

/** The device names of crypttab with what is expected there. */
export function crypttabUses(tree: GuestTree): DeviceUse[] {
  return tableLines(tree.read(CRYPTTAB) ?? '').map(line => ({
    spec: fieldValue(line.fields[1] ?? ''),
    ...(isRandom(line) || hasOption(line, /^plain$/) ? {} : { type: 'luks' }),
  }))
}

function editEntry(line: TableLine, resolve: ResolveDevice, aliases: ReadonlySet<string>, outcome: OutcomeDraft): TableEdit | undefined {
  warnOfKeys(line, aliases, outcome)
  const [name = '', field = ''] = line.fields
  const spec = fieldValue(field)
  if (parseSourceName(spec, aliases) === undefined) return undefined
  const stable = stableSpec(line, resolve(spec))
  if (stable === undefined) return refuse(line, spec, outcome)
  outcome.changes.push(`${CRYPTTAB}: ${spec} (${name}) is now ${stable}`)
  return { kind: 'fields', values: new Map([[1, stable]]) }
}

function stableSpec(line: TableLine, device: AttachedDevice | undefined): string | undefined {
  if (device === undefined) return undefined
  if (isRandom(line)) return device.kind === 'swap' || device.kind === 'unknown' ? partitionPath(device) : undefined
  if (hasOption(line, /^plain$/)) return device.kind === 'unknown' ? partitionPath(device) : undefined
  return device.kind === 'luks' && device.uuid !== undefined ? `UUID=${device.uuid}` : undefined
}

/** As a path: Debian's scripts before cryptsetup 2.0.3 do not know `PARTUUID=`. */
function partitionPath(device: AttachedDevice): string | undefined {
  return device.partuuid === undefined ? undefined : `/dev/disk/by-partuuid/${device.partuuid}`
}

function refuse(line: TableLine, spec: string, outcome: OutcomeDraft): TableEdit | undefined {
  const name = line.fields[0] ?? ''
  if (!isRandom(line)) {
    const message = `line ${line.number}: ${spec} (${name}) belongs to the old platform, and no encrypted device on the attached disks is proved to be it; left as it is`
    outcome.warnings.push({ path: CRYPTTAB, message, weight: hasOption(line, /^(noauto|nofail)$/) ? 'harmless' : 'degraded' })
    return undefined
  }
  const note = `${spec} may be another disk here, and a random key would overwrite it. Name it by /dev/disk/by-partuuid/ to use it again:`
  outcome.warnings.push({
    path: CRYPTTAB,
    message: `line ${line.number} (${name}) is a comment now: ${note.slice(0, -1)}`,
    weight: 'degraded',
  })
  outcome.changes.push(`${CRYPTTAB}: the line of ${name} (random key on ${spec}) is a comment`)
  return { kind: 'comment', note }
}

function warnOfKeys(line: TableLine, aliases: ReadonlySet<string>, outcome: OutcomeDraft): void {
  const [name = '', , key = '', options = ''] = line.fields
  if (hasOption(line, /^tpm2-(device|pcrs)/)) {
    const message = `line ${line.number}: ${name} is unlocked by the TPM of the old machine; here it asks for the passphrase until a TPM is enrolled again`
    outcome.warnings.push({ path: CRYPTTAB, message, weight: 'degraded' })
  }
  const places = [key, ...options.split(',')].flatMap(word => [word, ...word.split(/[:=]/)])
  const foreign = places.find(place => place !== '' && parseSourceName(fieldValue(place), aliases) !== undefined)
  if (foreign === undefined) return
  const message = `line ${line.number}: the key or header of ${name} is on ${foreign}, a name of the old platform; left as it is`
  outcome.warnings.push({ path: CRYPTTAB, message, weight: 'degraded' })
}

function isRandom(line: TableLine): boolean {
  return /^\/dev\/(u?random|hwrng)$/.test(fieldValue(line.fields[2] ?? '')) || hasOption(line, /^(swap|tmp(=.*)?)$/)
}

function hasOption(line: TableLine, option: RegExp): boolean {
  return (line.fields[3] ?? '').split(',').some(word => option.test(word))
}
