import { InstarError } from '@instar/contract'
import type { ScriptSpec, Secret } from '@instar/contract/scripts'
import { FIRST_BOOT_DIR, firstBootEntries, firstBootRunner, QUEUE_DIR, runDir, RUNNER_PATH } from '@instar/phases'
import type { GuestTree } from '../tree/guest-tree.ts'
import { maskedTexts } from '../scripts/redact.ts'
import { installService } from './install-service.ts'
import { missingInterpreter } from './missing-interpreter.ts'

export interface FirstBootRequest {
  readonly runId: string
  /** Those of phase `replica_first_boot`, in their order. */
  readonly scripts: readonly ScriptSpec[]
  readonly secrets: readonly Secret[]
  readonly facts: {
    /** As detected: systemd, openrc, sysvinit, upstart; anything else is refused. */
    readonly init: string
    /** "debian 12"; '' when not known. */
    readonly distro: string
  }
}

export interface FirstBootWarning {
  readonly code: 'first-boot.missing-interpreter' | 'first-boot.earlier-run' | 'first-boot.insserv'
  readonly message: string
}

/**
 * Writes the scripts, the runner and its service into the guest; without scripts nothing changes. The same run id again replaces what was
 * registered. Errors: `first-boot.unsupported-init`, `first-boot.bad-request`.
 */
export function registerFirstBoot(tree: GuestTree, request: FirstBootRequest): FirstBootWarning[] {
  const { runId, scripts, secrets, facts } = request
  if (scripts.length === 0) return []
  const entries = firstBootEntries({ runId, scripts, secrets, masks: maskedTexts(secrets), distro: facts.distro })

  const warnings = installService(tree, facts.init)
  const earlier = waitingRuns(tree, runId)
  if (earlier.length === 0) tree.remove(QUEUE_DIR)
  tree.mkdir(FIRST_BOOT_DIR, { mode: 0o700 })
  tree.remove(runDir(runId))
  for (const { path, mode, content } of entries) {
    if (content === undefined) tree.mkdir(path, { mode })
    else tree.write(path, content, { mode })
  }
  tree.write(RUNNER_PATH, Buffer.from(firstBootRunner()), { mode: 0o700 })
  enqueue(tree, runId)

  return [...warnings, ...earlierWarnings(earlier), ...interpreterWarnings(tree, scripts)]
}

/** Runs of earlier morphs whose scripts have not all had their turn. */
function waitingRuns(tree: GuestTree, runId: string): string[] {
  return tree
    .list(QUEUE_DIR)
    .map(entry => entry.slice(entry.indexOf('-') + 1))
    .filter(id => id !== runId && tree.exists(`${runDir(id)}/run`) && !tree.exists(`${runDir(id)}/finished`))
}

/** At the end, in place of an earlier entry of the same run. */
function enqueue(tree: GuestTree, runId: string): void {
  for (const entry of tree.list(QUEUE_DIR)) if (entry.slice(entry.indexOf('-') + 1) === runId) tree.remove(`${QUEUE_DIR}/${entry}`)
  const last = tree.list(QUEUE_DIR).at(-1)
  const place = last === undefined ? 1 : Number.parseInt(last, 10) + 1
  if (!(place <= 999)) throw new InstarError('first-boot.bad-request', `${QUEUE_DIR} of the guest holds "${last}", which no run can follow`)
  tree.write(`${QUEUE_DIR}/${String(place).padStart(3, '0')}-${runId}`, '', { mode: 0o600 })
}

function earlierWarnings(runs: readonly string[]): FirstBootWarning[] {
  return runs.map(id => ({
    code: 'first-boot.earlier-run',
    message: `the guest has not finished the first-boot scripts of run ${id}; they run before those of this one`,
  }))
}

function interpreterWarnings(tree: GuestTree, scripts: readonly ScriptSpec[]): FirstBootWarning[] {
  return scripts.flatMap(script => {
    const missing = missingInterpreter(tree, script.payload)
    if (missing === undefined) return []
    return [{ code: 'first-boot.missing-interpreter', message: `script "${script.name}" needs ${missing}, which the guest does not have` }]
  })
}
