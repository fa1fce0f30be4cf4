import { constants } from 'node:fs'
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ApplianceImage } from '../image/build.ts'
import { namingFile } from '../../naming-file.ts'
import { startVm } from '../vm.ts'
import { qemuVersion } from './qemu-version.ts'

export type Accelerator = 'kvm' | 'tcg'

/** Under KVM the appliance answers within a second; where a guest hangs (nested virtualisation that only pretends), nothing ever comes. */
const PROBE_TIMEOUT_MS = 5_000
const ANSWER_FILE = 'accelerator.json'

interface ProbeOptions {
  readonly image: ApplianceImage
  readonly cacheDir: string
  /** For QEMU's temporary files. */
  readonly folder: string
  readonly signal: AbortSignal
}

/**
 * KVM where it truly works, else TCG: `/dev/kvm` may exist and a guest hang all the same, so the appliance itself is booted once. The answer
 * holds until the host boots anew or the appliance or QEMU changes.
 */
export async function chooseAccelerator(options: ProbeOptions): Promise<Accelerator> {
  if (!(await mayUseKvm())) return 'tcg'
  const key = await probeKey(options.image)
  const file = join(options.cacheDir, ANSWER_FILE)
  const known = await readAnswer(file, key)
  if (known !== undefined) return known
  const accelerator = (await bootsUnderKvm(options)) ? 'kvm' : 'tcg'
  await writeAnswer(file, { key, accelerator })
  return accelerator
}

async function mayUseKvm(): Promise<boolean> {
  return await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
}

async function probeKey(image: ApplianceImage): Promise<string> {
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  return [bootId, image.hash, await qemuVersion()].join(' ')
}

async function readAnswer(file: string, key: string): Promise<Accelerator | undefined> {
  try {
    const answer = JSON.parse(await readFile(file, 'utf8')) as { key?: unknown; accelerator?: unknown }
    return answer.key === key && (answer.accelerator === 'kvm' || answer.accelerator === 'tcg') ? answer.accelerator : undefined
  } catch {
    // Not there, or half-written by somebody who was killed: ask again.
    return undefined
  }
}

async function writeAnswer(file: string, answer: { key: string; accelerator: Accelerator }): Promise<void> {
  const draft = `${file}.${process.pid}`
  await namingFile(file, () => writeFile(draft, `${JSON.stringify(answer)}\n`))
  await rename(draft, file)
}

async function bootsUnderKvm({ image, folder, signal }: ProbeOptions): Promise<boolean> {
  const probeFolder = join(folder, 'kvm-probe')
  await mkdir(probeFolder)
  try {
    const vm = await startVm({
      accel: 'kvm',
      memoryMiB: 256,
      cpus: 1,
      image,
      from: { kind: 'kernel' },
      disks: [],
      folder: probeFolder,
      bootTimeoutMs: PROBE_TIMEOUT_MS,
      onStarted: async () => {},
      signal,
    })
    await vm.kill()
    return true
  } catch {
    // Whatever went wrong under KVM, emulation is the answer; what is wrong beyond that shows when the appliance starts.
    signal.throwIfAborted()
    return false
  } finally {
    await rm(probeFolder, { recursive: true, force: true })
  }
}
