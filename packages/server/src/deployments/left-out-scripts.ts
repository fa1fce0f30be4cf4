import { givenScripts, type UserScripts } from '@instar/contract/api'
import { OS_TYPES, selectScripts, type ScriptSpec } from '@instar/contract/scripts'
import type { Remark } from '@instar/engine'

interface Choice {
  readonly instance: string
  /** As the source told it; of none of the API's types nothing but a Linux can be morphed. */
  readonly osType: string | undefined
  /** The scripts of the transfer. */
  readonly inherited: UserScripts
  /** The scripts of the deployment. */
  readonly own: UserScripts
  readonly skipOsMorphing: boolean
}

/**
 * Says which scripts of its transfer a deployment does not run on a machine: a warning for each, and no more than a remark for one that the deployment
 * replaces by another of that name. Scripts that the deployment has, and that do not run on this machine, are told by its morph.
 */
export function leftOutScripts({ instance, osType: toldType, inherited, own, skipOsMorphing }: Choice): Remark[] {
  const osType = OS_TYPES.find(known => known === toldType) ?? 'linux'
  const select = (scripts: UserScripts) =>
    selectScripts(givenScripts(scripts, instance), { instance, osType, merge: scripts.merge ?? false })
  const expected = select(inherited).run
  if (skipOsMorphing) return expected.map(script => remark(instance, script, 'the deployment leaves out OS morphing (skip_os_morphing)'))

  const chosen = select(own)
  const there = [...chosen.run, ...chosen.notRun.map(({ script }) => script)]
  const named = explicitNames(own)
  return expected
    .filter(script => !there.some(({ phase, payload }) => phase === script.phase && payload === script.payload))
    .map(script => {
      const isReplaced = named.has(script.name) && chosen.run.some(({ phase, name }) => phase === script.phase && name === script.name)
      if (isReplaced) return { ...remark(instance, script, 'the deployment has another one of this name'), level: 'INFO' as const }
      const why = there.length === 0 ? 'the deployment is to run none' : 'the deployment has scripts of its own'
      return remark(instance, script, `${why} (user_scripts: null runs those of the transfer)`)
    })
}

function remark(instance: string, { name, phase }: ScriptSpec, reason: string): Remark {
  return { instance, level: 'WARNING', message: `Script ${name} (${phase}) of the transfer will not run: ${reason}` }
}

/** Names that were given; those that we make up tell nothing about what a script is. */
function explicitNames({ global = {}, instances = {} }: UserScripts): ReadonlySet<string> {
  const all = [...Object.values(global), ...Object.values(instances)].flat()
  return new Set(all.flatMap(({ name }) => name ?? []))
}
