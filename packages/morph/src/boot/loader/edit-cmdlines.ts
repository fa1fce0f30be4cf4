import { known } from '../../detect/known.ts'
import { isFile, namesIn, textOf } from '../guest-files.ts'
import type { GuestTree } from '../../tree/guest-tree.ts'
import { type CmdlineRules, editCmdlineText } from './cmdline.ts'
import { EXTLINUX_PLACES } from './extlinux.ts'
import { findGrubConfigs } from './grub2.ts'
import { parseGrubenv, renderGrubenv } from './grubenv.ts'
import { appendToValue, editValues, findAssignments, valueOf } from './shell-assignments.ts'

export interface CmdlineChange {
  readonly path: string
  readonly changes: readonly string[]
}

export interface CmdlineReport {
  readonly changed: readonly CmdlineChange[]
  /** Names of the source platform that nobody could translate: "/boot/grub/grub.cfg: root=/dev/sda9". */
  readonly unresolved: readonly string[]
}

export interface EditCmdlinesOptions extends CmdlineRules {
  /** For entries without an initramfs: the kernel alone knows PARTUUID= but not UUID=. Absent = such entries stay as they are. */
  readonly resolveWithoutInitramfs?: CmdlineRules['resolve']
}

/**
 * Edits the kernel command line in every place that holds one: loader menus, /etc/default/grub and its drop-ins, BLS, grubenv,
 * /etc/kernel/cmdline, extlinux, GRUB 1. No generator is run: in a chroot it would write names of the minion. Unified images are not touched.
 */
export function editCmdlines(tree: GuestTree, options: EditCmdlinesOptions): CmdlineReport {
  const session = new EditSession(options)
  const grubConfigs = findGrubConfigs(tree, 'bios')
  const edit = (paths: readonly string[], change: (text: string) => string): void => {
    for (const path of paths) session.edit(tree, path, change)
  }
  edit(grubConfigs, text => editGrubConfig(text, session))
  edit(confFiles(tree, ['/boot/loader/entries', '/boot/efi/loader/entries', '/efi/loader/entries']), text => editBls(text, session))
  edit([...new Set(grubConfigs.map(path => path.replace(/[^/]*$/, 'grubenv')))], text => editGrubenv(text, session))
  edit(['/etc/kernel/cmdline', '/usr/lib/kernel/cmdline'], text => session.cmdline(text))
  edit(EXTLINUX_PLACES, text =>
    text.replaceAll(/^([ \t]*append[ \t])(.*)$/gim, (_, key: string, value: string) => key + session.cmdline(value)),
  )
  edit(['/boot/grub/grub.conf', '/boot/grub/menu.lst', '/boot/efi/EFI/redhat/grub.conf'], text => editGrub1(text, session))
  edit(['/etc/update-extlinux.conf'], text => editVariables(text, session, ['default_kernel_opts', 'root']))
  editDefaultGrub(tree, session)
  return { changed: session.changed, unresolved: session.unresolved }
}

/** Collects what was changed where; one edit of one file at a time. */
class EditSession {
  readonly changed: CmdlineChange[] = []
  readonly unresolved: string[] = []
  readonly options: EditCmdlinesOptions
  private here = { path: '', changes: [] as string[] }

  constructor(options: EditCmdlinesOptions) {
    this.options = options
  }

  edit(tree: GuestTree, path: string, change: (text: string) => string): void {
    const before = isFile(tree, path) ? known(() => tree.read(path)) : undefined
    if (before === undefined) return
    this.here = { path, changes: [] }
    const after = change(before)
    if (after === before) return
    tree.write(path, after)
    this.changed.push({ path, changes: [...new Set(this.here.changes)] })
  }

  /** A whole command line: names and consoles. */
  cmdline(text: string): string {
    return this.apply(text, this.options)
  }

  /** Names only: a part of a command line, or one that gets its consoles elsewhere. */
  devices(text: string, resolve = this.options.resolve): string {
    return this.apply(text, { resolve })
  }

  note(change: string): void {
    this.here.changes.push(change)
  }

  private apply(text: string, rules: CmdlineRules): string {
    const edit = editCmdlineText(text, rules)
    this.here.changes.push(...edit.changes)
    for (const token of edit.unresolved) {
      const line = `${this.here.path}: ${token}`
      if (!this.unresolved.includes(line)) this.unresolved.push(line)
    }
    return edit.text
  }
}

function confFiles(tree: GuestTree, folders: readonly string[]): string[] {
  return folders.flatMap(folder =>
    namesIn(tree, folder)
      .filter(name => name.endsWith('.conf'))
      .map(name => `${folder}/${name}`),
  )
}

