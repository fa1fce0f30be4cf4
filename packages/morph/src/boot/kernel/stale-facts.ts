import { isFile, textOf } from '../guest-files.ts'
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

const LVM_LOCAL = 'etc/lvm/lvmlocal.conf'
const MAX_LOCAL = 4096

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
  const warnings: string[] = []
  for (const [path, bytes] of image.contents) {
    const text = bytes.toString('latin1')
    const { text: after, unresolved } = correct(path, text, resolve)
    warnings.push(...unresolved.map(name => `the image names ${name} of the source in /${path}, and no attached disk proves what it was`))
    if (after !== text) corrected.set(path, after)
    if (isWaiting(path, text)) needsRebuild.push(`the image waits for a device of the source (/${path})`)
  }
  for (const path of changedFiles.map(file => file.replace(/^\//, ''))) {
    const now = isFile(tree, `/${path}`) ? textOf(tree, `/${path}`) : undefined
    if (now !== undefined && image.contents.has(path) && image.contents.get(path)?.toString('latin1') !== now) corrected.set(path, now)
  }
  const devices = image.contents.get('etc/lvm/devices/system.devices')?.toString('latin1')
  const local = image.contents.get(LVM_LOCAL)?.toString('latin1') ?? ''
  const isOff = /^\s*use_devicesfile\s*=\s*0/m.test(local.slice(-MAX_LOCAL))
  if (devices !== undefined && tellsByHardware(devices) && !isOff && !corrected.has('etc/lvm/devices/system.devices')) {
    // An archive can add files, not remove them: LVM reads lvmlocal.conf after lvm.conf, and it switches the list off.
    corrected.set(LVM_LOCAL, `${local}devices {\n\tuse_devicesfile = 0\n}\n`)
  }
  const hasMultipath = ['sbin/multipathd', 'usr/sbin/multipathd'].some(path => image.entries.has(canonicalPath(image, path, false)))
  if (hasMultipath) warnings.push('the image starts multipathd, which may take the disk of the root')
  return { corrected, needsRebuild, warnings }
}

interface Correction {
  readonly text: string
  readonly unresolved: readonly string[]
}

function correct(path: string, text: string, resolve: ResolveDevice): Correction {
  if (/^etc\/cmdline(\.d\/|$)/.test(path)) return editCmdlineText(text, { resolve })
  const place = /^(etc|cryptroot)\/crypttab$/.test(path) ? CRYPTTAB_DEVICE : path.startsWith('conf/') ? CONF_DEVICE : undefined
  const unresolved: string[] = []
  if (place === undefined) return { text, unresolved }
  const edited = text.replaceAll(place, (whole, head: string, spec: string) => {
    if (!isSourceDeviceName(spec)) return whole
    const stable = resolve(spec)
    if (stable === undefined) unresolved.push(spec)
    return head + (stable ?? spec)
  })
  return { text: edited, unresolved }
}

/** The second field of crypttab; values of RESUME and ROOT in the shell files of initramfs-tools. */
const CRYPTTAB_DEVICE = /^([^\s#]+[ \t]+)(\/dev\/\S+)/gm
const CONF_DEVICE = /^((?:export )?(?:RESUME|ROOT)=["']?)(\/dev\/[^\s"']+)/gm

/** dracut's hooks that end its waiting: one script a device, with the name in it. */
function isWaiting(path: string, text: string): boolean {
  if (!/devexists-[^/]*\.sh$/.test(path)) return false
  return (text.match(/\/dev\/[^\s"'\]]+/g) ?? []).some(isSourceDeviceName)
}

function tellsByHardware(devices: string): boolean {
  return [...devices.matchAll(/^[ \t]*IDTYPE=(\S+)/gm)].some(match => !LVM_STABLE_TYPES.has(match[1] ?? ''))
}
