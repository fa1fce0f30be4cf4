import { randomBytes } from 'node:crypto'
import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import type { BlockDevice } from '../storage/block-device.ts'
import { isNestedRoot } from './choose-root.ts'
import { MOUNTABLE, parseFacts, parseOpened, toEvidence, type Evidence, type OpenedFilesystem, type Subvolume } from './evidence.ts'

/**
 * Lays every filesystem open read-only, without replaying a journal (`ro` alone writes: morphing.md 1.5). Arguments: base folder, then
 * device and type of each.
 */
const OPEN = `
base=$1; shift; n=0
while [ $# -gt 1 ]; do
  mkdir -p "$base/$n"
  case $2 in
    ext3|ext4) set -- "$1" "$2" noload noload "$@";;
    xfs) set -- "$1" "$2" norecovery,nouuid norecovery,nouuid "$@";;
    btrfs) set -- "$1" "$2" rescue=nologreplay,subvolid=5 nologreplay,subvolid=5 "$@";;
    *) set -- "$1" "$2" nodev nodev "$@";;
  esac
  if [ "$2" = ntfs ]; then
    # Not mounted: its FUSE daemon would be a process that outlives this one.
    for path in Windows/System32/config WINNT/System32/config; do
      ntfsls --force --path "$path" "$1" > /dev/null 2>&1 && { printf 'W\\t%s\\n' $n; break; }
    done
  elif error=$(mount -t "$2" -o "ro,nodev,nosuid,noexec,$3" -- "$1" "$base/$n" 2>&1 || mount -t "$2" -o "ro,nodev,nosuid,noexec,$4" -- "$1" "$base/$n" 2>&1)
  then
    printf 'M\\t%s\\n' $n
    if [ "$2" = btrfs ]; then
      btrfs subvolume list "$base/$n" | while read -r _ id _ _ _ _ _ _ path; do
        printf 'S\\t%s\\t%s\\t%s\\n' $n "$id" "$(printf %s "$path" | base64 -w0)"
      done
      btrfs subvolume get-default "$base/$n" | { read -r _ id _; printf 'D\\t%s\\t%s\\n' $n "$id"; }
    fi
  else printf 'M\\t%s\\t%s\\n' $n "$(printf '%s ' "$error" | base64 -w0)"
  fi
  shift 6; n=$((n+1))
done
`

/**
 * Notes what is in each folder given. A path is looked at only when no part of it is a link, so that a hostile link leads nowhere; files
 * are read up to a limit; devices and pipes are not opened.
 */
const LOOK = `
clean() {
  rest=$1 at=$root
  while [ -n "$rest" ]; do
    part=\${rest%%/*}; case $rest in */*) rest=\${rest#*/};; *) rest=;; esac
    at=$at/$part; [ -L "$at" ] && return 1
  done
  [ -e "$at" ]
}
say() { printf '%s\\t%s\\n' "$1" "$(base64 -w0)"; }
text() { clean "$2" && [ -f "$root/$2" ] && head -c 262144 -- "$root/$2" | say "$1"; }
has() { key=$1; shift; for path; do clean "$path" && { printf '%s\\t\\n' "$key"; return; }; done; }
link() { [ -L "$root/$2" ] && clean "\${2%/*}" && printf '%s\\t\\n' "$1"; }
full() { key=$1; shift; for path; do for name in "$root/$path"/*; do [ -e "$name" ] && clean "$path" && { printf '%s\\t\\n' "$key"; return; }; done; done; }
loader() {
  for path in "$@"; do
    path=\${path#"$root/"}
    clean "$path" && [ -f "$root/$path" ] && head -c 1048576 -- "$root/$path" |
      grep -aiE '^[[:space:]]*(linux|linux16|linuxefi|kernel|options|append)[[:space:]]|^kernelopts=' | cut -c1-2048 | head -n 100 | say loader
  done
}
n=0
for root; do
  printf 'C\\t%s\\n' $n; n=$((n+1))
  has windows EFI/Microsoft/Boot/bootmgfw.efi bootmgr
  if clean etc && [ -d "$root/etc" ]; then
    text fstab etc/fstab; text crypttab etc/crypttab
    text mdadm etc/mdadm/mdadm.conf || text mdadm etc/mdadm.conf
    text osRelease etc/os-release || text osRelease usr/lib/os-release || link release etc/os-release
    has release etc/redhat-release etc/debian_version etc/SuSE-release etc/alpine-release etc/arch-release etc/system-release
    full modules lib/modules usr/lib/modules
    has packages var/lib/dpkg/status var/lib/rpm usr/lib/sysimage/rpm lib/apk/db/installed usr/lib/apk/db/installed var/lib/pacman/local
    has init sbin/init usr/sbin/init usr/lib/systemd/systemd lib/systemd/systemd etc/inittab || link init sbin/init || link init usr/sbin/init
    clean var/log && stat -c %Y -- "$root"/var/log "$root"/var/log/* 2>/dev/null | say log
  fi
  for top in "$root" "$root/boot" "$root/boot/efi" "$root/efi"; do
    loader "$top"/grub/grub.cfg "$top"/grub2/grub.cfg "$top"/grub/menu.lst "$top"/grub/grub.conf "$top"/grub2/grubenv "$top"/grub/grubenv \\
      "$top"/extlinux/extlinux.conf "$top"/syslinux/syslinux.cfg "$top"/loader/entries/*.conf "$top"/EFI/*/grub.cfg
  done
done
exit 0
`
const MAX_OUTPUT_BYTES = 64 * 2 ** 20
const LOOK_TIMEOUT_MS = 300_000
const CLOSE_TIMEOUT_MS = 60_000

