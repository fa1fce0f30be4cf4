import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Where the root partition of the guests with a plain ext4 root begins: behind the boot loader's partition. */
const ROOT_OFFSET_MIB = { bios: 2, uefi: 41 } as const

/** Every file of the guest's ext4 root: path -> its kind, mode, owner and content in one line. Read by debugfs, nothing is mounted. */
export function readTree(image: string, firmware: 'bios' | 'uefi', workDir: string): Map<string, string> {
  const raw = join(workDir, 'tree.raw')
  const folder = join(workDir, 'tree')
  mkdirSync(folder)
  try {
    execFileSync('qemu-img', ['convert', '-O', 'raw', image, raw])
    const offset = ROOT_OFFSET_MIB[firmware] * 1024 * 1024
    execFileSync('debugfs', ['-R', `rdump / ${folder}`, `${raw}?offset=${offset}`], { stdio: ['ignore', 'ignore', 'ignore'] })
    return new Map(filesBelow(folder).map(file => [file.slice(folder.length), describe(file)]))
  } finally {
    rmSync(raw, { force: true })
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Node's own recursive listing goes through links, and /dev/fd of a guest leads into this machine's /proc. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? [path, ...filesBelow(path)] : [path]
  })
}

function describe(file: string): string {
  const stat = lstatSync(file)
  const owner = `${stat.mode.toString(8)} ${stat.uid}:${stat.gid}`
  if (stat.isSymbolicLink()) return `link ${readlinkSync(file)}`
  if (stat.isFile()) return `file ${owner} ${createHash('sha256').update(readFileSync(file)).digest('hex')}`
  return `other ${owner}`
}

/** Paths that are new, gone or different. */
export function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const paths = new Set([...before.keys(), ...after.keys()])
  return [...paths].filter(path => before.get(path) !== after.get(path)).sort()
}
