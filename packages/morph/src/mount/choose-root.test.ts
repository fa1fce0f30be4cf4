import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { chooseRoot, isNestedRoot, placeOf, type RootSearch } from './choose-root.ts'
import type { Evidence, Subvolume } from './evidence.ts'
import { phonyDisk, phonyEvidence, phonyVolume } from './phony-devices.ts'

const [disk, esp, root, data] = phonyDisk(0, ['vfat AAAA-BBBB', 'ext4 root-uuid', 'ext4 data-uuid']) as [never, never, never, never]
const devices = [disk, esp, root, data]
const [btrfsDisk, btrfs] = phonyDisk(0, ['btrfs btrfs-uuid']) as [never, never]

function subvolumes(names: readonly string[], defaultPath = ''): Subvolume[] {
  return ['', ...names].map((path, at) => ({ id: at === 0 ? 5 : 255 + at, path, isDefault: path === defaultPath }))
}

/** Evidence as the look gives it: snapshots are not looked at unless they are the default. */
function onBtrfs(all: readonly Subvolume[], roots: Readonly<Record<string, string>>, more: Partial<Evidence> = {}): Evidence[] {
  return all
    .filter(({ path, isDefault }) => isDefault || !isNestedRoot(path))
    .map(subvolume =>
      subvolume.path in roots
        ? phonyEvidence({ device: btrfs, subvolume, fstab: roots[subvolume.path]!, ...more })
        : phonyEvidence({ device: btrfs, subvolume, hasRelease: false, hasInit: false, hasModules: false, hasPackages: false }),
    )
}

function chosen(search: RootSearch): string {
  return search.kind === 'found' ? placeOf(search.root) : search.kind
}

test('an ordinary root is found, with the reasons', () => {
  const search = chooseRoot([phonyEvidence({ device: root, fstab: 'UUID=root-uuid / ext4' })], devices)

  assert.equal(chosen(search), '/dev/nvme1n1p2')
  assert.deepEqual(search.candidates[0]?.reasons, [
    '+4 has an os-release or release file',
    '+8 its fstab names it as /',
    '+2 has kernel modules',
    '+2 has a package database',
    '+1 has an init',
  ])
})

test('an old root on a data disk loses against the one that names itself', () => {
  const old = phonyEvidence({ device: data, fstab: 'UUID=root-uuid / ext4', newestLog: 9 })
  const current = phonyEvidence({ device: root, fstab: 'UUID=root-uuid / ext4', hasPackages: false })

  assert.equal(chosen(chooseRoot([old, current], devices)), '/dev/nvme1n1p2')
})

test('of two roots that name themselves the one that the boot loader starts wins; without a loader the user is asked', () => {
  const a = phonyEvidence({ device: root, fstab: 'UUID=root-uuid / ext4' })
  const b = phonyEvidence({ device: data, fstab: 'UUID=data-uuid / ext4' })
  const loader = phonyEvidence({
    device: esp,
    hasRelease: false,
    hasInit: false,
    loaderLines: ['linux /vmlinuz root=UUID=data-uuid ro quiet'],
  })

  assert.equal(chosen(chooseRoot([a, b, loader], devices)), '/dev/nvme1n1p3')
  const many = chooseRoot([a, b], devices)
  assert.equal(many.kind, 'many')
  assert.equal(many.candidates.length, 2)
})

test('disks without an installed system have no root', () => {
  const photos = phonyEvidence({ device: data, hasRelease: false, hasInit: false, hasModules: false, hasPackages: false })

  assert.deepEqual(chooseRoot([photos], devices), { kind: 'none', candidates: [] })
})

test('a root without a fstab is found when it is the only one', () => {
  assert.equal(chosen(chooseRoot([phonyEvidence({ device: root, hasModules: false })], devices)), '/dev/nvme1n1p2')
})

