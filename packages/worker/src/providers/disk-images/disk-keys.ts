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
