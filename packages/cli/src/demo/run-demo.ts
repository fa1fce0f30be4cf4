import { copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LUKS_PASSPHRASE, buildGuest } from '@instar/fixtures'
import { makeFolder, openAppliance, requireWritableFolder } from '@instar/machine'
import { createRedactor } from '@instar/morph'
import { formatDuration } from '@instar/phases/text'
import { bootAndWait, exitCodeOf } from '../boot/boot-images.ts'
import type { DemoOptions } from '../commands/demo.ts'
import type { MorphOptions } from '../commands/morph.ts'
import type { Context } from '../context.ts'
import { runMorph } from '../morph/run-morph.ts'
import { RunStore } from '../runs/run-store.ts'
import { printDemoTable } from './demo-table.ts'

const SCRIPTS = fileURLToPath(new URL('../../../../examples/demo', import.meta.url))
const LUKS_SCRIPT = fileURLToPath(new URL('../../../../examples/demo-luks/unlock', import.meta.url))
const BOOT_TIMEOUT_S = 400

/** `instar demo`: the main job on a real small guest, from its building to the first-boot results of its replica. */
export async function runDemo(context: Context, options: DemoOptions): Promise<number> {
  const started = performance.now()
  const say = (text: string) => context.stdout.write(`${text}\n`)
  if (options.keep !== undefined) await requireWritableFolder(dirname(resolve(options.keep)))
  await makeFolder(context.paths.runtimeDir, 0o700)
  const folder = await mkdtemp(join(context.paths.runtimeDir, 'demo-'))
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
  say('Building a small Debian guest with its own boot loader (kept for the next time)')
  const image = await guestImage(context, options, folder)

  say('\nMorphing it, with a script in every phase')
  await runMorph(context, [image], morphOptions(options, await luksSecret(options, folder)))
  const store = new RunStore(context.paths.stateDir)
  const run = await store.find('last')

  say('\nBooting the replica on a throw-away layer')
  const outcome = await bootAndWait(context, {
    images: [image],
    options: { ...options, bus: 'virtio', firmware: 'bios', network: 'none', timeout: BOOT_TIMEOUT_S },
    redactor: createRedactor([]),
    answers: options.luks === true ? [{ prompt: 'Please unlock disk', send: `${LUKS_PASSPHRASE}\n` }] : [],
  })
  await printDemoTable(context, { store, run, report: outcome.report })
  say(`\nall done in ${formatDuration(performance.now() - started)}; the replica took ${formatDuration(outcome.wallMs)} to come up`)
  if (options.keep !== undefined) {
    await moveFile(image, resolve(options.keep))
    say(`the morphed image is ${options.keep}; boot it with: instar boot ${options.keep}`)
  }
  return exitCodeOf(outcome.report)
}

async function guestImage(context: Context, options: DemoOptions, folder: string): Promise<string> {
  const { cacheDir, runtimeDir } = context.paths
  const guest = await buildGuest({
    variant: options.luks === true ? 'luks' : 'ext4',
    cacheDir,
    signal: context.signal,
    onProgress: message => context.stdout.write(`  ${message}\n`),
    openMachine: disks => openAppliance({ cacheDir, runtimeDir, disks, accel: options.accel, signal: context.signal }),
  })
  const image = join(folder, options.luks === true ? 'demo-luks.qcow2' : 'demo.qcow2')
  await copyFile(guest.file, image)
  return image
}

/** The passphrase goes to the pre-mount script as a secret; nothing else knows it. */
async function luksSecret(options: DemoOptions, folder: string): Promise<Partial<MorphOptions>> {
  if (options.luks !== true) return {}
  const file = join(folder, 'passphrase')
  await writeFile(file, LUKS_PASSPHRASE, { mode: 0o600 })
  return { secret: [`luks=@${file}`], script: [`${LUKS_SCRIPT},phase=osmorphing_pre_os_mount`] }
}

function morphOptions(options: DemoOptions, luks: Partial<MorphOptions>): MorphOptions {
  return {
    userScriptsDir: SCRIPTS,
    bus: 'virtio',
    network: 'keep',
    accel: options.accel,
    ...luks,
    ...(options.memory === undefined ? {} : { memory: options.memory }),
    ...(options.json === undefined ? {} : { json: options.json }),
  }
}

/** A rename where both are on one file system, else a copy. */
async function moveFile(from: string, to: string): Promise<void> {
  await rename(from, to).catch(() => copyFile(from, to))
}
