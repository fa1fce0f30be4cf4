import { InstarError } from '@instar/contract'
import { maskAgents } from '../agents/mask-agents.ts'
import { readFallbackFiles } from '../boot/inspect-boot.ts'
import { editCmdlines } from '../boot/loader/edit-cmdlines.ts'
import { applyFallback } from '../boot/uefi/fallback.ts'
import type { Verdict } from '../check/verdict.ts'
import { fitIdentity } from '../identity/fit-identity.ts'
import { planPackages } from '../installer/plan-packages.ts'
import { runPackages } from '../installer/run-packages.ts'
import type { OpenGuest } from '../morph.ts'
import { fitNetwork } from '../network/fit-network.ts'
import { fixReferences, resolverFor } from '../references/fix-references.ts'
import { newOutcome, type Outcome, type StepWarning } from '../references/outcome.ts'
import type { MorphSession } from '../session.ts'
import { runStep } from '../step.ts'
import type { AppliedChange } from '../tree/apply.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { loadTree } from '../tree/load.ts'
import { applyLabelled } from './apply-labelled.ts'
import { attachedDisks, volumeNames } from './attached-disks.ts'
import { readBootFacts } from './boot-facts.ts'
import { fitInitramfs } from './fit-initramfs.ts'
import { judgeBoot } from './judge-boot.ts'
import { labelPackages } from './label-packages.ts'
import { partitionNames, stableNames } from './stable-names.ts'
import { bootTarget } from './target.ts'

/** What fitting the OS did. */
export interface FitResult {
  readonly changed: readonly AppliedChange[]
  /** No program of the guest ran either that may have changed more. */
  readonly isUnchanged: boolean
  readonly steps: readonly FitStep[]
  /** Absent where the OS was left as it is. */
  readonly verdict?: Verdict
  /** The guest's files as they are now; absent when programs of the guest may have changed them. */
  readonly tree: GuestTree | undefined
}

export interface FitStep {
  readonly step: string
  readonly changes: readonly string[]
}

/** Fits the OS to its new platform: decides on the tree, step by step, and writes all changes at once; then packages, then the initramfs. */
export async function fitGuest(session: MorphSession, open: OpenGuest, before: GuestTree): Promise<FitResult> {
  const fitting = new Fitting(session, open)
  fitting.decide(before)
  await fitting.addFallbackLoader(before)
  await fitting.write(before)
  const hasChangedPackages = await fitting.changePackages(before)
  const tree = hasChangedPackages ? await loadTree(session.machine, open.guest.at, { signal: session.signal }) : before
  const verdict = await fitting.makeBootable(tree)
  return {
    changed: fitting.changed,
    isUnchanged: fitting.changed.length === 0 && !hasChangedPackages && !fitting.hasRunGuest,
    steps: fitting.steps,
    verdict,
    tree: fitting.hasRunGuest ? undefined : tree.settled(),
  }
}

class Fitting {
  readonly changed: AppliedChange[] = []
  readonly steps: FitStep[] = []
  /** Whether the initramfs was changed, for which the guest's own tool may have run. */
  hasRunGuest = false
  readonly #session: MorphSession
  readonly #open: OpenGuest
  readonly #warnings: StepWarning[] = []
  readonly #inInitramfs: string[] = []

  constructor(session: MorphSession, open: OpenGuest) {
    this.#session = session
    this.#open = open
  }

  /** The steps that need nothing but the files. */
  decide(tree: GuestTree): void {
    const { storage, facts } = this.#open
    const resolve = resolverFor(tree, attachedDisks(storage))
    this.#take('Masking the agents of the old platform', () => maskAgents(tree, { target: 'kvm', init: facts.init }))
    this.#take('Keeping the network', () => fitNetwork(tree, { facts, ...this.#session.request.network }))
    this.#take('Keeping the identity', () => fitIdentity(tree, { facts }))
    this.#take("Replacing the source's device names", () =>
      fixReferences(tree, { resolve, volumes: volumeNames(storage, this.#session.request.target.bus) }),
    )
    this.#take('Editing the kernel command lines', () => {
      const report = editCmdlines(tree, { resolve: stableNames(resolve), resolveWithoutInitramfs: partitionNames(resolve) })
      const outcome = newOutcome()
      outcome.changes.push(...report.changed.map(({ path, changes }) => `${path}: ${changes.join(', ')}`))
      outcome.warnings.push(
        ...report.unresolved.map(text => ({
          path: '/boot',
          message: `${text} names a device that is not found`,
          weight: 'degraded' as const,
        })),
      )
      return outcome
    })
  }

