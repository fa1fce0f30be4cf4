import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Emit } from '@instar/contract'
import { openAppliance, type Machine } from '@instar/machine'

/** What the appliance does to its disks before the test looks at them: `$1`, `$2` ... are the disks. Its functions are in PRELUDE. */
export interface Lab extends AsyncDisposable {
  readonly machine: Machine
  readonly signal: AbortSignal
  readonly emit: Emit
  /** Messages of the warnings so far. */
  readonly warnings: string[]
  /** Runs a shell line in the appliance, e.g. to look into the mounted guest; fails the test when it fails. */
  shell(line: string): Promise<string>
}

const PRELUDE = `
set -eux
export DM_DISABLE_UDEV=1 MDADM_NO_UDEV=1
# label DISK < sfdisk lines; waits for the kernel to make the nodes
label() { sfdisk --quiet --label gpt "$1"; }
# luks TYPE DEVICE PASSPHRASE NAME: the cheapest key derivation there is
luks() {
  printf %s "$3" | cryptsetup luksFormat --batch-mode --type "$1" --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - "$2"
  printf %s "$3" | cryptsetup open --key-file - "$2" "$4"
}
# tree DIR: what a Debian root has, with fstab from stdin
tree() {
  mkdir -p "$1/etc" "$1/usr/lib/modules/6.1.0-1" "$1/usr/sbin" "$1/var/lib/dpkg" "$1/boot" "$1/home"
  echo 'ID=debian' > "$1/etc/os-release"; : > "$1/usr/sbin/init"; : > "$1/var/lib/dpkg/status"; : > "$1/usr/lib/modules/6.1.0-1/modules.dep"
  cat > "$1/etc/fstab"
}
uuid() { blkid -p -s UUID -o value "$1"; }
`
const MIB = 2 ** 20
const BUILD_TIMEOUT_MS = 180_000

/** Builds disks in one appliance and opens a fresh one with them: what the first one knew is gone. */
export async function openLab(sizesMiB: readonly number[], script: string): Promise<Lab> {
  const signal = AbortSignal.timeout(BUILD_TIMEOUT_MS)
  await using undo = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'instar-storage-lab-'))
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  const files = sizesMiB.map((_size, index) => join(folder, `disk${index}.img`))
  await Promise.all(sizesMiB.map((size, index) => makeSparse(join(folder, `disk${index}.img`), size * MIB)))
  {
    await using builder = await boot(folder, files, signal)
    await shell(builder, ['sh', '-c', PRELUDE + script, 'build', ...builder.devices], signal)
  }
  const machine = undo.use(await boot(folder, files, signal))
  const warnings: string[] = []
  const held = undo.move()
  return {
    machine,
    signal,
    warnings,
    emit: event => void (event.kind === 'warning' && warnings.push(event.message ?? '')),
    shell: line => shell(machine, ['sh', '-c', line], signal),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

async function boot(folder: string, files: readonly string[], signal: AbortSignal): Promise<Machine> {
  return openAppliance({
    cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar',
    runtimeDir: join(folder, 'run'),
    disks: files.map(file => ({ file, format: 'raw' as const, readOnly: false })),
    signal,
  })
}

async function makeSparse(path: string, sizeBytes: number): Promise<void> {
  await using file = await open(path, 'w')
  await file.truncate(sizeBytes)
}

async function shell(machine: Machine, argv: readonly string[], signal: AbortSignal): Promise<string> {
  const result = await machine.run(argv, { signal, captureBytes: MIB })
  if (result.exitCode !== 0) throw new Error(`${argv.at(2)?.slice(0, 200)} ended with ${result.exitCode}: ${result.stderrTail}`)
  return result.stdout.toString()
}

/** Keys in the form that discovery takes. */
export function textKey(selector: string, text: string): { selector: string; secret: Uint8Array } {
  return { selector, secret: Buffer.from(text) }
}
