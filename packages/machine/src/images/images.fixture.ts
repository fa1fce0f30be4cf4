import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** For tests: a folder that goes away with its scope. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'instar-images-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** For tests: a raw disk of `mib` MiB, each MiB filled with its number and `salt`, every fourth one a hole. */
export function writeDisk(file: string, mib: number, salt = 0): void {
  const disk = Buffer.alloc(mib * 1024 * 1024)
  for (let at = 0; at < mib; at += 1) if (at % 4 !== 3) disk.fill((at * 7 + salt) % 255 || 1, at * 1024 * 1024, (at + 1) * 1024 * 1024)
  writeFileSync(file, disk)
}

/** For tests: what qemu-img prints. */
export function qemuImg(...args: string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8' })
}

/** For tests: writes to a disk through the layer on it, as a guest would. Commands are those of qemu-io. */
export function writeThrough(nodeName: string, ...commands: string[]): void {
  execFileSync('qemu-io', [...commands.flatMap(command => ['-c', command]), nodeName], { encoding: 'utf8' })
}

/** For tests: an aborted signal is never meant here. */
export const signal = new AbortController().signal
