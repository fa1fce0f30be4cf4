/** Gives the stable name ("UUID=…") of a device as the source named it, or `undefined` when it is not known. */
export type ResolveDevice = (spec: string) => string | undefined

export interface CmdlineRules {
  readonly resolve: ResolveDevice
  /** The console to add when none of that device is there, e.g. "ttyS0,115200n8"; absent = consoles stay as they are. */
  readonly serialConsole?: string
}

export interface CmdlineEdit {
  /** The tokens given, one for one, then those added. */
  readonly tokens: readonly string[]
  /** What differs, for people: "root=/dev/sda1 -> root=UUID=…". */
  readonly changes: readonly string[]
  /** Tokens with a name of the source platform for which no stable name is known. */
  readonly unresolved: readonly string[]
}

/** Parameters whose value is a device: kernel, initramfs-tools, dracut (fips boot=), genkernel, mkinitcpio (cryptdevice=DEVICE:NAME). */
const DEVICE_KEYS = new Set(['root', 'resume', 'boot', 'real_root', 'real_resume', 'cryptdevice', 'crypt_root', 'crypt_swap'])

/** Names that another bus, controller or order of disks changes. Mapper, by-uuid, by-label and by-partuuid names stay. */
export function isSourceDeviceName(spec: string): boolean {
  return /^\/dev\/((sd|hd|vd|xvd)[a-z]+\d*|nvme\d+n\d+(p\d+)?|cciss\/.+|mmcblk\d+(p\d+)?|dm-\d+|disk\/by-(path|id|diskseq)\/.+)$/.test(spec)
}

/** Splits at blanks outside double quotes, as the kernel does (lib/cmdline.c, next_arg). */
export function splitCmdline(text: string): string[] {
  return text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []
}

/** Replaces device names of the source by stable ones; nothing is dropped or moved. The one rule for every place that holds a command line. */
export function editCmdline(tokens: readonly string[], rules: CmdlineRules): CmdlineEdit {
  const changes: string[] = []
  const unresolved: string[] = []
  const edited = tokens.map(token => {
    const spec = deviceOf(token)
    if (spec === undefined) return token
    const stable = rules.resolve(spec)
    if (stable === undefined) {
      unresolved.push(token)
      return token
    }
    const replaced = token.replace(spec, () => stable)
    if (replaced !== token) changes.push(`${token} -> ${replaced}`)
    return replaced
  })
  const added = rules.serialConsole === undefined ? [] : consolesToAdd(tokens, rules.serialConsole)
  return { tokens: [...edited, ...added], changes: [...changes, ...added.map(token => `+ ${token}`)], unresolved }
}

/** The device name of the source in a token, without quotes and mkinitcpio's ":name". */
function deviceOf(token: string): string | undefined {
  const [, key = '', value = ''] = /^"?([^=]+)=(.*?)"?$/.exec(token) ?? []
  if (!DEVICE_KEYS.has(key)) return undefined
  const spec = value.startsWith('/dev/disk/') && key !== 'cryptdevice' ? value : (value.split(':')[0] ?? '')
  return isSourceDeviceName(spec) ? spec : undefined
}

/** The last console= becomes /dev/console; tty0 is named before it so that the screen is kept. */
function consolesToAdd(tokens: readonly string[], console: string): string[] {
  const device = console.split(',')[0] ?? ''
  const consoles = tokens.flatMap(token => (token.startsWith('console=') ? [token.slice('console='.length)] : []))
  if (consoles.some(value => value.split(',')[0] === device)) return []
  return [...(consoles.length === 0 ? ['console=tty0'] : []), `console=${console}`]
}

export interface CmdlineTextEdit extends CmdlineEdit {
  readonly text: string
}

/** The same on a text; blanks and untouched tokens stay byte for byte, added tokens come at the end. */
export function editCmdlineText(text: string, rules: CmdlineRules): CmdlineTextEdit {
  const tokens = splitCmdline(text)
  const edit = editCmdline(tokens, rules)
  let index = 0
  const kept = text.replace(/(?:[^\s"]|"[^"]*"?)+/g, token => edit.tokens[index++] ?? token)
  const added = edit.tokens.slice(tokens.length).join(' ')
  if (added === '') return { ...edit, text: kept }
  const body = kept.trimEnd()
  return { ...edit, text: `${body}${body === '' ? '' : ' '}${added}${kept.slice(body.length)}` }
}
