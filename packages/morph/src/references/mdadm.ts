import type { GuestTree } from '../tree/guest-tree.ts'
import type { Outcome, OutcomeDraft } from './outcome.ts'
import { newOutcome } from './outcome.ts'
import { parseSourceName } from './source-names.ts'

const MDADM_FILES = ['/etc/mdadm/mdadm.conf', '/etc/mdadm.conf']

/**
 * Frees mdadm.conf of the source's device names. DEVICE lines become `DEVICE partitions` (mdadm's own default: look at all), `devices=` is
 * dropped from ARRAY lines that have a UUID; an ARRAY known only by device names is left with a warning. No name has to be resolved:
 * arrays are told by the UUID in their superblocks.
 */
export function fixMdadm(tree: GuestTree): Outcome {
  const outcome = newOutcome()
  for (const path of MDADM_FILES) {
    const text = tree.lstat(path)?.kind === 'file' ? tree.read(path) : undefined
    if (text === undefined) continue
    const edited = joinLines(text)
      .map(lines => editEntry(path, lines, outcome))
      .join('\n')
    tree.write(path, edited)
    if (edited !== text) outcome.inInitramfs.push(path)
  }
  return outcome
}

/** Lines with those that continue them (a leading blank, mdadm.conf(5)). */
function joinLines(text: string): string[] {
  return text.split(/\n(?![ \t]+[^ \t\n#])/)
}

function editEntry(path: string, entry: string, outcome: OutcomeDraft): string {
  const [word = '', ...words] = entry.split(/\s+/)
  if (/^DEV/i.test(word) && words.some(isForeign)) {
    outcome.changes.push(`${path}: "${oneLine(entry)}" is now "DEVICE partitions"`)
    return `DEVICE partitions${entry.endsWith('\r') ? '\r' : ''}`
  }
  const devices = words.find(one => /^devices=/i.test(one) && one.slice('devices='.length).split(',').some(isForeign))
  if (!/^ARR/i.test(word) || devices === undefined) return entry
  if (!words.some(one => /^(uuid|name)=/i.test(one))) {
    const message = `"${oneLine(entry)}" tells its array only by device names of the old platform; add its UUID (mdadm --detail)`
    outcome.warnings.push({ path, message, weight: 'degraded' })
    return entry
  }
  outcome.changes.push(`${path}: "${devices}" is dropped from the ARRAY line of ${words[0] ?? ''}`)
  return dropWord(entry, devices)
}

function dropWord(entry: string, word: string): string {
  const at = [...entry.matchAll(/\S+/g)].find(found => found[0] === word)?.index ?? 0
  return entry.slice(0, at).trimEnd() + entry.slice(at + word.length)
}

/** A device name or a pattern over them (`/dev/sd*`): both describe the old bus. */
function isForeign(word: string): boolean {
  return parseSourceName(word) !== undefined || /^\/dev\/(?:[shv]d|xvd|nvme|cciss\/|disk\/by-(?:id|path)\/).*[*?[]/.test(word)
}

function oneLine(entry: string): string {
  return entry.trim().replace(/\s+/g, ' ')
}
