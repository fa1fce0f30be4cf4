import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import type { BlockDevice } from './block-device.ts'
import { namesOfDevice } from './device-names.ts'
import { keysFor, secretsOf, type LuksKey } from './keys.ts'
import { cryptTable, parseLuksHeader, type LuksLayout } from './luks-header.ts'
import type { LockedContainer } from './storage.ts'
import { deriveVolumeKey, type HeaderPiece } from './volume-key.ts'

interface Unlock {
  readonly machine: Machine
  readonly devices: readonly BlockDevice[]
  readonly keys: readonly LuksKey[]
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

type Opened = { kind: 'opened'; name: string } | { kind: 'locked'; container: LockedContainer }

/** Enough for headers and three key slots of the usual size: one read in nearly all cases. */
const FIRST_READ_BYTES = 2 ** 20
const WRONG_PASSPHRASE = 2
const OUT_OF_MEMORY = 3
const OPEN_TIMEOUT_MS = 600_000

/**
 * Opens one container under `luks-<uuid>` with the first key that fits. A key that names just this container and does not fit is an error
 * (`storage.wrong-key`); all else leaves it locked, to be judged when it is known what is needed.
 */
export async function openContainer(device: BlockDevice, unlock: Unlock): Promise<Opened> {
  const uuid = device.content?.uuid ?? ''
  const locked = (reason: LockedContainer['reason'], message: string): Opened => ({
    kind: 'locked',
    container: { device: device.path, uuid, reason, message },
  })
  const names = namesOfDevice(device, unlock.devices)
  const keys = keysFor(names, unlock.keys)
  if (keys.length === 0) return locked('no-key', `the LUKS container ${device.path} (${uuid}) is locked and no key was given for it`)
  const name = `luks-${uuid}`
  try {
    for (const secret of keys.flatMap(secretsOf)) if (await tryOpen(device, name, { ...unlock, secret })) return { kind: 'opened', name }
  } catch (error) {
    if (error instanceof InstarError && error.code === 'storage.unsupported-luks') {
      return locked('unsupported', `${device.path} (${uuid}): ${error.message}`)
    }
    throw error
  }
  const message = `none of ${keys.length} keys opens the LUKS container ${device.path} (${uuid})`
  if (keys.some(({ selector }) => selector !== 'all')) throw new InstarError('storage.wrong-key', message, { details: { uuid } })
  return locked('wrong-key', message)
}

type Attempt = Unlock & { secret: Uint8Array }

async function tryOpen(device: BlockDevice, name: string, attempt: Attempt): Promise<boolean> {
  if (attempt.machine.isEmulated) return (await openByVolumeKey(device, name, attempt)) ?? openThere(device, name, attempt)
  return openThere(device, name, attempt)
}

/** `undefined` when this host cannot derive keys. */
async function openByVolumeKey(device: BlockDevice, name: string, attempt: Attempt): Promise<boolean | undefined> {
  const { machine, signal, env } = attempt
  const { layout, pieces } = await readHeader(device, attempt)
  const key = await deriveVolumeKey(pieces, attempt.secret, signal)
  if (!key) return key === null ? undefined : false
  const table = cryptTable(layout.segment, { path: device.kernelPath, sizeBytes: device.sizeBytes }, key)
  try {
    // The form of uuid that cryptsetup gives, so that lsblk, LVM and cryptsetup know the mapping for what it is.
    const mappingUuid = `CRYPT-LUKS${layout.version}-${layout.uuid.replaceAll('-', '')}-${name}`
    const result = await machine.run(['dmsetup', 'create', name, '--uuid', mappingUuid], { signal, env, stdin: table })
    if (result.exitCode === 0) return true
    throw new InstarError('storage.unsupported-luks', `dmsetup cannot map ${device.path}: ${result.stderrTail.trim()}`)
  } finally {
    key.fill(0)
    table.fill(0)
  }
}

async function readHeader(device: BlockDevice, attempt: Attempt): Promise<{ layout: LuksLayout; pieces: HeaderPiece[] }> {
  const start = await readRange(device, { offset: 0, length: Math.min(FIRST_READ_BYTES, device.sizeBytes) }, attempt)
  const layout = parseLuksHeader(start)
  const pieces = [{ offset: 0, bytes: start }]
  for (const range of layout.ranges) {
    if (range.offset + range.length > start.length) {
      pieces.push({ offset: range.offset, bytes: await readRange(device, range, attempt) })
    }
  }
  return { layout, pieces }
}

async function readRange(device: BlockDevice, range: { offset: number; length: number }, { machine, signal }: Attempt): Promise<Buffer> {
  const place = [`skip=${range.offset}`, `count=${range.length}`, 'iflag=skip_bytes,count_bytes,fullblock']
  const argv = ['dd', `if=${device.kernelPath}`, 'bs=256K', ...place, 'status=none']
  const result = await machine.run(argv, { signal, captureBytes: range.length + 1 })
  if (result.exitCode === 0 && result.stdout.length === range.length) return result.stdout
  throw new InstarError(
    'storage.unsupported-luks',
    `the header of ${device.path} cannot be read: needed ${range.length} bytes at ${range.offset}, got ${result.stdout.length}`,
  )
}

async function openThere(device: BlockDevice, name: string, attempt: Attempt): Promise<boolean> {
  const { machine, signal, env, secret } = attempt
  const argv = ['cryptsetup', 'open', '--type', 'luks', '--batch-mode', '--key-file', '-', device.kernelPath, name]
  const result = await machine.run(argv, { signal, env, stdin: secret, timeoutMs: OPEN_TIMEOUT_MS })
  if (result.exitCode === 0) return true
  if (result.exitCode === WRONG_PASSPHRASE) return false
  // A small machine may lack the memory that Argon2 asks for; this host need not.
  const opened = result.exitCode === OUT_OF_MEMORY ? await openByVolumeKey(device, name, attempt) : undefined
  if (opened !== undefined) return opened
  throw new InstarError(
    'storage.unsupported-luks',
    `cryptsetup open ended with ${result.exitCode ?? result.signal}: ${result.stderrTail.trim()}`,
  )
}
