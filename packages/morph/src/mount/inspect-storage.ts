import { BIOS_BOOT_TYPE, ESP_TYPES, type BlockDevice } from '../storage/block-device.ts'
import type { Storage } from '../storage/storage.ts'
import { placeOf } from './choose-root.ts'
import type { MountedGuest } from './mount-guest.ts'

/** What was found on the disks and how the guest is mounted, as `inspect --json` prints it. */
export interface StorageReport {
  readonly version: 1
  readonly devices: readonly DeviceReport[]
  readonly volume_groups: readonly { name: string; uuid: string; is_partial: boolean; refused?: string }[]
  readonly locked: readonly { device: string; uuid: string; reason: string }[]
  readonly roots: readonly { place: string; score: number; reasons: readonly string[]; is_chosen: boolean }[]
  readonly mounts: readonly { device: string; mount_point: string; type: string; options: readonly string[] }[]
  readonly fstab: readonly { line: number; text: string; class: string; outcome: string; severity: string; reason: string }[]
  readonly filesystem_states: readonly { device: string; state: string; message: string }[]
  readonly warnings: readonly string[]
}

interface DeviceReport {
  readonly path: string
  readonly kind: string
  readonly size_bytes: number
  readonly parents: readonly string[]
  readonly type?: string
  readonly uuid?: string
  readonly label?: string
  readonly partition?: { table: string; number: number; type: string; role?: 'esp' | 'bios-boot'; uuid?: string; label?: string }
}

/** Puts storage and mounts into one plain value. */
export function reportStorage(storage: Storage, guest?: MountedGuest): StorageReport {
  return {
    version: 1,
    devices: storage.devices.map(device => reportDevice(device, storage.devices)),
    volume_groups: storage.volumeGroups.map(({ name, id, isPartial, refused }) => ({
      name,
      uuid: id,
      is_partial: isPartial,
      ...(refused !== undefined && { refused }),
    })),
    locked: storage.locked.map(({ device, uuid, reason }) => ({ device, uuid, reason })),
    roots: (guest?.candidates ?? []).map(candidate => ({
      place: placeOf(candidate),
      score: candidate.score,
      reasons: candidate.reasons,
      is_chosen: candidate.evidence === guest?.root.evidence,
    })),
    mounts: (guest?.mounts ?? []).map(({ device, mountPoint, fsType, options }) => ({
      device,
      mount_point: mountPoint,
      type: fsType,
      options,
    })),
    fstab: (guest?.fstab ?? []).map(({ line, outcome, severity, reason }) => ({
      line: line.number,
      text: line.text,
      class: line.class,
      outcome,
      severity,
      reason,
    })),
    filesystem_states: (guest?.states ?? []).map(({ device, state, message }) => ({ device, state, message })),
    warnings: [...storage.warnings, ...(guest?.warnings ?? [])],
  }
}

function reportDevice(device: BlockDevice, devices: readonly BlockDevice[]): DeviceReport {
  const { content, partition } = device
  const pathOf = (kernelPath: string): string => devices.find(other => other.kernelPath === kernelPath)?.path ?? kernelPath
  return {
    path: device.path,
    kind: device.kind,
    size_bytes: device.sizeBytes,
    parents: device.parents.map(pathOf),
    ...(content && { type: content.type }),
    ...(content?.uuid !== undefined && { uuid: content.uuid }),
    ...(content?.label !== undefined && { label: content.label }),
    ...(partition && { partition: reportPartition(partition) }),
  }
}

function reportPartition({ table, number, type, uuid, label }: NonNullable<BlockDevice['partition']>) {
  const role = ESP_TYPES.has(type) ? ('esp' as const) : type === BIOS_BOOT_TYPE ? ('bios-boot' as const) : undefined
  return { table, number, type, ...(role && { role }), ...(uuid !== undefined && { uuid }), ...(label !== undefined && { label }) }
}
