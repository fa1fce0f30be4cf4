import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import type { BlockDevice } from './block-device.ts'

/** A volume group on the attached disks. */
export interface VolumeGroup {
  readonly name: string
  /** 32 characters, without dashes. */
  readonly id: string
  /** Kernel paths of the physical volumes that are there. */
  readonly physicalVolumes: readonly string[]
  readonly isPartial: boolean
  /** Set when the group belongs to one host by name. */
  readonly systemId?: string
  /** Why it was left alone, if it was. */
  readonly refused?: string
}

/** What every LVM command needs: which devices it may see, and whether udev makes the nodes. */
export interface LvmScope {
  readonly machine: Machine
  readonly env: Readonly<Record<string, string>>
  readonly hasUdev: boolean
  readonly signal: AbortSignal
}

/** The sections of a JSON report that we ask for, with their fields. */
const FIELDS = {
  pv: ['pv_name', 'pv_major', 'pv_minor', 'vg_name', 'vg_uuid', 'vg_systemid', 'vg_lock_type', 'vg_exported', 'vg_partial'],
  lv: ['lv_uuid', 'lv_role'],
} as const
type ReportRow = Record<(typeof FIELDS.pv)[number], string>

interface ReportPart {
  pv?: ReportRow[]
  lv?: Record<(typeof FIELDS.lv)[number], string>[]
}

const MAX_REPORT_BYTES = 16 * 2 ** 20
const LVM_TIMEOUT_MS = 120_000

/**
 * LVM with nothing of the minion's own: no lvm.conf, devices file, cache or backup (`LVM_SYSTEM_DIR` empty), and a filter that lets only
 * the given devices through. The filter works in every LVM 2; `--devices` only since 2.03.12.
 */
async function runLvm(command: readonly string[], devices: readonly string[], scope: LvmScope, systemIds: readonly string[] = []) {
  const [verb = '', ...rest] = command
  const config = lvmConfig(devices, scope.hasUdev, systemIds)
  const env = { ...scope.env, LVM_SYSTEM_DIR: '', LVM_SUPPRESS_FD_WARNINGS: '1' }
  const options = { signal: scope.signal, env, captureBytes: MAX_REPORT_BYTES, timeoutMs: LVM_TIMEOUT_MS }
  return scope.machine.run(['lvm', verb, '--config', config, ...rest], options)
}

/** The configuration for one command line. `systemIds`: hosts whose groups we may open, as we act for the guest. */
export function lvmConfig(devices: readonly string[], hasUdev: boolean, systemIds: readonly string[] = []): string {
  const accept = devices.map(device => JSON.stringify(`a|^${device.replaceAll(/[^\w/]/g, '\\$&')}$|`))
  const filter = `[${[...accept, '"r|.*|"'].join(',')}]`
  const udev = hasUdev ? 1 : 0
  const ids = `[${systemIds.map(id => JSON.stringify(id)).join(',')}]`
  return [
    `devices{filter=${filter} global_filter=${filter} use_devicesfile=0 scan_lvs=1 md_component_detection=0 multipath_component_detection=0 obtain_device_list_from_udev=${udev} external_device_info_source="none"}`,
    'global{event_activation=0 use_lvmlockd=0 use_lvmpolld=0}',
    'backup{backup=0 archive=0}',
    `activation{udev_sync=${udev} udev_rules=${udev} monitoring=0}`,
    systemIds.length > 0 ? `local{extra_system_ids=${ids}}` : '',
  ].join(' ')
}

/** The groups on these physical volumes, each judged for itself. */
export async function readGroups(physicalVolumes: readonly BlockDevice[], scope: LvmScope): Promise<VolumeGroup[]> {
  const argv = ['pvs', '--reportformat', 'json', '--foreign', '--shared', '-o', FIELDS.pv.join(',')]
  const paths = physicalVolumes.map(({ kernelPath }) => kernelPath)
  const result = await runLvm(argv, paths, scope)
  const rows = parseReport(result.stdout, 'pv').filter(row => row.vg_uuid)
  if (result.exitCode !== 0 && rows.length === 0) {
    throw new InstarError(
      'storage.unreadable',
      `lvm pvs ended with ${result.exitCode ?? result.signal} on ${scope.machine.name}: ${result.stderrTail.trim()}`,
    )
  }
  return [...Map.groupBy(rows, row => row.vg_uuid).values()].map(group => toGroup(group, physicalVolumes))
}

