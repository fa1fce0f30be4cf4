import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { InstarError } from '@instar/contract'
import { INSTANCE_OS_TYPES, issueText } from '@instar/contract/api'
import { parse, stringify } from 'yaml'
import * as z from 'zod/mini'

const Disk = z.strictObject({
  /** Default: `disk-1`, `disk-2`, ... in their order. */
  id: z.optional(z.string().check(z.minLength(1))),
  /** Relative to the file that names it. */
  file: z.string().check(z.minLength(1)),
  /** Default: what its header says. */
  format: z.optional(z.enum(['raw', 'qcow2', 'vmdk', 'vhdx', 'vdi', 'vpc'])),
})

const Nic = z.strictObject({
  name: z.optional(z.string()),
  network: z._default(z.string(), 'default'),
  mac_address: z.optional(z.string().check(z.regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i))),
  ip_addresses: z.optional(z.array(z.string())),
})

/** What stands in a `machine.yaml`: a machine, described beside its images. */
export const MachineFile = z.strictObject({
  version: z._default(z.literal(1), 1),
  /** Default: the name of its folder or file. */
  name: z.optional(z.string().check(z.regex(/^[^/\p{Cc}]{1,200}$/u))),
  os_type: z._default(z.enum(INSTANCE_OS_TYPES), 'linux'),
  num_cpu: z._default(z.int().check(z.minimum(1)), 1),
  memory_mb: z._default(z.int().check(z.minimum(1)), 1024),
  firmware: z._default(z.enum(['bios', 'uefi']), 'bios'),
  /** Lets Instar make dirty bitmaps in the qcow2 images. */
  bitmaps: z._default(z.boolean(), false),
  disks: z.array(Disk).check(z.minLength(1), z.maxLength(64)),
  nics: z._default(z.array(Nic), []),
  /** The deployment that made the machine, where Instar did. */
  deployment: z.optional(z.string()),
})
export type MachineFile = z.infer<typeof MachineFile>

/** A machine of the folder. */
export interface DescribedMachine {
  readonly name: string
  /** The file that describes it. */
  readonly file: string
  readonly folder: string
  readonly described: MachineFile
  readonly disks: readonly { readonly id: string; readonly file: string; readonly format?: NonNullable<z.infer<typeof Disk>['format']> }[]
}

export const MACHINE_FILE = 'machine.yaml'
const MAX_FILE_BYTES = 1024 * 1024

/** Reads and checks a machine's description; `provider.failed` names the file and every mistake in it. */
export async function readMachineFile(file: string): Promise<DescribedMachine> {
  const { size } = await stat(file)
  if (size > MAX_FILE_BYTES) throw new InstarError('provider.failed', `${file} has ${size} bytes; a description of a machine is shorter`)
  const described = parseMachine(file, await readFile(file, 'utf8'))
  const folder = dirname(file)
  const disks = described.disks.map((disk, index) => ({
    id: disk.id ?? `disk-${index + 1}`,
    file: resolve(folder, disk.file),
    ...(disk.format === undefined ? {} : { format: disk.format }),
  }))
  const twice = disks.find(({ id }, at) => disks.findIndex(other => other.id === id) < at)
  if (twice !== undefined) throw new InstarError('provider.failed', `${file}: two disks have the id ${twice.id}`)
  return { name: described.name ?? nameByPlace(file), file, folder, described, disks }
}

/** The name of the machine that gives itself none. */
export function nameByPlace(file: string): string {
  return basename(file) === MACHINE_FILE ? basename(dirname(file)) : basename(file).replace(/\.ya?ml$/, '')
}

export function formatMachineFile(machine: z.input<typeof MachineFile>): string {
  return stringify(machine)
}

export function machineFileIn(folder: string): string {
  return join(folder, MACHINE_FILE)
}

function parseMachine(file: string, text: string): MachineFile {
  let value: unknown
  try {
    // Aliases are not needed here, and many of them make a small file large.
    value = parse(text, { maxAliasCount: 0 })
  } catch (cause) {
    throw new InstarError('provider.failed', `${file} is no YAML`, { cause })
  }
  const parsed = MachineFile.safeParse(value)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map(issue => issueText(issue, value, { whole: 'it' }))
  throw new InstarError('provider.failed', `${file} describes no machine: ${issues.join('; ')}`)
}
