import { readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { GUEST_VARIANTS } from '@instar/fixtures'
import { parse } from 'yaml'
import * as z from 'zod/mini'

const NEEDS = ['root', 'qemu', 'mmdebstrap', 'cryptsetup', 'mtools', 'e2fsprogs'] as const

/** A script that must have run, in the order in which it must have. `stdout` is a part of what it printed. */
const Ran = z.strictObject({
  phase: z.string(),
  script: z.string(),
  exit_code: z._default(z.nullable(z.int()), 0),
  stdout: z.optional(z.string()),
  stderr: z.optional(z.string()),
})

const FirstBoot = z.strictObject({ script: z.string(), exit_code: z._default(z.int(), 0), output: z.optional(z.string()) })

/** A scenario as its file tells it; unknown words are refused, so that no expectation is overlooked. */
const Scenario = z.strictObject({
  about: z.string(),
  needs: z.array(z.enum(NEEDS)),
  before: z.strictObject({
    /** `disks` picks some of the guest's, by number from 1; absent: all. */
    guest: z.enum(GUEST_VARIANTS),
    disks: z.optional(z.array(z.int())),
  }),
  request: z.strictObject({
    /** Phase -> script files beside this one, each with what may follow a path in --script (",timeout=5"). */
    scripts: z._default(z.record(z.string(), z.array(z.string())), {}),
    /** What scripts find under $INSTAR_SECRETS_DIR. */
    secrets: z._default(z.record(z.string(), z.string()), {}),
    /** More of the command line. */
    arguments: z._default(z.array(z.string()), []),
  }),
  /** The replica is booted when this is there. */
  boot: z.optional(
    z.strictObject({
      /** What to type when the console shows a text. */
      answers: z._default(z.record(z.string(), z.string()), {}),
      arguments: z._default(z.array(z.string()), []),
    }),
  ),
  expect: z.strictObject({
    exit_code: z._default(z.int(), 0),
    /** Code of the error that ended the morph. */
    error: z.optional(z.string()),
    /** A part of what the command says to the user on standard error. */
    says: z.optional(z.string()),
    /** A part of the closing summary, which is the message of the last event too. */
    result: z.optional(z.string()),
    /** All scripts that ran on the minion. */
    ran: z.array(Ran),
    /** `unchanged`: byte for byte. */
    image: z.enum(['changed', 'unchanged']),
    /** All files of the root file system that differ afterwards, as patterns; each must fit one, and each pattern must fit a file. */
    changed: z.optional(z.array(z.string())),
    warnings: z._default(z.array(z.string()), []),
    /** All first-boot scripts. */
    first_boot: z._default(z.array(FirstBoot), []),
    /** A part of what the replica's console shows. */
    console: z.optional(z.string()),
    /** Layers are kept for the one who repairs. */
    kept_layers: z._default(z.boolean(), false),
  }),
})
export type Scenario = z.infer<typeof Scenario>

/** A scenario's file, and the folder that its scripts lie in. */
export interface ScenarioFile {
  readonly name: string
  readonly folder: string
  readonly scenario: Scenario
}

export function readScenario(file: string): ScenarioFile {
  const folder = dirname(file)
  const parsed = Scenario.safeParse(parse(readFileSync(file, 'utf8')))
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`)
  return { name: basename(folder), folder, scenario: parsed.data }
}
