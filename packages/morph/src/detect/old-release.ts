import type { GuestTree } from '../tree/guest-tree.ts'
import { shownText } from '../tree/text.ts'
import type { Release } from './distribution.ts'
import { known } from './known.ts'
import { parseShellValues } from './shell-values.ts'

/** A file from before os-release (2012), and how to read it; `undefined` when its text is something else. */
interface OldFile {
  readonly path: string
  readonly read: (text: string) => Omit<Release, 'source'> | undefined
}

/**
 * In this order: the files of clones before /etc/redhat-release, which they carry as well (on Oracle Linux with Red Hat's own text), and
 * lsb-release before debian_version, which Ubuntu has too.
 */
const OLD_FILES: readonly OldFile[] = [
  { path: '/etc/oracle-release', read: redHatText },
  { path: '/etc/rocky-release', read: redHatText },
  { path: '/etc/almalinux-release', read: redHatText },
  { path: '/etc/centos-release', read: redHatText },
  { path: '/etc/fedora-release', read: redHatText },
  { path: '/etc/redhat-release', read: redHatText },
  { path: '/etc/system-release', read: redHatText },
  { path: '/etc/SuSE-release', read: suseText },
  { path: '/etc/openwrt_release', read: assignments },
  { path: '/etc/lsb-release', read: assignments },
  { path: '/etc/debian_version', read: text => plain('debian', 'Debian GNU/Linux', text) },
  { path: '/etc/alpine-release', read: text => plain('alpine', 'Alpine Linux', text) },
  { path: '/etc/slackware-version', read: text => plain('slackware', 'Slackware', text.replace(/^\D+/, '')) },
  { path: '/etc/gentoo-release', read: text => plain('gentoo', 'Gentoo', /[\d.]+/.exec(text)?.[0] ?? '') },
  { path: '/etc/arch-release', read: () => plain('arch', 'Arch Linux', '') },
]

/** What the text starts with, and the ID that os-release came to use for it. */
const RED_HAT_NAMES = [
  ['CentOS', 'centos'],
  ['Red Hat Enterprise Linux', 'rhel'],
  ['Oracle', 'ol'],
  ['Enterprise Linux Enterprise Linux', 'ol'],
  ['Rocky', 'rocky'],
  ['AlmaLinux', 'almalinux'],
  ['Scientific', 'scientific'],
  ['Fedora', 'fedora'],
  ['Amazon Linux', 'amzn'],
  ['Virtuozzo', 'virtuozzo'],
  ['CloudLinux', 'cloudlinux'],
] as const

/** The system by the files that were there before os-release: RHEL and CentOS 6, SLES 11, Debian 6, old Ubuntu, Arch. */
export function readOldRelease(tree: GuestTree): Release | undefined {
  for (const { path, read } of OLD_FILES) {
    const text = known(() => tree.read(path))
    const release = text === undefined ? undefined : read(shownText(text.slice(0, 4096)))
    if (release !== undefined) return { ...release, source: path }
  }
  return undefined
}

/** "CentOS release 6.10 (Final)" */
function redHatText(text: string): Omit<Release, 'source'> | undefined {
  const line = text.trim().split('\n')[0] ?? ''
  const id = RED_HAT_NAMES.find(([start]) => line.startsWith(start))?.[1]
  if (id === undefined) return undefined
  return { id, idLike: [], name: line, version: /release\s+([\d.]+)/.exec(line)?.[1] ?? '' }
}

/** "SUSE Linux Enterprise Server 11 (x86_64)", "VERSION = 11", "PATCHLEVEL = 4" */
function suseText(text: string): Omit<Release, 'source'> {
  const value = (key: string): string => new RegExp(`^${key}\\s*=\\s*(\\S+)`, 'm').exec(text)?.[1] ?? ''
  const name = text.trim().split('\n')[0] ?? 'SUSE'
  const id = /openSUSE/i.test(name) ? 'opensuse' : /Desktop/i.test(name) ? 'sled' : 'sles'
  const level = value('PATCHLEVEL')
  return { id, idLike: ['suse'], name, version: [value('VERSION'), level].filter(part => part !== '').join('.') }
}

/** DISTRIB_ID=Ubuntu, DISTRIB_RELEASE=12.04 */
function assignments(text: string): Omit<Release, 'source'> | undefined {
  const values = parseShellValues(text)
  const id = values.get('DISTRIB_ID')?.toLowerCase()
  if (id === undefined || id === '') return undefined
  const version = values.get('DISTRIB_RELEASE') ?? ''
  return { id, idLike: [], name: values.get('DISTRIB_DESCRIPTION') ?? `${values.get('DISTRIB_ID')} ${version}`.trim(), version }
}

function plain(id: string, name: string, text: string): Omit<Release, 'source'> {
  const version = text.trim().split('\n')[0]!.slice(0, 40)
  return { id, idLike: [], name: `${name} ${version}`.trim(), version }
}
