import type { GuestTree } from '../../tree/guest-tree.ts'
import { canonicalPath } from '../initramfs/image-files.ts'
import type { InitramfsReading } from '../initramfs/read.ts'
import { type ResolveDevice, editCmdlineText, isSourceDeviceName } from '../loader/cmdline.ts'

/** What an image remembers of the source: files with their corrected content, and what only a rebuild removes. */
export interface StaleFacts {
  /** By path in the image. */
  readonly corrected: ReadonlyMap<string, string>
  readonly needsRebuild: readonly string[]
  readonly warnings: readonly string[]
}

/** Other types tell a disk by its hardware, which is another one on the new bus (lvmdevices(8)). */
const LVM_STABLE_TYPES = new Set(['lvmlv_uuid', 'crypt_uuid', 'md_uuid', 'mpath_uuid'])

interface StaleInput {
  readonly tree: GuestTree
  readonly image: InitramfsReading
  readonly resolve: ResolveDevice
  /** Guest files that the morph changed and images carry copies of. */
  readonly changedFiles: readonly string[]
}

/** Looks for names of the source in the small files of an image: a host-only image waits for what it saw at the source. */
export function findStaleFacts({ tree, image, resolve, changedFiles }: StaleInput): StaleFacts {
  const corrected = new Map<string, string>()
  const needsRebuild: string[] = []
  for (const [path, bytes] of image.contents) {
    const text = bytes.toString('latin1')
    const after = correct(path, text, resolve)
    if (after !== text) corrected.set(path, after)
    if (isWaiting(path, text)) needsRebuild.push(`the image waits for a device of the source (/${path})`)
  }
  for (const path of changedFiles.map(file => file.replace(/^\//, ''))) {
    const now = tree.stat(`/${path}`)?.kind === 'file' ? tree.read(`/${path}`) : undefined
    if (now !== undefined && image.contents.has(path) && image.contents.get(path)?.toString('latin1') !== now) corrected.set(path, now)
  }
  const devices = image.contents.get('etc/lvm/devices/system.devices')?.toString('latin1')
  if (devices !== undefined && tellsByHardware(devices) && !corrected.has('etc/lvm/devices/system.devices')) {
    // An archive can add files, not remove them: LVM reads lvmlocal.conf after lvm.conf, and it switches the list off.
    corrected.set('etc/lvm/lvmlocal.conf', 'devices {\n\tuse_devicesfile = 0\n}\n')
  }
  const hasMultipath = ['sbin/multipathd', 'usr/sbin/multipathd'].some(path => image.entries.has(canonicalPath(image, path, false)))
  return { corrected, needsRebuild, warnings: hasMultipath ? ['the image starts multipathd, which may take the disk of the root'] : [] }
}

function correct(path: string, text: string, resolve: ResolveDevice): string {
  if (/^etc\/cmdline(\.d\/|$)/.test(path)) return editCmdlineText(text, { resolve }).text
  if (/^(etc|cryptroot)\/crypttab$/.test(path)) {
    return text.replaceAll(
      /^([^\s#]+[ \t]+)(\/dev\/\S+)/gm,
      (_, head: string, spec: string) => head + (isSourceDeviceName(spec) ? (resolve(spec) ?? spec) : spec),
    )
  }
  if (path.startsWith('conf/')) {
    return text.replaceAll(/^((?:export )?(?:RESUME|ROOT)=)(["']?)(\/dev\/[^\s"']+)/gm, (_, head: string, quote: string, spec: string) => {
      return head + quote + (isSourceDeviceName(spec) ? (resolve(spec) ?? spec) : spec)
    })
  }
  return text
}

/** dracut's hooks that end its waiting: one script a device, with the name in it. */
function isWaiting(path: string, text: string): boolean {
  if (!/devexists-[^/]*\.sh$/.test(path)) return false
  return (text.match(/\/dev\/[^\s"'\]]+/g) ?? []).some(isSourceDeviceName)
}

function tellsByHardware(devices: string): boolean {
  return [...devices.matchAll(/^[ \t]*IDTYPE=(\S+)/gm)].some(match => !LVM_STABLE_TYPES.has(match[1] ?? ''))
}