test('SUSE: of 16 snapper snapshots the default one is the root', () => {
  const snapshots = Array.from({ length: 16 }, (_, index) => `@/.snapshots/${index + 1}/snapshot`)
  const all = subvolumes(['@', '@/.snapshots', '@/home', '@/var', ...snapshots], '@/.snapshots/7/snapshot')
  const fstab = 'UUID=btrfs-uuid / btrfs defaults 0 0\nUUID=btrfs-uuid /var btrfs subvol=@/var 0 0'
  const search = chooseRoot(onBtrfs(all, Object.fromEntries(snapshots.map(path => [path, fstab]))), [btrfsDisk, btrfs])

  assert.equal(chosen(search), '/dev/nvme1n1p1:@/.snapshots/7/snapshot')
  assert.equal(search.candidates.length, 1)
})

test('Ubuntu, Debian and Fedora: the subvolume that fstab names is the root', () => {
  for (const name of ['@', '@rootfs', 'root']) {
    const fstab = `UUID=btrfs-uuid / btrfs subvol=${name},compress=zstd 0 0`
    const search = chooseRoot(onBtrfs(subvolumes([name, 'home', '@home']), { [name]: fstab }), [btrfsDisk, btrfs])

    assert.equal(chosen(search), `/dev/nvme1n1p1:${name}`)
  }
})

test('a copy of the root in another subvolume does not win, as its fstab names the original', () => {
  const fstab = 'UUID=btrfs-uuid / btrfs subvol=/@ 0 0'
  const search = chooseRoot(onBtrfs(subvolumes(['@', '@before-upgrade']), { '@': fstab, '@before-upgrade': fstab }), [btrfsDisk, btrfs])

  assert.equal(chosen(search), '/dev/nvme1n1p1:@')
})

test('without a line in fstab the kernel line tells the subvolume', () => {
  const loaderLines = ['linux /vmlinuz root=UUID=btrfs-uuid rootflags=subvol=root ro']
  const all = onBtrfs(subvolumes(['root', 'root.old']), { root: '', 'root.old': '' }, { loaderLines })

  assert.equal(chosen(chooseRoot(all, [btrfsDisk, btrfs])), '/dev/nvme1n1p1:root')
})

test('in two groups of one name each root is judged by its own group', () => {
  const [a, b] = ['a', 'b'].map((id, at) =>
    phonyVolume('vg0', 'root', { parent: `/dev/nvme${at + 1}n1`, content: `ext4 ${id}`, number: `254:${at}`, groupId: id.repeat(32) }),
  ) as [never, never]
  const guest = phonyEvidence({ device: b, fstab: '/dev/mapper/vg0-root / ext4' })
  const empty = phonyEvidence({ device: a, hasRelease: false, hasInit: false })

  assert.equal(chooseRoot([empty, guest], [a, b]).kind, 'found')
})

test('snapshots and containers are nested roots, an ordinary subvolume is not', () => {
  for (const path of [
    '.snapshots/3/snapshot',
    '@/.snapshots/1/snapshot',
    'timeshift-btrfs/snapshots/x/@',
    '@/var/lib/docker/btrfs/subvolumes/1',
  ]) {
    assert.ok(isNestedRoot(path), path)
  }
  for (const path of ['@', 'root', '@rootfs', 'home/var', 'mysnapshots2']) assert.ok(!isNestedRoot(path), path)
})

test('the order of the evidence does not matter', () => {
  const all = [
    phonyEvidence({ device: root, fstab: 'UUID=root-uuid / ext4' }),
    phonyEvidence({ device: data, fstab: 'UUID=root-uuid / ext4' }),
    phonyEvidence({ device: esp, hasRelease: false }),
  ]
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: 3 }), shuffled => {
      assert.deepEqual(chooseRoot(shuffled, devices), chooseRoot(all, devices))
    }),
  )
})

test('no fstab, crypttab or loader line makes the choice fail', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), fc.array(fc.string()), (fstab, crypttab, mdadm, loaderLines) => {
      chooseRoot([phonyEvidence({ device: root, fstab, crypttab, mdadm, loaderLines })], devices)
    }),
  )
})