  /** Boot entries of the old firmware are lost: the guest's own signed loader becomes the one that firmware starts without an entry. */
  async addFallbackLoader(tree: GuestTree): Promise<void> {
    const { machine, signal, emit } = this.#session
    if (bootTarget(this.#session.request.target, this.#open.facts).firmware !== 'uefi') return
    const boot = await readBootFacts(this.#session, this.#open, { tree, changedFiles: [] })
    const { fallback } = boot
    if (fallback?.state !== 'planned') return
    const changes = await runStep(emit, 'Adding a UEFI fallback loader', async () =>
      applyFallback(tree, fallback, await readFallbackFiles(machine, this.#open.guest.at, fallback, signal)),
    )
    this.steps.push({ step: 'Adding a UEFI fallback loader', changes })
  }

  async write(tree: GuestTree): Promise<void> {
    this.changed.push(
      ...(await runStep(this.#session.emit, 'Writing the changes', () => applyLabelled(this.#session, this.#open.guest.at, tree))),
    )
  }

  /** True when packages were changed, so that the files are to be read anew. */
  async changePackages(tree: GuestTree): Promise<boolean> {
    const { machine, request, signal, emit } = this.#session
    const plan = planPackages(tree, { manager: this.#open.facts.packageManager, ...request.packages })
    if (plan === undefined) return false
    const outcome = await runStep(emit, 'Changing packages', () => runPackages(machine, { root: this.#open.guest.at, plan, signal, emit }))
    this.steps.push({ step: 'Changing packages', changes: outcome.changes })
    for (const warning of outcome.warnings) this.#session.warn(warning)
    await labelPackages(this.#session, this.#open.guest.at, { tree, files: outcome.files })
    return true
  }

  /** Looks at the boot as it will be, mends the initramfs where it must, and judges the result. */
  async makeBootable(tree: GuestTree): Promise<Verdict> {
    const changedFiles = this.#inInitramfs
    const boot = await runStep(this.#session.emit, 'Reading the boot loader and the initramfs', () =>
      readBootFacts(this.#session, this.#open, { tree, changedFiles }),
    )
    const { changes, images } = await fitInitramfs(this.#session, this.#open, { tree, boot })
    this.changed.push(...images.map(path => ({ path, change: 'modified', kind: 'file' }) as const))
    this.hasRunGuest = changes.length > 0
    if (changes.length > 0) this.steps.push({ step: 'Fitting the initramfs', changes })
    const after = changes.length === 0 ? boot : await readBootFacts(this.#session, this.#open, { tree, changedFiles })
    const verdict = await judgeBoot(this.#session, this.#open, { tree, boot: after, warnings: this.#warnings })
    this.#requireBootable(verdict)
    return verdict
  }

  #requireBootable(verdict: Verdict): void {
    for (const { message, state } of verdict.lines) if (state === 'warning' || state === 'unknown') this.#session.warn(message)
    const fatal = verdict.lines.filter(({ state }) => state === 'fatal')
    const [first] = fatal
    if (first === undefined) return
    throw new InstarError(
      'morph.will-not-boot',
      `after the morph the guest would not boot: ${fatal.map(({ message }) => message).join('; ')}`,
      first.hint === undefined ? {} : { hint: first.hint },
    )
  }

  #take(step: string, work: () => Outcome): void {
    const { emit } = this.#session
    emit({ kind: 'step', step, state: 'started' })
    const outcome = work()
    emit({
      kind: 'step',
      step,
      state: 'succeeded',
      message:
        outcome.changes.length === 0
          ? `${step}: nothing to do`
          : `${step}: ${outcome.changes.length} ${outcome.changes.length === 1 ? 'change' : 'changes'}`,
    })
    this.steps.push({ step, changes: outcome.changes })
    this.#warnings.push(...outcome.warnings)
    this.#inInitramfs.push(...outcome.inInitramfs)
    for (const { path, message, weight } of outcome.warnings) if (weight !== 'harmless') this.#session.warn(`${path}: ${message}`)
  }
}
