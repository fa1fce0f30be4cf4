import { shownText } from '../tree/text.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { known } from './known.ts'
import { readOldRelease } from './old-release.ts'
import { parseShellValues } from './shell-values.ts'
import { versionParts } from './version.ts'

export type Family =
  | 'debian'
  | 'redhat'
  | 'suse'
  | 'alpine'
  | 'arch'
  | 'openwrt'
  | 'flatcar'
  | 'photon'
  | 'alt'
  | 'gentoo'
  | 'void'
  | 'nixos'
  | 'slackware'
  | 'other'

/** Which Linux a guest is. */
export interface Distribution {
  /** As in os-release, lower case: "debian", "rhel", "opensuse-leap". */
  readonly id: string
  readonly family: Family
  /** For people: "Debian GNU/Linux 12 (bookworm)". */
  readonly prettyName: string
  /** As written, the more exact of the places that tell: "12.5", "22.04", "trixie/sid"; empty for a rolling one. */
  readonly version: string
  /** Its numbers, compared by `isAtLeast`; empty where there are none. */
  readonly versionParts: readonly number[]
  readonly codename?: string
  /** os-release VARIANT_ID: "server", "coreos". */
  readonly variant?: string
  /** The file that told. */
  readonly source: string
}

/** What a release file says, before the family is known. */
export interface Release {
  readonly id: string
  readonly idLike: readonly string[]
  readonly name: string
  readonly version: string
  readonly codename?: string
  readonly variant?: string
  readonly source: string
}

/** ID or ID_LIKE to family; the first word that is known decides. */
const FAMILIES: ReadonlyMap<string, Family> = new Map<string, Family>([
  ...['debian', 'ubuntu', 'ubuntu-core', 'linuxmint', 'pop', 'kali', 'devuan', 'raspbian'].map(id => [id, 'debian'] as const),
  ...['rhel', 'centos', 'rocky', 'almalinux', 'ol', 'fedora', 'amzn', 'scientific', 'circle', 'eurolinux', 'cloudlinux', 'virtuozzo'].map(
    id => [id, 'redhat'] as const,
  ),
  ...['anolis', 'openeuler', 'kylin', 'neokylin', 'redhat'].map(id => [id, 'redhat'] as const),
  ...['suse', 'opensuse', 'sles', 'sled', 'sles_sap', 'sle-micro', 'sl-micro', 'sle_hpc'].map(id => [id, 'suse'] as const),
  ...['opensuse-leap', 'opensuse-tumbleweed', 'opensuse-microos', 'opensuse-leap-micro'].map(id => [id, 'suse'] as const),
  ...['alpine', 'postmarketos'].map(id => [id, 'alpine'] as const),
  ...['arch', 'manjaro', 'endeavouros'].map(id => [id, 'arch'] as const),
  ...['openwrt', 'lede'].map(id => [id, 'openwrt'] as const),
  ...['flatcar', 'coreos'].map(id => [id, 'flatcar'] as const),
  ...['photon', 'mariner', 'azurelinux'].map(id => [id, 'photon'] as const),
  ...(['gentoo', 'void', 'nixos', 'slackware'] as const).map(id => [id, id] as const),
  ['altlinux', 'alt'],
])

/** The distribution by os-release or the older files; `undefined` when none of them is there. */
export function detectDistribution(tree: GuestTree): Distribution | undefined {
  const release = readOsRelease(tree) ?? readOldRelease(tree)
  if (release === undefined) return undefined
  const family = [release.id, ...release.idLike].map(id => FAMILIES.get(id)).find(found => found !== undefined) ?? 'other'
  const version = printable(exactVersion(tree, release))
  return {
    id: printable(release.id),
    family,
    prettyName: printable(release.name),
    version,
    versionParts: versionParts(version),
    ...(release.codename === undefined ? {} : { codename: release.codename }),
    ...(release.variant === undefined ? {} : { variant: release.variant }),
    source: release.source,
  }
}

/** Names come from the guest and are shown: no control characters, no endless line. */
function printable(text: string): string {
  return text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 120)
}

/** /etc first: /usr/lib holds what the vendor shipped. A file without ID is none (os-release(5) makes it "linux"; some vendors leave it out). */
function readOsRelease(tree: GuestTree): Release | undefined {
  for (const source of ['/etc/os-release', '/usr/lib/os-release']) {
    const text = known(() => tree.read(source))
    const values = parseShellValues(shownText(text ?? ''))
    const id = (values.get('ID') ?? '').trim().toLowerCase()
    if (id === '') continue
    const codename = values.get('VERSION_CODENAME') ?? /\(([^)]+)\)/.exec(values.get('VERSION') ?? '')?.[1]
    const variant = values.get('VARIANT_ID')
    return {
      id,
      idLike: (values.get('ID_LIKE') ?? '').toLowerCase().split(/\s+/),
      name: values.get('PRETTY_NAME') ?? [values.get('NAME') ?? id, values.get('VERSION') ?? ''].join(' ').trim(),
      version: (values.get('VERSION_ID') ?? '').trim(),
      ...(codename === undefined ? {} : { codename }),
      ...(variant === undefined ? {} : { variant }),
      source,
    }
  }
  return undefined
}

/** os-release of Debian and CentOS has the major version only; a file beside it has the rest. Another major there is another system's file. */
function exactVersion(tree: GuestTree, { id, version }: Release): string {
  const file = id === 'debian' ? '/etc/debian_version' : id === 'centos' ? '/etc/centos-release' : undefined
  const text = file === undefined ? undefined : known(() => tree.read(file))
  if (text === undefined) return version
  const more = id === 'debian' ? text.trim().slice(0, 40) : (/release\s+([\d.]+)/.exec(text)?.[1] ?? '')
  const isMore = version === '' || versionParts(more)[0] === versionParts(version)[0]
  return isMore && more !== '' ? more : version
}
