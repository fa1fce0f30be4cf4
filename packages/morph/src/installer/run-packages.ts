import type { Emit } from '@instar/contract'
import type { Machine, RunResult } from '@instar/machine'
import type { IsolatedCommand } from './isolation.ts'
import { isolate } from './isolation.ts'
import type { FinishedStep } from './judge.ts'
import { isGood, lastLines, packagesError } from './judge.ts'
import type { InstalledPackage, PackageFile } from './manager.ts'
import { describeDifference } from './package-difference.ts'
import type { PackagePlan, PackageStep } from './plan-packages.ts'
import { putInPlace } from './put-in-place.ts'

export interface PackageOutcome {
  /** Sentences, one a package: also those that came along or had to go. */
  readonly changes: readonly string[]
  /** Repositories that did not answer though all went well in the end. */
  readonly warnings: readonly string[]
  /** The new packages' files in an rpm guest, which may need SELinux labels: for `labelPaths`. */
  readonly files: readonly PackageFile[]
}

export interface PackageWorld {
  /** Where the guest is mounted on the minion. */
  readonly root: string
  readonly plan: PackagePlan
  readonly signal: AbortSignal
  readonly emit: Emit
}

const LIST_TIMEOUT_MS = 300_000
const LIST_BYTES = 16 * 1024 * 1024
const OUTPUT_KEPT_CHARS = 64 * 1024
const NETWORK_OFF_TIMEOUT_MS = 30_000

/**
 * Changes packages with the guest's own package manager, isolated, with the network only while it fetches. What was put in place for the
 * run is taken back on success, failure and cancel. Throws `packages.*` with the manager's own last lines.
 */
export async function runPackages(machine: Machine, { root, plan, signal, emit }: PackageWorld): Promise<PackageOutcome> {
  const before = await listPackages(machine, { root, plan, signal })
  const warnings = await runSteps(machine, { root, plan, signal, emit })
  const after = await listPackages(machine, { root, plan, signal })
  return {
    changes: describeDifference(before, after),
    warnings,
    files: await filesOfNew(machine, { root, plan, signal }, { before, after }),
  }
}

async function runSteps(machine: Machine, world: PackageWorld): Promise<string[]> {
  const { plan, signal, emit } = world
  await using network = switchedNetwork(machine)
  let failedRefresh: FinishedStep | undefined
  for (const step of plan.steps) {
    emit({ kind: 'step', step: step.sentence, state: 'started' })
    await network.set(step.needsNetwork, signal)
    const finished = await runStep(machine, world, step)
    const good = isGood(finished, plan.manager)
    emit({ kind: 'step', step: step.sentence, state: good ? 'succeeded' : 'failed' })
    // One dead repository of many is no reason to stop: the install tells whether it was needed.
    if (!good && step.kind === 'refresh' && !finished.result.timedOut) failedRefresh = finished
    else if (!good) throw packagesError(finished, plan.manager, failedRefresh)
  }
  return failedRefresh === undefined ? [] : [`some package repositories of the guest did not answer: ${lastLines(failedRefresh.output)}`]
}

/** The minion's network as this run switched it: off again at the end, also after a failure or cancel. */
function switchedNetwork(machine: Machine): AsyncDisposable & { set(on: boolean, signal: AbortSignal): Promise<void> } {
  let isOn = false
  return {
    set: async (on, signal) => {
      if (on === isOn) return
      // Before the call: one that fails half-way may have switched it on.
      isOn = true
      await machine.network(on, signal)
      isOn = on
    },
    [Symbol.asyncDispose]: async () => {
      if (isOn) await machine.network(false, AbortSignal.timeout(NETWORK_OFF_TIMEOUT_MS))
    },
  }
}

async function runStep(machine: Machine, { root, plan, signal }: PackageWorld, step: PackageStep): Promise<FinishedStep> {
  await using placed = await putInPlace(machine, root, plan.overlays, signal)
  let output = ''
  const keep = (piece: Buffer): void => {
    output = (output + piece.toString('latin1')).slice(-OUTPUT_KEPT_CHARS)
  }
  const command = commandOf(root, plan, step.argv, { overlays: placed.overlays, hasNetwork: step.needsNetwork })
  const result = await machine.run(command, { signal, timeoutMs: step.timeoutMs, onStdout: keep, onStderr: keep })
  return { step, result, output: Buffer.from(output, 'latin1').toString('utf8') }
}

async function listPackages(machine: Machine, { root, plan, signal }: Omit<PackageWorld, 'emit'>): Promise<InstalledPackage[]> {
  const result = await ask(machine, commandOf(root, plan, plan.manager.list), signal)
  return result.exitCode === 0 ? plan.manager.parseList(result.stdout.toString()) : []
}

async function filesOfNew(
  machine: Machine,
  { root, plan, signal }: Omit<PackageWorld, 'emit'>,
  { before, after }: { before: readonly InstalledPackage[]; after: readonly InstalledPackage[] },
): Promise<PackageFile[]> {
  const known = new Set(before.map(({ name, version }) => `${name} ${version}`))
  const names = [...new Set(after.filter(({ name, version }) => !known.has(`${name} ${version}`)).map(({ name }) => name))]
  const { files } = plan.manager
  if (files === undefined || names.length === 0) return []
  const result = await ask(machine, commandOf(root, plan, files.list(names)), signal)
  return files.parse(result.stdout.toString())
}

function ask(machine: Machine, argv: readonly string[], signal: AbortSignal): Promise<RunResult> {
  return machine.run(argv, { signal, timeoutMs: LIST_TIMEOUT_MS, captureBytes: LIST_BYTES })
}

function commandOf(
  root: string,
  plan: PackagePlan,
  argv: readonly string[],
  { overlays, hasNetwork }: Pick<IsolatedCommand, 'overlays' | 'hasNetwork'> = { overlays: [], hasNetwork: false },
): string[] {
  return isolate({ root, argv, env: plan.manager.env, overlays, hasNetwork })
}
