import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { InstarError } from '@instar/contract'
import { buildGuest, type Guest, heavy, requires } from '@instar/fixtures'
import { hashFile, type Machine, openAppliance } from '@instar/machine'
import { morph, type MorphReport } from '@instar/morph'

// Guests that try to lead a morph out of their root. All share one appliance: what they touch of it would show in its files.

const signal = AbortSignal.timeout(900_000)
const workDir = mkdtempSync(join(tmpdir(), 'instar-hostile-guests-'))
const CRAFT_TIMEOUT_MS = 120_000

interface Case {
  readonly name: string
  /** Lines of sh that run in the guest's root. */
  readonly craft: string
  /** The error that ends the morph, or none where it must succeed. */
  readonly error?: string
  /** What must be true in the guest's root afterwards: a line of sh. */
  readonly holds?: string
}

const CASES: readonly Case[] = [
  {
    name: 'links that lead out of the root, where the morph writes',
    craft: `rm -rf etc/systemd/system && ln -s /tmp/x etc/systemd/system && mkdir -p tmp/x
      mv var srv/var && ln -s ../../../../../../srv/var var
      mkdir srv/grub && mv etc/default/grub srv/grub/ && ln -s ../../../../../../srv/grub/grub etc/default/grub
      rm -rf etc/cloud && ln -s /proc/1/root/etc/cloud etc/cloud`,
    holds:
      '[ "$(readlink tmp/x/open-vm-tools.service)" = /dev/null ] && [ -L etc/systemd/system ] && [ -L var ] && [ -L etc/default/grub ]',
  },
  {
    name: 'an fstab that is a link to the mounts of the minion',
    craft: 'rm etc/fstab && ln -s ../../../../../../proc/self/mounts etc/fstab',
    holds: '[ "$(readlink etc/fstab)" = ../../../../../../proc/self/mounts ]',
  },
  {
    name: 'an fstab full of nonsense',
    craft: `{ cat etc/fstab
        printf 'UUID=6f1d3a52-8c0e-4b7a-9d21-0a5be1c40001 /var/../../../../tmp/y ext4 nofail 0 0\\n'
        printf '/dev/nvme0n1p1 /srv ext4 nofail,exec 0 0\\n/dev/vda1 /srv ext4 nofail 0 0\\n/ /srv none bind 0 0\\n/etc /srv/etc none rbind,nofail 0 0\\n'
        printf '/dev/zero /opt ext4 nofail,loop,offset=-1 0 0\\n//host/share /media cifs nofail,credentials=/etc/shadow 0 0\\n'
        printf 'a\\\\040b \\\\057\\\\056\\\\056 ext4\\n\\377\\376\\000binary\\n= = = = = = = = =\\nLABEL= /lost nofail\\n'
        head -c 200000 /dev/urandom; printf '\\n'
        i=0; while [ $i -lt 5000 ]; do printf 'x%s /home/../etc nofail,x=%s ext9 9 9\\n' $i $i; i=$((i+1)); done
      } >etc/fstab.new && mv etc/fstab.new etc/fstab`,
    holds: 'grep -aq "^x4999 /home/../etc nofail" etc/fstab && [ ! -e tmp/y ]',
  },
  {
    name: 'no /etc at all',
    craft: 'rm -rf etc usr/lib/os-release',
    error: 'morph.no-root',
  },
  {
    name: 'endless files, pipes, devices and loops of links where files belong',
    craft: `for file in etc/os-release usr/lib/os-release; do rm -f $file; ln -s /dev/zero $file; done
      rm -f etc/network/interfaces && mkfifo etc/network/interfaces
      rm -f etc/crypttab && mkfifo etc/crypttab
      rm -f etc/default/grub && mknod etc/default/grub c 1 5
      rm -f etc/hostname && ln -s /proc/kmsg etc/hostname
      ln -sf loop-b etc/loop-a; ln -sf loop-a etc/loop-b; rm -f etc/machine-id; ln -s loop-a etc/machine-id
      mkdir -p etc/netplan && mknod etc/netplan/1.yaml b 259 0`,
  },
  {
    name: 'names that are no names, folders without end, and thousands of files',
    craft: `mkdir etc/d && perl -e 'chdir "etc/d"; for (1 .. 300) { mkdir "d" x 21; chdir "d" x 21 or die }'
      touch "etc/$(printf 'a\\nb\\033[31m\\377')" "etc/systemd/system/\\$(touch x).service" 'etc/network/interfaces.d/-rf'
      mkdir etc/many && cd etc/many && seq 1 20000 | xargs touch`,
  },
]

