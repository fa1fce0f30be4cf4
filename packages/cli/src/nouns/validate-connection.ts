import { InstarError } from '@instar/contract/errors'
import type { Api } from '../service/api.ts'

/** Tries the connection of an endpoint; throws what the provider says of one that does not work. */
export async function validateConnection(api: Api, id: string, name: string): Promise<void> {
  const answer = await api.post<{ 'validate-connection': { valid: boolean; message?: string | null } }>(`endpoints/${id}/actions`, {
    'validate-connection': null,
  })
  const { valid, message } = answer['validate-connection']
  if (valid) return
  throw new InstarError('endpoint.invalid', `the connection of endpoint ${name} does not work`, {
    hint: `Repair it: instar endpoint update ${id} --connection ..., then instar endpoint validate connection ${id}.`,
    ...(typeof message === 'string' && message !== '' ? { cause: new Error(message) } : {}),
  })
}
