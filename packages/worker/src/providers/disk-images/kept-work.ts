import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { InstarError, MACHINE_PHASES } from '@instar/contract'
import { writeDurably } from '@instar/machine'
import * as z from 'zod/mini'
import type { ResumePoint } from '../../morphing/morph-machine.ts'
import { readRecord } from '../../replication/replica-record.ts'

/** The disks of a failed morph, kept for the deployment that goes on with them. */
const KeptWork = z.strictObject({
  version: z.literal(1),
  deployment_id: z.string(),
  /** What the disks are based on, in their order. */
  generations: z.array(z.int()),
  resume_at: z.nullable(z.strictObject({ phase: z.enum(MACHINE_PHASES), order: z.int() })),
})
export type KeptWork = z.infer<typeof KeptWork>

const RECORD_FILE = 'kept-work.json'

/** Moves the folder of a failed machine aside, in the place of earlier work. False where it lies on another file system: nothing is kept then. */
export async function keepWork(staging: string, keepFolder: string, work: KeptWork): Promise<boolean> {
  await writeDurably(join(staging, RECORD_FILE), `${JSON.stringify(work)}\n`)
  await rm(keepFolder, { recursive: true, force: true })
  try {
    await rename(staging, keepFolder)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EXDEV') return false
    throw error
  }
}

/**
 * Puts the kept work of a deployment into the place of the new machine's disks and gives the script to begin with; found there already after a
 * crash, it goes on with it. `run.not-resumable` where there is none, or where the replica has a newer generation than it is based on.
 */
export async function takeKeptWork(
  staging: string,
  keepFolder: string,
  wanted: { deploymentId: string; generations: readonly number[] },
): Promise<ResumePoint | undefined> {
  const here = await readRecord(join(staging, RECORD_FILE), KeptWork)
  const kept = here ?? (await readRecord(join(keepFolder, RECORD_FILE), KeptWork))
  if (kept === undefined || kept.deployment_id !== wanted.deploymentId) {
    throw new InstarError('run.not-resumable', `deployment ${wanted.deploymentId} kept no work to go on with`, {
      hint: 'Deploy without resume_from: the morph then begins from the start. The destination environment has keep_on_error for the next time.',
    })
  }
  if (kept.generations.join() !== wanted.generations.join()) {
    throw new InstarError(
      'run.not-resumable',
      `the transfer was executed since deployment ${wanted.deploymentId}: its work is of an earlier state`,
      {
        hint: 'Deploy without resume_from.',
      },
    )
  }
  if (here === undefined) {
    await rm(staging, { recursive: true, force: true })
    await rename(keepFolder, staging)
  }
  return kept.resume_at ?? undefined
}

export async function forgetWork(folder: string): Promise<void> {
  await rm(join(folder, RECORD_FILE), { force: true })
}