function toGroup(rows: ReportRow[], devices: readonly BlockDevice[]): VolumeGroup {
  const row = rows[0]!
  const numbers = new Set(rows.map(({ pv_major, pv_minor }) => `${pv_major}:${pv_minor}`))
  const refused = refusal(row)
  return {
    name: row.vg_name,
    id: row.vg_uuid.replaceAll('-', ''),
    physicalVolumes: devices.filter(({ number }) => numbers.has(number)).map(({ kernelPath }) => kernelPath),
    isPartial: row.vg_partial !== '',
    ...(row.vg_systemid && { systemId: row.vg_systemid }),
    ...(refused && { refused }),
  }
}

function refusal(row: ReportRow): string | undefined {
  if (row.vg_exported) return 'it is exported (vgexport)'
  if (!['', 'none'].includes(row.vg_lock_type)) return `it is shared by a cluster (lock type ${row.vg_lock_type})`
  return undefined
}

/** Activates what the group has on its own physical volumes; what a missing one takes away is left out. Returns LVM's complaint, if any. */
export async function activateGroup(group: VolumeGroup, scope: LvmScope): Promise<string | undefined> {
  const argv = ['vgchange', '--activate', 'y', '--select', `vg_uuid=${dashed(group.id)}`]
  const result = await runLvm(argv, group.physicalVolumes, scope, group.systemId ? [group.systemId] : [])
  return result.exitCode === 0 ? undefined : complaintOf(result.stderrTail)
}

export async function deactivateGroup(group: VolumeGroup, scope: LvmScope): Promise<string | undefined> {
  const argv = ['vgchange', '--activate', 'n', '--select', `vg_uuid=${dashed(group.id)}`]
  const result = await runLvm(argv, group.physicalVolumes, scope, group.systemId ? [group.systemId] : [])
  return result.exitCode === 0 ? undefined : complaintOf(result.stderrTail)
}

/** Without the lines that only say that we keep no backup of metadata, which we do not change. */
function complaintOf(stderr: string): string {
  const lines = stderr.split('\n').map(line => line.trim())
  return lines.filter(line => line !== '' && !line.includes('NOT be backed up')).join('; ')
}

/** Ids (32 characters) of volumes that are snapshots: they repeat the filesystem of their origin. */
export async function readSnapshots(physicalVolumes: readonly string[], scope: LvmScope): Promise<Set<string>> {
  const argv = ['lvs', '--reportformat', 'json', '--foreign', '-o', FIELDS.lv.join(',')]
  const result = await runLvm(argv, physicalVolumes, scope)
  const rows = parseReport(result.stdout, 'lv')
  return new Set(rows.filter(({ lv_role }) => lv_role.includes('snapshot')).map(({ lv_uuid }) => lv_uuid.replaceAll('-', '')))
}

/** The whole rows of a section; a row that lacks a field, as of an LVM that does not know it, is none. */
function parseReport<Key extends keyof ReportPart>(stdout: Buffer, key: Key): NonNullable<ReportPart[Key]>[number][] {
  try {
    const { report = [] } = JSON.parse(stdout.toString()) as { report?: ReportPart[] }
    const rows = report.flatMap(part => (part[key] ?? []) as NonNullable<ReportPart[Key]>[number][])
    return rows.filter(row => FIELDS[key].every(field => typeof (row as Record<string, unknown> | null)?.[field] === 'string'))
  } catch {
    return []
  }
}

function dashed(id: string): string {
  return [6, 10, 14, 18, 22, 26].reduceRight((text, at) => `${text.slice(0, at)}-${text.slice(at)}`, id)
}