/** The same machine with other disks to work on. */
function withDevices(machine: Machine, devices: readonly string[]): Machine {
  return new Proxy(machine, {
    get: (target, key) => {
      if (key === 'devices') return devices
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

async function sh(machine: Machine, script: string): Promise<string> {
  const result = await machine.run(['sh', '-ec', script], { signal, captureBytes: 64 * 1024 * 1024, timeoutMs: CRAFT_TIMEOUT_MS })
  assert.equal(result.exitCode, 0, `${result.stderrTail} (${result.timedOut ? 'time limit' : 'exit code'}) of: ${script}`)
  return result.stdout.toString()
}

/** Runs lines of sh in the mounted root of a guest's disk. */
function inRoot(device: string, script: string): string {
  return `mkdir -p /mnt/craft; mount ${device}p2 /mnt/craft; cd /mnt/craft; ${script}\ncd /; umount /mnt/craft; rmdir /mnt/craft`
}

/** All that a guest could have changed of the minion: its files, its mounts, its devices. */
async function stateOf(machine: Machine): Promise<Set<string>> {
  const files = "find / -xdev -path '/mnt/instar-*' -prune -o -type d -printf '%p %m\\n' -o -printf '%p %m %s %T@\\n'"
  const text = await sh(machine, `${files}; cat /proc/self/mounts; ls /sys/block; find /tmp /dev/mapper /dev/shm -xdev 2>/dev/null || :`)
  // The first use of device-mapper makes its folder, for good.
  return new Set(text.split('\n').filter(line => !/^\/dev\/mapper(?:\/control)?$/.test(line)))
}

let serial = 0

describe('hostile guests', { skip: requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env), concurrency: false }, () => {
  let guest: Guest
  let baseHash = ''
  let turn: AsyncDisposable
  let machine: Machine

  before(async () => {
    guest = await buildGuest({ variant: 'ext4', cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', signal })
    baseHash = await hashFile(guest.file, signal)
    turn = await heavy(signal)
    const cacheDir = process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar'
    machine = await openAppliance({ cacheDir, runtimeDir: join(workDir, 'runtime'), disks: [], signal })
  })
  after(async () => {
    await machine?.[Symbol.asyncDispose]()
    await turn?.[Symbol.asyncDispose]()
    rmSync(workDir, { recursive: true, force: true })
  })

  function layerOn(backing: string): string {
    serial += 1
    const file = join(workDir, `layer-${serial}.qcow2`)
    mkdirSync(workDir, { recursive: true })
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', backing, '-F', 'qcow2', file])
    return file
  }

  /** A guest's image with the changes of a case. */
  async function craft(script: string): Promise<string> {
    const image = layerOn(guest.file)
    const device = await machine.attach({ file: image, format: 'qcow2', readOnly: false }, signal)
    await sh(machine, inRoot(device, script))
    await machine.detach(device, signal)
    return image
  }

  async function morphOn(devices: readonly string[]): Promise<MorphReport> {
    serial += 1
    return morph(
      {
        runId: `run-${serial}`,
        instance: 'guest',
        scripts: [],
        secrets: [],
        keys: [],
        target: { bus: 'virtio' },
        network: { policy: 'keep', nics: [] },
        packages: { install: [], remove: [] },
        skipOsMorphing: false,
      },
      { machine: withDevices(machine, devices), signal, emit: () => {}, recorder: { open: () => assert.fail('there is no script') } },
    )
  }

  for (const { name, craft: script, error, holds } of CASES) {
    test(name, async context => {
      const image = await craft(script)
      const imageHash = await hashFile(image, signal)
      const device = await machine.attach({ file: layerOn(image), format: 'qcow2', readOnly: false }, signal)
      const before = await stateOf(machine)

      const outcome = await morphOn([device]).catch((thrown: unknown) => thrown)

      const told = outcome instanceof InstarError ? `${outcome.code}: ${outcome.message}` : 'it succeeded'
      context.diagnostic(told.slice(0, 500))
      assert.deepEqual([...(await stateOf(machine)).symmetricDifference(before)], [], 'the minion is as it was')
      if (holds !== undefined) await sh(machine, inRoot(device, holds))
      await machine.detach(device, signal)
      assert.ok(outcome instanceof InstarError || !(outcome instanceof Error), outcome instanceof Error ? outcome.stack : '')
      assert.equal(outcome instanceof InstarError ? outcome.code : undefined, error, told)
      if (outcome instanceof InstarError) assert.notEqual(outcome.hint, '')
      assert.equal(await hashFile(image, signal), imageHash)
    })
  }

  test('the same system twice: the choice is left to the user', async () => {
    const devices: string[] = []
    for (const file of [layerOn(guest.file), layerOn(guest.file)])
      devices.push(await machine.attach({ file, format: 'qcow2', readOnly: false }, signal))

    await assert.rejects(morphOn(devices), { code: 'morph.many-roots', hint: /--root/ })

    for (const device of devices) await machine.detach(device, signal)
  })

  test('after all of them the guest that they were made of is as it was', async () => {
    assert.equal(await hashFile(guest.file, signal), baseHash)
  })
})
