import { InstarError } from '@instar/contract/errors'
import type { Api } from '../service/api.ts'

interface Stored {
  readonly id: string
  readonly name: string
}

/** Tries the connection of an endpoint; throws what the provider says of one that does not work. */
export async function validateConnection(api: Api, { id, name }: Stored): Promise<void> {
  const answer = await api.post<{ 'validate-connection': { valid: boolean; message?: string | null } }>(`endpoints/${id}/actions`, {
    'validate-connection': null,
  })
  const { valid, message } = answer['validate-connection']
  if (valid) return
  throw new InstarError('endpoint.invalid', `the connection of endpoint ${name} does not work`, {
    hint: repairHint(id),
    ...(typeof message === 'string' && message !== '' ? { cause: new Error(message) } : {}),
  })
}

/** The same for one that was just stored: whatever went wrong, it is there. */
export async function tryStoredConnection(api: Api, { id, name }: Stored): Promise<void> {
  try {
    await validateConnection(api, { id, name })
  } catch (cause) {
    throw new InstarError('endpoint.invalid', `endpoint ${name} is stored as ${id}, but its connection is not known to work`, {
      hint: repairHint(id),
      cause,
    })
  }
}

function repairHint(id: string): string {
  return `Repair it: instar endpoint update ${id} --connection ..., then instar endpoint validate connection ${id}.`
}
