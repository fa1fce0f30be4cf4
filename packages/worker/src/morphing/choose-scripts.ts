import { InstarError } from '@instar/contract'
import { givenScripts, type Instance, type UserScripts } from '@instar/contract/api'
import { OS_TYPES, fitPayload, selectScripts, type ScriptSpec, type Secret, type Selection } from '@instar/contract/scripts'

/** What runs on a machine, what does not, and the secrets that its scripts find. */
export interface ChosenScripts {
  readonly run: readonly ScriptSpec[]
  readonly notRun: Selection['notRun']
  readonly secrets: readonly Secret[]
}

/** Chooses by the machine's OS type as its source tells it; one that is none of the API's is taken for a Linux, as only that can be morphed. */
export function chooseScripts(scripts: UserScripts, instance: string, toldType: Instance['os_type']): ChosenScripts {
  const osType = OS_TYPES.find(known => known === toldType) ?? 'linux'
  const selection = selectScripts(givenScripts(scripts, instance), { instance, osType, merge: scripts.merge ?? false })
  return {
    run: selection.run.map(script => ({ ...script, payload: fitPayload(script.payload, osType, `script ${script.name}`) })),
    notRun: selection.notRun,
    secrets: collectSecrets(scripts, instance, osType),
  }
}

/** All scripts of a machine find the same secrets; a name with two values is an error, since one of the two would be wrong. */
function collectSecrets(scripts: UserScripts, instance: string, osType: (typeof OS_TYPES)[number]): Secret[] {
  const own = Object.entries(scripts.instances ?? {}).find(([name]) => name === instance)?.[1] ?? []
  const secrets = new Map<string, string>()
  for (const script of [...(scripts.global?.[osType] ?? []), ...own]) {
    for (const [name, value] of Object.entries(script.secrets ?? {})) {
      if ((secrets.get(name) ?? value) !== value) {
        throw new InstarError('provider.refused', `the secret ${name} of the scripts of ${instance} has two values`, {
          hint: 'Give the two secrets names of their own.',
        })
      }
      secrets.set(name, value)
    }
  }
  return [...secrets].map(([name, value]) => ({ name, value: Buffer.from(value) }))
}
