import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InstarError } from '@instar/contract'

const KEY_BYTES = 32

/** Keys as text: base64 or hex of 32 bytes, one a line or separated by commas, the current one first; `#` begins a comment. */
export function parseKeys(text: string, source: string): Buffer[] {
  const words = text
    .split('\n')
    .map(line => line.replace(/#.*/, ''))
    .join(' ')
    .split(/[\s,]+/)
    .filter(word => word !== '')
  if (words.length === 0) throw new InstarError('store.bad-key', `${source} holds no key`)
  return words.map((word, index) => {
    const key = /^[0-9a-fA-F]{64}$/.test(word) ? Buffer.from(word, 'hex') : Buffer.from(word, 'base64')
    if (key.length !== KEY_BYTES)
      throw new InstarError('store.bad-key', `key ${index + 1} of ${source} has ${key.length} bytes, not ${KEY_BYTES}`)
    return key
  })
}

/** The keys of a file; `undefined` where there is none. */
export async function readKeyFile(path: string): Promise<Buffer[] | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new InstarError('store.bad-key', `the key file ${path} cannot be read`, { cause: error })
  })
  return text === undefined ? undefined : parseKeys(text, path)
}

/**
 * Makes a file with a new key (mode 0600). Two processes that do so at once agree on one key: a hard link appears whole or not at all, and never
 * over a file that is there. Each has a draft of its own: the linked file is never written again.
 */
export async function makeKeyFile(path: string): Promise<Buffer[]> {
  const draft = `${path}.${randomUUID()}.new`
  await mkdir(dirname(path), { recursive: true })
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(`${randomBytes(KEY_BYTES).toString('base64')}\n`)
    await file.sync()
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await file.close()
    await rm(draft, { force: true })
  }
  return parseKeys(await readFile(path, 'utf8'), path)
}