/** Lines of `linux` commands, each with the rule that fits its entry, and variables that hold command lines (RHEL 8 kernelopts). */
function editGrubConfig(text: string, session: EditSession): string {
  return text
    .split(/^(?=[ \t]*(?:menuentry|submenu)\b)/m)
    .map(entry => {
      const withoutInitramfs = !/^[ \t]*initrd/m.test(entry)
      return entry
        .replaceAll(
          /^([ \t]*linux(?:16|efi)?[ \t]+\S+)([ \t].*)$/gm,
          (_, head: string, args: string) => head + editEntry(args, withoutInitramfs, session),
        )
        .replaceAll(
          /^([ \t]*set[ \t]+(?:kernelopts|default_kernelopts)=")([^"\n]*)"/gm,
          (_, head: string, value: string) => `${head}${session.cmdline(value)}"`,
        )
    })
    .join('')
}

function editEntry(args: string, withoutInitramfs: boolean, session: EditSession): string {
  if (!withoutInitramfs) return session.cmdline(args)
  const { resolveWithoutInitramfs } = session.options
  return session.devices(args, resolveWithoutInitramfs ?? (() => undefined))
}

/** Where options come from a variable, the variable gets the console. */
function editBls(text: string, session: EditSession): string {
  return text.replaceAll(/^(options[ \t])(.*)$/gm, (_, key: string, value: string) => {
    return key + (/\$\{?kernelopts\b/.test(value) ? session.devices(value) : session.cmdline(value))
  })
}

function editGrubenv(text: string, session: EditSession): string {
  const variables = parseGrubenv(text)
  const before = variables.get('kernelopts')
  if (before === undefined) return text
  const after = session.cmdline(before)
  return after === before ? text : renderGrubenv(variables.set('kernelopts', after))
}

/** Kernel lines, and the magic comments from which update-grub of old Debian makes them. */
function editGrub1(text: string, session: EditSession): string {
  return text
    .replaceAll(
      /^([ \t]*kernel[ \t]+(?:--\S+[ \t]+)*\S+)([ \t].*)$/gm,
      (_, head: string, args: string) => head + (head.includes('xen') ? args : session.cmdline(args)),
    )
    .replaceAll(/^([ \t]*module[ \t]+\S*vmlinuz\S*)([ \t].*)$/gm, (_, head: string, args: string) => head + session.cmdline(args))
    .replaceAll(/^(# (?:kopt|defoptions|xenkopt)=)(.*)$/gm, (_, key: string, value: string) => key + session.devices(value))
}

function editVariables(text: string, session: EditSession, names: readonly string[]): string {
  const wanted = findAssignments(text).filter(({ name }) => names.includes(name))
  const renamed = editValues(text, wanted, inner =>
    inner.startsWith('/dev/') ? session.devices(`root=${inner}`).slice('root='.length) : session.devices(inner),
  )
  return addConsole(renamed, session, names[0] ?? '')
}

const GRUB_VARIABLES = ['GRUB_CMDLINE_LINUX', 'GRUB_CMDLINE_LINUX_DEFAULT', 'GRUB_CMDLINE_LINUX_RECOVERY', 'GRUB_CMDLINE_LINUX_RESCUE']

/** /etc/default/grub and the drop-ins that override it; the console goes to the file that assigns GRUB_CMDLINE_LINUX last. */
function editDefaultGrub(tree: GuestTree, session: EditSession): void {
  const dropIns = namesIn(tree, '/etc/default/grub.d')
    .filter(name => name.endsWith('.cfg'))
    .map(name => `/etc/default/grub.d/${name}`)
  const files = ['/etc/default/grub', ...dropIns].filter(path => isFile(tree, path))
  const assigns = (path: string): boolean => findAssignments(textOf(tree, path)).some(({ name }) => name === 'GRUB_CMDLINE_LINUX')
  const last = files.findLast(assigns) ?? files[0]
  for (const path of files) {
    session.edit(tree, path, text => {
      const wanted = findAssignments(text).filter(({ name }) => GRUB_VARIABLES.includes(name))
      const renamed = editValues(text, wanted, inner => session.devices(inner))
      return path === last ? addConsole(renamed, session, 'GRUB_CMDLINE_LINUX') : renamed
    })
  }
}

/** Adds the console to the last assignment of a variable, or adds the variable. */
function addConsole(text: string, session: EditSession, name: string): string {
  const { serialConsole } = session.options
  const all = findAssignments(text)
  const target = all.findLast(assignment => assignment.name === name)
  if (serialConsole === undefined) return text
  const present = all
    .filter(assignment => assignment.name.startsWith(name))
    .map(assignment => valueOf(text, assignment))
    .join(' ')
  const whole = editCmdlineText(present, { resolve: () => undefined, serialConsole })
  const added = whole.text.slice(present.trimEnd().length).trim()
  if (added === '') return text
  session.note(`+ ${added}`)
  if (target !== undefined) return appendToValue(text, target, added)
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${name}="${added}"\n`
}
