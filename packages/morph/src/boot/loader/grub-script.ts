export interface GrubMenuItem {
  readonly kind: 'entry' | 'submenu' | 'bls'
  readonly title: string
  readonly id?: string
  readonly items: GrubMenuItem[]
  /** Of the last linux command: path and arguments as written. */
  linux?: { readonly kernel: string; readonly args: readonly string[] }
  readonly initrds: string[]
}

export interface GrubScript {
  /** The menu; an item of kind "bls" stands where `blscfg` puts the entries of /boot/loader. */
  readonly items: GrubMenuItem[]
  /** Values of `set default=`, in order of appearance: both sides of conditions. */
  readonly defaults: string[]
  /** Literal `set name=value`. */
  readonly variables: Map<string, string>
  /** Files that are loaded in place of this one. */
  readonly configfiles: string[]
}

interface Word {
  readonly kind: 'word' | 'open' | 'close' | 'end'
  readonly text: string
}

/** Deeper nesting is not read: menus have two levels. */
const MAX_DEPTH = 32

/** Reads the menu of a grub.cfg. Conditions are not evaluated: entries on both sides count. Never throws. */
export function parseGrubScript(text: string): GrubScript {
  const script: GrubScript = { items: [], defaults: [], variables: new Map(), configfiles: [] }
  /** One frame for each open brace; `undefined` for braces of functions. */
  const stack: (GrubMenuItem | undefined)[] = []
  let command: string[] = []
  const finish = (): void => {
    if (command.length > 0) runCommand(script, stack.at(-1), command)
    command = []
  }
  for (const { kind, text: word } of tokenize(text)) {
    if (kind === 'word') command.push(word)
    else if (kind === 'end') finish()
    else if (kind === 'open') {
      stack.push(openBlock(script, stack, command))
      command = []
    } else {
      finish()
      stack.pop()
    }
  }
  finish()
  return script
}

function openBlock(script: GrubScript, stack: readonly (GrubMenuItem | undefined)[], command: readonly string[]): GrubMenuItem | undefined {
  const [name = '', ...args] = command
  if ((name !== 'menuentry' && name !== 'submenu') || stack.length >= MAX_DEPTH) return undefined
  const idAt = args.findIndex(word => word === '--id' || word === '$menuentry_id_option' || word === '${menuentry_id_option}')
  const id = idAt >= 0 ? args[idAt + 1] : args.find(word => word.startsWith('--id='))?.slice('--id='.length)
  const item: GrubMenuItem = {
    kind: name === 'submenu' ? 'submenu' : 'entry',
    title: args[0] ?? '',
    ...(id === undefined ? {} : { id }),
    items: [],
    initrds: [],
  }
  const parent = stack.findLast(frame => frame !== undefined)
  const siblings = parent === undefined ? script.items : parent.items
  siblings.push(item)
  return item
}

function runCommand(script: GrubScript, item: GrubMenuItem | undefined, [name = '', ...args]: readonly string[]): void {
  const rest = name === 'then' || name === 'else' || name === 'do' ? args : undefined
  if (rest !== undefined) return rest.length > 0 ? runCommand(script, item, rest) : undefined
  if (/^linux(16|efi)?$/.test(name) && item !== undefined) item.linux = { kernel: args[0] ?? '', args: args.slice(1) }
  else if (/^initrd(16|efi)?$/.test(name) && item !== undefined) item.initrds.push(...args)
  else if (name === 'blscfg' && script.items.every(known => known.kind !== 'bls'))
    script.items.push({ kind: 'bls', title: '', items: [], initrds: [] })
  else if (name === 'configfile') script.configfiles.push(args[0] ?? '')
  else if (name === 'set') setVariable(script, args[0] ?? '')
}

function setVariable(script: GrubScript, assignment: string): void {
  const at = assignment.indexOf('=')
  if (at < 1) return
  const [name, value] = [assignment.slice(0, at), assignment.slice(at + 1)]
  if (name === 'default') script.defaults.push(value)
  script.variables.set(name, value)
}

/** Words with their quotes taken off; `$name` stays as written. */
function* tokenize(text: string): Generator<Word> {
  const token = /#[^\n]*|\\\n|[ \t\r]+|[\n;]|(?:\\[\s\S]|'[^']*'?|"(?:\\[\s\S]|[^"\\])*"?|\$\{[^}\n]*\}?|[^\s;'"\\])+|\\/g
  for (const [piece] of text.matchAll(token)) {
    if (piece === '\n' || piece === ';') yield { kind: 'end', text: piece }
    else if (piece === '{') yield { kind: 'open', text: piece }
    else if (piece === '}') yield { kind: 'close', text: piece }
    else if (!piece.startsWith('#') && piece !== '\\\n' && piece.trim() !== '') yield { kind: 'word', text: unquote(piece) }
  }
}

function unquote(word: string): string {
  return word.replaceAll(/'([^']*)'?|"((?:\\[\s\S]|[^"\\])*)"?|\\([\s\S])/g, (_, single?: string, double?: string, escaped?: string) => {
    if (single !== undefined) return single
    if (double !== undefined) return double.replaceAll(/\\(["\\$])/g, '$1')
    return escaped ?? ''
  })
}
