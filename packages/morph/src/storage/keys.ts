import { readFile, stat } from 'node:fs/promises'
import { InstarError } from '@instar/contract'

/** A key to try: for which containers, and its bytes. The owner zeroes `secret` when the work is done (`wipeKeys`). */
export interface LuksKey {
  /** "all", a LUKS UUID, or a device by any name that `--key` accepts (docs/reference/storage.md). */
  readonly selector: string
  readonly secret: Uint8Array
}

/** The value of one `--key` as written, before a file is read. */
export interface KeyOption {
  readonly selector: string
  readonly source: { readonly kind: 'file'; readonly path: string } | { readonly kind: 'text'; readonly text: string }
}

/** The limit of cryptsetup itself for a key file. */
const MAX_KEY_BYTES = 8 * 2 ** 20

/**
 * Reads `SELECTOR:file:PATH` or `SELECTOR:text:TEXT`. The selector ends at the first ":file:" or ":text:", so that it may hold colons (a
 * by-path name) and so may path and text. Throws `usage.bad-argument`, without the text in the message.
 */
export function parseKey(value: string): KeyOption {
  const match = /^(.*?):(file|text):(.*)$/s.exec(value)
  const [, selector = '', kind, rest = ''] = match ?? []
  if (selector === '' || rest === '') {
    const shown = selector || value.split(':')[0]
    throw new InstarError(
      'usage.bad-argument',
      `--key ${shown}:…: expected SELECTOR:file:PATH or SELECTOR:text:TEXT, where SELECTOR is a device, a UUID or "all"`,
    )
  }
  return { selector, source: kind === 'file' ? { kind, path: rest } : { kind: 'text', text: rest } }
}

/** The key with its bytes: of a file all of them, up to 8 MiB. Throws `usage.bad-argument` when the file cannot be read. */
export async function loadKey(option: KeyOption, signal: AbortSignal): Promise<LuksKey> {
  const { selector, source } = option
  if (source.kind === 'text') return { selector, secret: Buffer.from(source.text) }
  try {
    const { size } = await stat(source.path)
    if (size > MAX_KEY_BYTES) throw new RangeError(`key file has ${size} bytes, allowed are ${MAX_KEY_BYTES}`)
    return { selector, secret: await readFile(source.path, { signal }) }
  } catch (error) {
    throw new InstarError('usage.bad-argument', `--key ${selector}: cannot use key file ${source.path}`, { cause: error })
  }
}

/** Overwrites the secrets in memory. */
export function wipeKeys(keys: readonly LuksKey[]): void {
  for (const { secret } of keys) secret.fill(0)
}

/**
 * What to try for one key: its bytes as they are (as `cryptsetup --key-file` does), then without one newline at the end, which an editor
 * or `echo` leaves (virt-v2v strips it always and so loses keys that truly end in one).
 */
export function secretsOf(key: LuksKey): Uint8Array[] {
  const { secret } = key
  return secret.at(-1) === 0x0a && secret.length > 1 ? [secret, secret.subarray(0, -1)] : [secret]
}

/** Keys for a container that goes by these names, those that mean just it before those for all. */
export function keysFor(names: ReadonlySet<string>, keys: readonly LuksKey[]): LuksKey[] {
  const named = keys.filter(({ selector }) => names.has(selectorName(selector)))
  return [...named, ...keys.filter(({ selector }) => selector === 'all')]
}

/** UUIDs are compared without case and with or without `UUID=` or `luks-` in front; devices as written. */
export function selectorName(selector: string): string {
  const uuid = /^(?:uuid=|luks-)?([0-9a-f]{8}-[0-9a-f-]{27})$/i.exec(selector.replaceAll('"', ''))
  return uuid ? uuid[1]!.toLowerCase() : selector
}
