import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { CONSOLE_MARK, type MinionImage } from '@instar/fixtures'

/** A machine under emulation that sshd of is reachable at one port of this machine's loopback, and nowhere else. */
export interface Minion extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** For `ssh -F` and `--ssh-config`: logs in as root with the throw-away key, and knows the machine's host key. */
  readonly sshConfig: string
  /** What a line prints that its shell runs as root; fails the test when the line fails. */
  shell(line: string): string
  /** The power fails. */
  kill(): Promise<void>
}

/** The last five make an emulated CPU faster, and a loaded host no reason to fail. */
const KERNEL_OPTIONS =
  'root=/dev/vda ro console=ttyS0 quiet net.ifnames=0 norandmaps mitigations=off cryptomgr.notests no_timer_check notsc'
const BOOT_TIMEOUT_MS = 120_000
const SHELL_TIMEOUT_MS = 60_000

/** Boots the image on a layer; `disks` come after its own root disk as /dev/vdb, /dev/vdc... */
export async function startMinion(
  image: MinionImage,
  { disks, workDir }: { disks: readonly { file: string; format: 'qcow2' | 'raw' }[]; workDir: string },
): Promise<Minion> {
  const root = join(workDir, 'minion.qcow2')
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', image.disk, root])
  const port = await freePort()
  const drives = [{ file: root, format: 'qcow2' }, ...disks].flatMap(({ file, format }) => [
    '-drive',
    `file=${file},format=${format},if=virtio`,
  ])
  const machine = ['-machine', 'q35,accel=tcg', '-smp', '2', '-m', '1024', '-nodefaults', '-no-user-config', '-display', 'none']
  const network = ['-nic', `user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:${port}-10.0.2.15:22`]
  const kernel = ['-kernel', image.kernel, '-initrd', image.initrd, '-append', KERNEL_OPTIONS]
  const argv = ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...machine, ...drives, ...network, ...kernel, '-serial', 'stdio']
  const qemu = spawn('setpriv', argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(qemu, 'close')
  const sshConfig = writeSshConfig(image, { port, workDir })
  const kill = async () => {
    qemu.kill('SIGKILL')
    await closed
  }
  await untilUp(qemu.stdout, kill)
  return {
    url: `ssh://root@127.0.0.1:${port}`,
    port,
    sshConfig,
    shell: line =>
      execFileSync('ssh', ['-F', sshConfig, '-p', String(port), '127.0.0.1', line], { encoding: 'utf8', timeout: SHELL_TIMEOUT_MS }),
    kill,
    [Symbol.asyncDispose]: kill,
  }
}

function writeSshConfig(image: MinionImage, { port, workDir }: { port: number; workDir: string }): string {
  const knownHosts = join(workDir, 'known_hosts')
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${image.hostKey}\n`)
  const file = join(workDir, 'ssh_config')
  const lines = [`IdentityFile ${image.key}`, 'IdentitiesOnly yes', `UserKnownHostsFile ${knownHosts}`, 'StrictHostKeyChecking yes']
  writeFileSync(file, `Host 127.0.0.1\n  User root\n${lines.map(line => `  ${line}\n`).join('')}`)
  return file
}

/** Its console says so once multi-user.target is reached, which sshd belongs to. */
async function untilUp(console: Readable, kill: () => Promise<void>): Promise<void> {
  const timer = setTimeout(() => void kill(), BOOT_TIMEOUT_MS)
  let text = ''
  for await (const piece of console.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    text += piece.toString()
    if (!text.includes(CONSOLE_MARK)) continue
    clearTimeout(timer)
    console.resume()
    return
  }
  throw new Error(`the minion did not come up: ${text.slice(-2000)}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