/** The evidence of all filesystems, and those that could not be looked at with the reason. */
export interface Gathered {
  readonly evidence: readonly Evidence[]
  readonly unreadable: readonly { readonly device: BlockDevice; readonly reason: string }[]
  /** Filesystems with a system folder or a boot loader of Windows. */
  readonly windows: readonly BlockDevice[]
}

/** Looks into every filesystem for signs of an installed system. The filesystems are closed again before it returns. */
export async function gatherEvidence(machine: Machine, filesystems: readonly BlockDevice[], signal: AbortSignal): Promise<Gathered> {
  const known = filesystems.filter(({ content }) => MOUNTABLE.has(content?.type ?? '') || content?.type === 'ntfs')
  if (known.length === 0) return { evidence: [], unreadable: [], windows: [] }
  await using look = openLook(machine)
  const opened = await look.open(known, signal)
  const places = opened
    .filter(({ error, hasWindows }) => error === undefined && !hasWindows)
    .flatMap(filesystem => placesOf(filesystem, known))
  const evidence = await look.read(places, signal)
  const unreadable = opened.flatMap(({ index, error }) => (error === undefined ? [] : [{ device: known[index]!, reason: error }]))
  const windows = opened.filter(({ hasWindows }) => hasWindows).map(({ index }) => known[index]!)
  return { evidence, unreadable, windows: [...windows, ...evidence.filter(({ hasWindows }) => hasWindows).map(({ device }) => device)] }
}

interface Place {
  readonly index: number
  readonly device: BlockDevice
  readonly subvolume?: Subvolume
}

/** The top, and each subvolume that can be a root. */
function placesOf({ index, subvolumes }: OpenedFilesystem, filesystems: readonly BlockDevice[]): Place[] {
  const device = filesystems[index]
  if (!device) return []
  if (device.content?.type !== 'btrfs') return [{ index, device }]
  const top = { id: 5, path: '', isDefault: !subvolumes.some(({ isDefault }) => isDefault) }
  const roots = subvolumes.filter(({ path, isDefault }) => isDefault || !isNestedRoot(path))
  return [top, ...roots].map(subvolume => ({ index, device, subvolume }))
}

function openLook(machine: Machine) {
  const base = `/run/instar-look-${randomBytes(6).toString('hex')}`
  let count = 0
  const run = async (argv: readonly string[], signal: AbortSignal): Promise<string> => {
    const result = await machine.run(argv, { signal, captureBytes: MAX_OUTPUT_BYTES, timeoutMs: LOOK_TIMEOUT_MS })
    if (result.exitCode === 0) return result.stdout.toString()
    const how = result.timedOut ? `${LOOK_TIMEOUT_MS / 1000} s passed` : `exit code ${result.exitCode ?? result.signal}`
    throw new InstarError('storage.unreadable', `cannot look at the filesystems on ${machine.name}: ${how}: ${result.stderrTail.trim()}`)
  }
  return {
    open: async (filesystems: readonly BlockDevice[], signal: AbortSignal): Promise<OpenedFilesystem[]> => {
      count = filesystems.length
      const pairs = filesystems.flatMap(({ kernelPath, content }) => [kernelPath, content?.type ?? ''])
      return parseOpened(await run(['sh', '-c', OPEN, 'open', base, ...pairs], signal))
    },
    read: async (places: readonly Place[], signal: AbortSignal): Promise<Evidence[]> => {
      const folders = places.map(({ index, subvolume }) => `${base}/${index}${subvolume?.path ? `/${subvolume.path}` : ''}`)
      const facts = parseFacts(await run(['sh', '-c', LOOK, 'look', ...folders], signal))
      return places.map(({ device, subvolume }, index) => toEvidence(device, subvolume, facts.get(index) ?? new Map()))
    },
    [Symbol.asyncDispose]: async (): Promise<void> => {
      // Its own deadline: after a cancel the caller's signal is spent.
      const signal = AbortSignal.timeout(CLOSE_TIMEOUT_MS)
      const folders = Array.from({ length: count }, (_, index) => `${base}/${index}`)
      await machine.run(['sh', '-c', 'base=$1; shift; umount -- "$@" 2>/dev/null; rmdir -- "$@" "$base"', 'close', base, ...folders], {
        signal,
      })
    },
  }
}
