import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** `instar-a` needs `instar-b`; each brings one file. */
const PACKAGES = [
  { name: 'instar-a', depends: 'Depends: instar-b\n' },
  { name: 'instar-b', depends: '' },
]

export interface SmallRepository extends AsyncDisposable {
  /** On this host's loopback, which a network of QEMU's reaches as 10.0.2.2. */
  readonly port: number
  /** What was asked for, in order. */
  readonly asked: readonly string[]
}

/** An apt repository of two packages, made in `dir` and served by HTTP. */
export async function openSmallRepository(dir: string): Promise<SmallRepository> {
  const files = new Map(PACKAGES.map(({ name, depends }) => [`/${name}.deb`, buildPackage(dir, name, depends)]))
  const index = PACKAGES.map(({ name }) => indexEntry(dir, name)).join('\n')
  files.set('/Packages', Buffer.from(index))
  files.set('/Release', Buffer.from(`SHA256:\n ${sha256(Buffer.from(index))} ${Buffer.byteLength(index)} Packages\n`))
  const asked: string[] = []
  const server = createServer(({ url = '' }, answer) => {
    const path = url.replace('/./', '/')
    asked.push(path)
    answer.writeHead(files.has(path) ? 200 : 404).end(files.get(path))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function buildPackage(dir: string, name: string, depends: string): Buffer {
  const tree = join(dir, name)
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true })
  mkdirSync(join(tree, 'opt/instar'), { recursive: true })
  writeFileSync(join(tree, 'opt/instar', name), `${name}\n`)
  const control = `Package: ${name}\nVersion: 1.0\nArchitecture: all\nMaintainer: x <x@y>\nDescription: x\n${depends}`
  writeFileSync(join(tree, 'DEBIAN/control'), control)
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', tree, `${tree}.deb`], { stdio: 'ignore' })
  return readFileSync(`${tree}.deb`)
}

function indexEntry(dir: string, name: string): string {
  const file = join(dir, `${name}.deb`)
  const content = readFileSync(file)
  const fields = execFileSync('dpkg-deb', ['--field', file], { encoding: 'utf8' })
  return `${fields}Filename: ./${name}.deb\nSize: ${content.length}\nSHA256: ${sha256(content)}\n`
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
