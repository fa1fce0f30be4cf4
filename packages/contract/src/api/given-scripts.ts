import { DEFAULT_TIMEOUT_S, OS_TYPES, type ScriptSpec } from '../scripts/script-spec.ts'
import type { GivenScripts } from '../scripts/select.ts'
import type { UserScript, UserScripts } from './user-scripts.ts'

/** The stored scripts of a transfer or deployment as `selectScripts` takes them, for one machine. A script without a name is called by its place. */
export function givenScripts(scripts: UserScripts, instance: string): GivenScripts {
  const own = Object.entries(scripts.instances ?? {}).find(([name]) => name === instance)?.[1] ?? []
  return {
    global: OS_TYPES.flatMap(osType => specsOf(scripts.global?.[osType] ?? [], 'global').map(script => ({ osType, script }))),
    instances: specsOf(own, 'instance').map(script => ({ instance, script })),
    own: [],
  }
}

function specsOf(scripts: readonly UserScript[], source: 'global' | 'instance'): ScriptSpec[] {
  return scripts.map((script, at) => ({
    name: script.name ?? `${source}-${at + 1}`,
    phase: script.phase,
    source,
    payload: script.payload,
    timeoutS: script.timeout_s ?? DEFAULT_TIMEOUT_S,
    retries: script.retries ?? 0,
    onFailure: script.on_failure ?? 'abort',
    env: script.env ?? {},
  }))
}
