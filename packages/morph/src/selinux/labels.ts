import { detectSelinux } from '../detect/selinux.ts'
import type { StepWarning } from '../references/outcome.ts'
import type { GuestTree, TreeChange } from '../tree/guest-tree.ts'
import type { EntryKind } from './file-contexts.ts'
import { createLabeller, parseFileContexts, parseSubstitutions } from './file-contexts.ts'

/** A label to set as the extended attribute `security.selinux` (its value ends with a NUL), on the link itself where it is one. */
export interface PathLabel {
  readonly path: string
  readonly label: string
}

export interface LabelPlan {
  readonly labels: readonly PathLabel[]
  /** True only where a label could not be told: the guest must then relabel itself (/.autorelabel), which takes a reboot. */
  readonly mustRelabel: boolean
  readonly warnings: readonly StepWarning[]
}

const NOTHING: LabelPlan = { labels: [], mustRelabel: false, warnings: [] }

/**
 * The labels of what was made new in a guest that uses SELinux: nothing else is touched. A changed file keeps the label it has, which may
 * be the administrator's own. Empty where SELinux is off or absent; a permissive guest is labelled like an enforcing one.
 */
export function planLabels(tree: GuestTree, changes: readonly TreeChange[]): LabelPlan {
  const made = changes.filter(({ change, entry }) => change === 'created' && entry !== undefined)
  return labelPaths(
    tree,
    made.map(({ path, entry }) => ({ path, kind: kindOf(entry!.kind) })),
  )
}

/** The same for paths that were written by other means, such as the guest's package manager. */
export function labelPaths(tree: GuestTree, paths: readonly { readonly path: string; readonly kind: EntryKind }[]): LabelPlan {
  const { mode, policy = 'targeted' } = detectSelinux(tree)
  if (mode === 'absent' || mode === 'disabled' || paths.length === 0) return NOTHING
  const base = `/etc/selinux/${policy}/contexts/files/file_contexts`
  const text = tree.read(base)
  if (text === undefined) return unreadable(base, 'it is not there')
  const read = (suffix: string) => tree.read(`${base}${suffix}`) ?? ''
  const labelFor = createLabeller({
    specs: [text, read('.homedirs'), read('.local')].flatMap(parseFileContexts),
    subs: parseSubstitutions(read('.subs')),
    distSubs: parseSubstitutions(read('.subs_dist')),
  })
  const answers = paths.map(({ path, kind }) => ({ path, answer: labelFor(path, kind) }))
  const unknown = answers.find(({ answer }) => answer.kind === 'unknown')
  const labels = answers.flatMap(({ path, answer }) => (answer.kind === 'label' ? [{ path, label: answer.label }] : []))
  if (unknown === undefined) return { labels, mustRelabel: false, warnings: [] }
  const why = `its pattern ${unknown.answer.kind === 'unknown' ? unknown.answer.pattern.slice(0, 200) : ''} cannot be matched safely against ${unknown.path}`
  return { ...unreadable(base, why), labels }
}

function unreadable(path: string, why: string): LabelPlan {
  const message = `the labels of new files cannot be told: ${why}; the guest relabels itself at its first boot, which takes a reboot`
  return { labels: [], mustRelabel: true, warnings: [{ path, message, weight: 'degraded' }] }
}

function kindOf(kind: 'file' | 'dir' | 'link' | 'other'): EntryKind {
  return kind === 'other' ? 'file' : kind
}
