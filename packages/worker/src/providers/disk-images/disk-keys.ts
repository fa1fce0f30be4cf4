import { InstarError } from '@instar/contract'
import type { LuksKey } from '@instar/morph'
import type { DiskImagesDestination } from './settings.ts'

/** Keys of the destination environment, those for one container before the one for all. */
export function diskKeys(environment: DiskImagesDestination): LuksKey[] {
  const { encrypted_disks_passphrase: all } = environment
  return [
    ...environment.disk_encryption_keys.map(({ selector, password, encoding }) => ({
      selector,
      secret: Buffer.from(password, encoding === 'base64' ? 'base64' : 'utf8'),
    })),
    ...(all === undefined ? [] : [{ selector: 'all', secret: Buffer.from(all) }]),
  ]
}

/** An error about a key with the hint that fits here: of a morph by command line it names an option that deployments do not have. */
export function hintAtKeys(error: unknown): unknown {
  if (!(error instanceof InstarError) || (error.code !== 'storage.locked' && error.code !== 'storage.wrong-key')) return error
  const uuid = typeof error.details['uuid'] === 'string' ? error.details['uuid'] : 'UUID'
  return new InstarError(error.code, error.message, {
    hint: `Update the transfer with the right key in its destination environment (disk_encryption_keys: [{selector: ${uuid}, password: ...}], or encrypted_disks_passphrase), then deploy again: nothing is copied anew.`,
    details: error.details,
    cause: error.cause,
  })
}
