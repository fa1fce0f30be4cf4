import { closest } from '@instar/contract/closest'
import { InstarError } from '@instar/contract/errors'
import { findKnown } from '@instar/phases/text'
import type { Api } from '../service/api.ts'

/** Refuses a platform that no worker has. Where no worker is there to tell, any may be right. */
export async function checkProvider(api: Api, wanted: string): Promise<void> {
  const names = await providerNames(api)
  if (names === undefined || names.includes(wanted)) return
  const guess = closest(wanted, names)
  throw new InstarError('api.not-found', `there is no provider "${wanted}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`, {
    hint: `The providers are: ${names.join(', ')}. With --skip-validation an endpoint is stored for one whose worker comes later.`,
  })
}

async function providerNames(api: Api): Promise<readonly string[] | undefined> {
  try {
    return Object.keys((await api.get<{ providers: object }>('providers')).providers)
  } catch (error) {
    if (findKnown(error)?.code === 'engine.no-worker') return undefined
    throw error
  }
}
