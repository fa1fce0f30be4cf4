import { realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { HOST_ENV } from './host-tool.ts'

/** The program's file stands for its version: asking it would cost each start 50 ms. */
export async function qemuVersion(): Promise<string> {
  for (const folder of HOST_ENV.PATH.split(':')) {
    const file = await realpath(join(folder, 'qemu-system-x86_64')).catch(() => undefined)
    if (file === undefined) continue
    const { size, mtimeMs } = await stat(file)
    return `${file}:${size}:${mtimeMs}`
  }
  return 'none'
}
