import { compilePattern } from '../selinux/pattern.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import type { Outcome, OutcomeDraft } from './outcome.ts'
import { newOutcome } from './outcome.ts'

const LVM_CONFIG_FILES = ['/etc/lvm/lvm.conf', '/etc/lvm/lvmlocal.conf']
/** Accepts every device: the value LVM has without a filter. */
const ACCEPT_ALL = '[ "a|.*|" ]'

interface Assignment {
  readonly name: string
  /** Where the value stands in the text. */
  readonly from: number
  readonly to: number
  readonly rules: readonly string[]
}

/**
 * Opens LVM filters that would hide the guest's physical volumes on the new bus, and only those: each volume's names there are tried
 * against the rules as LVM does (the first rule that fits a name decides; one accepted name is enough). The old value stays as a comment.
 */
export function fixLvmFilters(tree: GuestTree, volumes: readonly (readonly string[])[]): Outcome {
  const outcome = newOutcome()
  for (const path of LVM_CONFIG_FILES) {
    const text = tree.read(path)
    if (text === undefined) continue
    let edited = text
    for (const assignment of findFilters(text).toReversed()) {
      const hidden = volumes.filter(names => passes(names, assignment.rules) === false)
      if (volumes.some(names => passes(names, assignment.rules) === undefined)) warnUnreadable(path, assignment, outcome)
      else if (hidden.length > 0) edited = open(edited, assignment, { path, hidden, outcome })
    }
    tree.write(path, edited)
    if (edited !== text) outcome.inInitramfs.push(path)
  }
  return outcome
}

function open(
  text: string,
  assignment: Assignment,
  { path, hidden, outcome }: { path: string; hidden: readonly (readonly string[])[]; outcome: OutcomeDraft },
): string {
  const old = text
    .slice(assignment.from, assignment.to)
    .replace(/#[^\n]*/g, '')
    .replace(/\s+/g, ' ')
  outcome.changes.push(
    `${path}: ${assignment.name} hid ${hidden.map(names => names[0]).join(', ')} and accepts every device now; it was ${old}`,
  )
  const lineStart = text.lastIndexOf('\n', assignment.from) + 1
  const head = text.slice(0, assignment.from)
  const rest = ACCEPT_ALL + text.slice(assignment.to)
  const isAlone = /^\s*[\w/]+\s*=\s*$/.test(text.slice(lineStart, assignment.from))
  return isAlone ? `${text.slice(0, lineStart)}# instar: was ${assignment.name} = ${old}\n${head.slice(lineStart)}${rest}` : head + rest
}

/** Would LVM use a device with these names? Undefined when a rule cannot be read. */
function passes(names: readonly string[], rules: readonly string[]): boolean | undefined {
  const parsed = rules.map(parseRule)
  if (parsed.some(rule => rule === undefined)) return undefined
  const verdicts = names.map(name => parsed.find(rule => rule!.test(name))?.accepts)
  return verdicts.includes(true) || !verdicts.includes(false)
}

function parseRule(rule: string): { accepts: boolean; test: (name: string) => boolean } | undefined {
  const [, action, delimiter = '', rest = ''] = /^([ar])(.)(.*)$/.exec(rule) ?? []
  const closing = { '(': ')', '[': ']', '{': '}' }[delimiter] ?? delimiter
  const end = rest.lastIndexOf(closing)
  const pattern = action === undefined || end === -1 ? undefined : compilePattern(rest.slice(0, end), { anchored: false })
  return pattern === undefined ? undefined : { accepts: action === 'a', test: name => pattern.test(name) }
}

function warnUnreadable(path: string, assignment: Assignment, outcome: OutcomeDraft): void {
  const message = `${assignment.name} has a rule that cannot be read (${assignment.rules.join(' ').slice(0, 200)}); it may hide the disks of the new platform`
  outcome.warnings.push({ path, message, weight: 'degraded' })
}

/** The filter settings that are in force: not in comments or strings. */
function findFilters(text: string): Assignment[] {
  const found: Assignment[] = []
  const words = /#[^\n]*|"(?:\\.|[^"\\])*"|(?:devices\/)?\b(filter|global_filter)\s*=\s*/g
  for (let word = words.exec(text); word !== null; word = words.exec(text)) {
    if (word[1] === undefined || /\w/.test(text[word.index - 1] ?? ' ')) continue
    const value = readValue(text, words.lastIndex)
    if (value === undefined) continue
    found.push({ name: word[1], from: words.lastIndex, ...value })
    words.lastIndex = value.to
  }
  return found
}

function readValue(text: string, from: number): { to: number; rules: string[] } | undefined {
  const parts = /\s+|#[^\n]*|,|"((?:\\.|[^"\\])*)"|[[\]]/y
  const rules: string[] = []
  parts.lastIndex = from
  for (let part = parts.exec(text); part !== null; part = parts.exec(text)) {
    if (part[1] !== undefined) rules.push(part[1].replace(/\\(.)/g, '$1'))
    if (part[0] === ']' || (part[1] !== undefined && text[from] === '"')) return { to: parts.lastIndex, rules }
  }
  return undefined
}
