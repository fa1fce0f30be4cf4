import { randomBytes } from 'node:crypto'
import type { Machine, RunResult } from '@instar/machine'
import { RESOLVE_IN } from './resolve-in-root.ts'

/** A filesystem of the guest as it is mounted now. */
export interface GuestMount {
  /** Path of the device on the minion. */
  readonly device: string
  readonly kernelPath: string
  readonly fsType: string
  readonly uuid?: string
  /** As the guest's fstab names it: "/boot". */
  readonly mountPoint: string
  /** Where that is after following the guest's links: "/boot", or "/srv/home" for a linked /home. */
  readonly resolved: string
  /** On the minion. */
  readonly path: string
  readonly options: readonly string[]
}

interface MountRequest {
  readonly root: string
  readonly mountPoint: string
  readonly device: string
  readonly fsType: string
  readonly options: readonly string[]
}

type MountResult = { kind: 'mounted'; resolved: string } | { kind: 'failed' | 'read-only'; message: string }

/**
 * Finds the mount point inside the guest, makes it if need be (as systemd would), mounts, and proves that it can be written: a kernel
 * turns a damaged or hibernated filesystem read-only without an error of mount.
 */
const MOUNT = `${RESOLVE_IN}
root=$1 type=$3 options=$4 device=$5 proof=$6
resolve_in "$root" "$2" || exit 72
made=
[ -d "$root$at" ] || { mkdir -p -- "$root$at" && made=1; } || exit 72
mount -t "$type" -o "$options" -- "$device" "$root$at" || { [ -n "$made" ] && rmdir -- "$root$at"; exit 73; }
if ! { : > "$root$at/$proof" && rm -- "$root$at/$proof"; }; then umount -- "$root$at"; exit 74; fi
printf '%s' "$at"
`
const NOT_WRITABLE = 74
/** A journal of several GiB on an emulated machine. */
const MOUNT_TIMEOUT_MS = 600_000

export async function mountOne(machine: Machine, request: MountRequest, signal: AbortSignal): Promise<MountResult> {
  const { root, mountPoint, fsType, options, device } = request
  const proof = `.instar-write-proof-${randomBytes(6).toString('hex')}`
  const argv = ['sh', '-c', MOUNT, 'mount', root, mountPoint, fsType, options.join(','), device, proof]
  const result = await machine.run(argv, { signal, captureBytes: 65_536, timeoutMs: MOUNT_TIMEOUT_MS })
  if (result.exitCode === 0) return { kind: 'mounted', resolved: result.stdout.toString() || '/' }
  return { kind: result.exitCode === NOT_WRITABLE ? 'read-only' : 'failed', message: messageOf(result) }
}

function messageOf(result: RunResult): string {
  if (result.timedOut) return `mount took more than ${MOUNT_TIMEOUT_MS / 60_000} minutes`
  return result.stderrTail.trim().split('\n').slice(-3).join('; ') || `exit code ${result.exitCode ?? result.signal}`
}
