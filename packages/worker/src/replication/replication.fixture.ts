import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { allowedPlaces, readChain } from '@instar/machine'
import type { ReplicateRequest } from './copy-run.ts'
import type { Forecast } from './forecast.ts'
import { imageFile } from './replica-record.ts'
import { replicateDisk } from './replicate-disk.ts'

/** For tests: a source image and the folder of its replica, which go away with their scope. */
export class Lab implements Disposable {
  readonly folder: string
  readonly source: string
  readonly replica: string
  readonly said: string[] = []
  readonly forecasts: Forecast[] = []
  readonly format: 'raw' | 'qcow2'
  now = new Date('2026-01-01T00:00:00Z')
  #executions = 0

  /** `mib` 0: the source is there already. */
  constructor(mib: number, format: 'raw' | 'qcow2' = 'raw', place: { folder?: string; replica?: string } = {}) {
    this.format = format
    this.folder = place.folder ?? mkdtempSync(join(tmpdir(), 'instar-replication-'))
    this.replica = place.replica ?? join(this.folder, 'replica')
    this.source = join(this.folder, `source.${format}`)
    if (mib > 0) qemuImg('create', '-q', '-f', format, this.source, `${mib}M`)
  }

  static at({ format, ...place }: { folder: string; replica: string; format: 'raw' | 'qcow2' }): Lab {
    return new Lab(0, format, place)
  }

  /** Writes to the source as a guest would, with commands of qemu-io. */
  write(...commands: string[]): void {
    qemuIo(this.source, this.format, ...commands)
  }

  async run(change: Partial<ReplicateRequest> & { bitmaps?: boolean } = {}) {
    const { bitmaps = false, ...rest } = change
    const { links } = await readChain(this.source, this.format, await allowedPlaces([this.folder]))
    this.#executions += 1
    return await replicateDisk({
      source: { diskId: 'disk-1', content: { kind: 'images', chain: links }, mayUseBitmaps: bitmaps },
      folder: this.replica,
      executionId: `execution-${this.#executions}`,
      verify: false,
      threads: 2,
      now: () => this.now,
      signal: new AbortController().signal,
      onProgress: forecast => void this.forecasts.push(forecast),
      say: message => void this.said.push(message),
      ...rest,
    })
  }

  /** Whether a guest would read the same from the source and from a generation, by QEMU's own judgement. */
  isSame(number: number, source = this.source, format: string = this.format): boolean {
    const replica = imageFile(this.replica, number)
    qemuImg('check', '-q', '-f', 'qcow2', replica)
    try {
      qemuImg('compare', '-f', format, '-F', 'qcow2', source, replica)
      return true
    } catch {
      return false
    }
  }

  files(): string[] {
    return readdirSync(this.replica).sort()
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** For tests: what qemu-img prints. */
export function qemuImg(...args: string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}

/** For tests: reads and writes to a disk as a guest would. */
export function qemuIo(file: string, format: string, ...commands: string[]): string {
  return execFileSync('qemu-io', ['-f', format, ...commands.flatMap(command => ['-c', command]), file], { encoding: 'utf8' })
}
