import { known } from '../detect/known.ts'
import type { OutcomeDraft } from '../references/outcome.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { editIni } from './ini.ts'
import { parseMac } from './mac.ts'
import type { NicProfile } from './model.ts'

/**
 * Makes the profile of a machine's only card independent of the card's address, when nobody knows the new one: it is matched by name
 * instead, or by nothing where any card will do. False when the file has a form that cannot be changed safely.
 */
export function loosen(tree: GuestTree, profile: NicProfile, outcome: OutcomeDraft): boolean {
  const text = known(() => tree.read(profile.file))
  if (text === undefined || profile.file.startsWith('/usr/')) return false
  const changed = loosened(text, profile)
  if (changed === undefined) return false
  tree.write(profile.file, changed)
  outcome.changes.push(`${profile.file} no longer insists on the card ${profile.mac}.`)
  return true
}

function loosened(text: string, { system, name, mac }: NicProfile): string | undefined {
  switch (system) {
    case 'netplan': {
      // Once, so that it is the match and not an address to set; and a name cannot be matched twice.
      const places = [...text.matchAll(/\bmacaddress:\s*(["']?)([0-9A-Fa-f:-]{17})\1/g)].filter(found => parseMac(found[2]) === mac)
      const [place] = places
      if (place === undefined || places.length > 1 || /(?<![-\w])name:/.test(text)) return undefined
      return `${text.slice(0, place.index)}name: "${name ?? 'e*'}"${text.slice(place.index + place[0].length)}`
    }
    case 'networkmanager':
      return editIni(text, ({ section, key }) => section.endsWith('ethernet') && key === 'mac-address', [])
    case 'networkd':
      return editIni(text, ({ section, key }) => section === 'Match' && /^(?:Permanent)?MACAddress$/.test(key), [
        { section: 'Match', key: 'Name', value: name ?? 'e*' },
      ])
    case 'ifcfg-redhat':
      return text.replaceAll(/^[ \t]*HWADDR=.*\n?/gm, '')
    case 'ifupdown':
    case 'ifcfg-suse':
      return undefined
  }
}
