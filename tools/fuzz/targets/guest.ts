import assert from 'node:assert/strict'
import type { ScriptSpec } from '@instar/contract/scripts'
import { FakeMachine } from '../../../packages/machine/src/fake-machine.ts'
import { maskAgents } from '../../../packages/morph/src/agents/mask-agents.ts'
import { inspectBoot } from '../../../packages/morph/src/boot/inspect-boot.ts'
import { editCmdlines } from '../../../packages/morph/src/boot/loader/edit-cmdlines.ts'
import { checkGuest } from '../../../packages/morph/src/check/check-guest.ts'
import { describeGuest, detectGuest, type GuestFacts } from '../../../packages/morph/src/detect/detect.ts'
import { registerFirstBoot } from '../../../packages/morph/src/first-boot/register-first-boot.ts'
import { partitionNames, stableNames } from '../../../packages/morph/src/fit/stable-names.ts'
import { fitIdentity } from '../../../packages/morph/src/identity/fit-identity.ts'
import { planPackages } from '../../../packages/morph/src/installer/plan-packages.ts'
import { fitNetwork } from '../../../packages/morph/src/network/fit-network.ts'
import { fixReferences, resolverFor } from '../../../packages/morph/src/references/fix-references.ts'
import { planLabels } from '../../../packages/morph/src/selinux/labels.ts'
import type { GuestTree } from '../../../packages/morph/src/tree/guest-tree.ts'
import { phonyGuest, type PhonyFile } from '../../../packages/morph/src/tree/phony-guest.ts'
import type { Random } from '../random.ts'
import type { FuzzTarget } from '../target.ts'
import { type Files, INITRAMFS, ROOTS } from './guest-roots.ts'

/** One file of one of the roots: what is mutated. */
interface Place {
  readonly root: Files
  readonly path: string
  readonly content: Buffer
}

const PLACES: readonly Place[] = ROOTS.flatMap(root =>
  Object.entries(root).flatMap(([path, file]) => {
    const content = contentOf(file)
    return content === undefined || content.length < 3 ? [] : [{ root, path, content }]
  }),
)

function contentOf(file: PhonyFile): Buffer | undefined {
  if (typeof file === 'string' || file instanceof Uint8Array) return Buffer.from(file)
  return typeof file === 'object' && 'content' in file ? Buffer.from(file.content ?? '') : undefined
}

const LINKS = [
  '/',
  '.',
  '..',
  '../../../../etc/shadow',
  '/proc/self/root/etc/passwd',
  '/etc/os-release',
  '/etc/fstab',
  '',
  'x/../x',
  '/nowhere',
]

/** Most often another content; now and then something that is no file at all. */
function guestWith({ root, path }: Place, input: Buffer, random: Random): GuestTree {
  if (random.chance(0.1)) return phonyGuest({ ...root, [path]: { link: random.pick([...LINKS, input.toString('latin1').slice(0, 5000)]) } })
  if (random.chance(0.05)) {
    const { [path]: _gone, ...others } = root
    return phonyGuest({ ...others, [`${path}/`]: '' })
  }
  const before = root[path]
  const mode = typeof before === 'object' && 'mode' in before ? { mode: before.mode ?? 0o644 } : {}
  return phonyGuest({ ...root, [path]: { content: input, ...mode } })
}

const DISKS = [
  {
    ids: ['6000c29aaaaa'],
    partitions: [
      { number: 1, kind: 'filesystem', type: 'ext4', uuid: 'aaaa', partuuid: 'p-1' },
      { number: 2, kind: 'swap', uuid: 'swap', partuuid: 'p-2' },
    ],
  },
  { partitions: [{ number: 1, kind: 'filesystem', type: 'xfs', uuid: 'data' }] },
] as const

const SCRIPT: ScriptSpec = {
  name: 'first',
  phase: 'replica_first_boot',
  source: 'dir',
  payload: '#!/bin/sh\ntrue\n',
  timeoutS: 60,
  retries: 0,
  onFailure: 'abort',
  env: {},
}

/** All that a morph does to the files of a guest, in its order. */
async function morphFiles(tree: GuestTree, random: Random, signal: AbortSignal): Promise<void> {
  const facts = detectGuest(tree, { partitions: [] })
  describeGuest(facts)
  const resolve = resolverFor(tree, DISKS)
  await judge(tree, facts, signal)
  maskAgents(tree, { target: 'kvm', init: facts.init })
  const nics = random.pick([[], [{ newMac: '52:54:00:00:00:01' }], [{ oldMac: '00:50:56:aa:bb:cc', newMac: '52:54:00:00:00:01' }]])
  fitNetwork(tree, { facts, policy: random.pick(['keep', 'dhcp']), nics })
  fitIdentity(tree, { facts })
  fixReferences(tree, { resolve, volumes: [['/dev/vda2']] })
  editCmdlines(tree, { resolve: stableNames(resolve), resolveWithoutInitramfs: partitionNames(resolve), serialConsole: 'ttyS0' })
  attempt(() => planPackages(tree, { manager: facts.packageManager, install: ['qemu-guest-agent'], remove: ['open-vm-tools'] }))
  attempt(() => registerFirstBoot(tree, { runId: 'run-1', scripts: [SCRIPT], secrets: [], facts: { init: facts.init, distro: 'x' } }))
  const changes = tree.changes()
  for (const { path } of changes) assert.match(path, /^\/(?!.*(?:^|\/)\.\.?(?:\/|$))/s, 'a change is inside of the guest')
  planLabels(tree, changes)
  await judge(tree, detectGuest(tree, { partitions: [] }), signal)
}

async function judge(tree: GuestTree, facts: GuestFacts, signal: AbortSignal): Promise<void> {
  const machine = new FakeMachine({
    rules: [
      [['dd'], { stdout: Buffer.alloc(512) }],
      [['head'], { stdout: Buffer.from('MZ') }],
    ],
    files: Object.fromEntries(facts.kernels.flatMap(({ initrd }) => (initrd === undefined ? [] : [[`/mnt${initrd}`, INITRAMFS]]))),
  })
  const firmware = facts.firmware.firmware
  const boot = await inspectBoot({
    machine,
    tree,
    root: '/mnt',
    kernels: facts.kernels,
    target: { bus: 'virtio', firmware },
    stack: { filesystem: 'ext4', layers: ['lvm'] },
    resolve: stableNames(resolverFor(tree, DISKS)),
    changedFiles: ['/etc/fstab'],
    architecture: 'x86_64',
    bootDisk: '/dev/nvme1n1',
    esp: '/boot/efi',
    signal,
  })
  checkGuest({
    tree,
    target: { bus: 'virtio', firmware },
    guest: facts,
    root: { uuid: 'aaaa', partuuid: 'p-1' },
    boot,
    filesystems: [{ at: '/', type: 'ext4', freeBytes: 2 ** 30, sizeBytes: 2 ** 31 }],
    references: [],
  })
}

/** A step that may refuse must not keep the steps behind it from being tried. */
function attempt(step: () => unknown): void {
  try {
    step()
  } catch (error) {
    if (!(error instanceof Error && error.name === 'InstarError')) throw error
  }
}

export const guestTargets: readonly FuzzTarget[] = [
  {
    name: 'guest',
    samples: PLACES.map(({ content }) => content),
    run: (input, { sample, random, signal }) => morphFiles(guestWith(PLACES[sample]!, input, random), random, signal),
  },
]
