import type { Secret } from '@instar/contract/scripts'
import type { Machine } from '@instar/machine'

/** How long the removal of secrets may take after a cancel, when the run's own signal is aborted already. */
const REMOVE_TIMEOUT_MS = 10_000

/** A folder on the minion's tmpfs that holds each secret as a file of mode 0400; gone when disposed of. */
export async function placeSecrets(
  machine: Machine,
  place: { dir: string; secrets: readonly Secret[] },
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  await machine.run(['mkdir', '-p', '-m', '0700', place.dir], { signal })
  for (const { name, value } of place.secrets) await machine.write(`${place.dir}/${name}`, value, { signal, mode: 0o400 })
  return {
    [Symbol.asyncDispose]: async () => {
      await machine.run(['rm', '-rf', place.dir], { signal: AbortSignal.timeout(REMOVE_TIMEOUT_MS) })
    },
  }
}
