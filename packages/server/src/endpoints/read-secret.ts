import type { FastifyRequest } from 'fastify'
import { secretRefOf, shownConnection, usableConnection, withSecret } from '@instar/contract/api'
import type { ApiDeps } from '../api-deps.ts'
import type { Caller } from '../http/call.ts'
import type { SecretReader } from '../secrets/key-manager.ts'
import { rowId } from '../lists/row.ts'
import { findEndpoint, openStoredConnection, sealConnection, type EndpointRow } from './endpoint.ts'

/** What routes need that let a provider use an endpoint. */
export interface EndpointDeps extends ApiDeps {
  readonly secrets: SecretReader
}

/** Who lets it be used. */
export interface SecretCaller {
  readonly caller: Caller
  readonly request: Pick<FastifyRequest, 'headers'>
  readonly signal: AbortSignal
}

/**
 * The connection data of an endpoint, as a provider needs it. What lies in a key manager is read there with the caller's token, and kept
 * sealed beside its address for the workers, who have no token. Throws what `SecretReader.read` throws.
 */
export async function readConnection(
  { store, secrets }: EndpointDeps,
  row: EndpointRow,
  { caller, request, signal }: SecretCaller,
): Promise<Record<string, unknown>> {
  const stored = openStoredConnection(store.vault, row)
  const ref = secretRefOf(stored)
  if (ref === undefined) return stored
  const token = String(request.headers['x-auth-token'] ?? '')
  const secret = await secrets.read(ref, { token, catalogUrl: caller.keyManagerUrl, signal })
  // The same again is not written: every question to a platform would be a write.
  if (JSON.stringify(usableConnection(stored)) === JSON.stringify(secret)) return secret
  const sealed = sealConnection(store.vault, row.id, withSecret(shownConnection(stored), secret))
  await store.db
    .updateTable('endpoints')
    .set({ connection_info: sealed })
    .where('id', '=', row.id)
    // Changed meanwhile: what was read may belong to another address.
    .where('connection_info', '=', row.connection_info)
    .execute()
  return secret
}

/** Reads anew what lies in a key manager of both ends of a transfer, before work on it starts; an unknown transfer is the work's to tell. */
export async function readSecretsOfTransfer(
  deps: EndpointDeps,
  of: { transferId: string; projectId: string },
  by: SecretCaller,
): Promise<void> {
  const { db } = deps.store
  const ends = await db
    .selectFrom('transfers')
    .select(['origin_endpoint_id', 'destination_endpoint_id'])
    .where('id', '=', rowId(of.transferId))
    .where('project_id', '=', of.projectId)
    .executeTakeFirst()
  for (const id of ends === undefined ? [] : [ends.origin_endpoint_id, ends.destination_endpoint_id]) {
    const row = await findEndpoint(db, of.projectId, id)
    if (row !== undefined) await readConnection(deps, row, by)
  }
}
