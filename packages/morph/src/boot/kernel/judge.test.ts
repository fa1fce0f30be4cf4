import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { phonyGuest } from '../../tree/phony-guest.ts'
import { renderAppendix } from '../initramfs/appendix.ts'
import { MODE_FILE, writeCpio } from '../initramfs/cpio-write.ts'
import { readInitramfs } from '../initramfs/read.ts'
import { renderOverlay } from './append-overlay.ts'
import { type KernelQuestion, judgeKernel } from './judge.ts'
import { readKernelModules } from './modules.ts'
import type { Bus, RootStack } from './needs.ts'
import { ALL_MODULES, type PhonyImage, type PhonyKernel, phonyImage, phonyModules, readPhonyImage } from './phony-boot.fixture.ts'

const signal = new AbortController().signal
const resolve = (spec: string) => (spec === '/dev/sda2' ? 'UUID=aaaa' : undefined)
const without = (...names: string[]) => ALL_MODULES.filter(name => !names.includes(name))
const EXT4: RootStack = { filesystem: 'ext4', layers: [] }
const HOST_ONLY_VMWARE = ['vmw_pvscsi', 'sd_mod', 'xfs', 'ext4', 'dm-mod', 'btrfs']

interface Case {
  readonly name: string
  readonly kernel: PhonyKernel
  readonly image: PhonyImage
  readonly files?: Record<string, string>
  readonly bus?: Bus
  readonly root?: RootStack
  readonly cmdline?: string
  readonly expect: string
  readonly because?: RegExp
}

/** What the distributions ship, from the reference's table: most images serve, host-only ones of a VMware source do not. */
const CASES: Case[] = [
  {
    name: 'Debian 12, MODULES=most',
    kernel: { version: '6.1.0-28-amd64' },
    image: { version: '6.1.0-28-amd64', modules: ALL_MODULES },
    expect: 'serves',
  },
  {
    name: 'Debian 12 cloud, nvme built in',
    kernel: { version: '6.1.0-28-cloud-amd64', builtin: ['nvme', 'nvme-core'] },
    image: { version: '6.1.0-28-cloud-amd64', modules: without('nvme', 'nvme-core') },
    bus: 'nvme',
    expect: 'serves',
  },
  {
    name: 'Debian 12, MODULES=dep',
    kernel: { version: '6.1.0-28-amd64' },
    image: { version: '6.1.0-28-amd64', modules: HOST_ONLY_VMWARE },
    expect: 'overlay',
    because: /virtio_blk for disks on virtio is not in the image/,
  },
  {
    name: 'Ubuntu 24.04, compressed modules',
    kernel: {
      version: '6.8.0-45-generic',
      suffix: '.ko.zst',
      builtin: ['virtio', 'virtio_ring', 'virtio_pci', 'virtio_blk', 'ext4', 'sd_mod'],
    },
    image: { version: '6.8.0-45-generic', suffix: '.ko.zst', modules: ['nvme', 'nvme-core'] },
    expect: 'serves',
  },
  {
    name: 'RHEL 7, host-only for VMware',
    kernel: { version: '3.10.0-1160.el7.x86_64', suffix: '.ko.xz' },
    image: { version: '3.10.0-1160.el7.x86_64', modules: HOST_ONLY_VMWARE, programs: ['lvm'] },
    root: { filesystem: 'xfs', layers: ['lvm'] },
    expect: 'overlay',
  },
  {
    name: 'RHEL 8 for NVMe',
    kernel: { version: '4.18.0-147.el8.x86_64', suffix: '.ko.xz' },
    image: { version: '4.18.0-147.el8.x86_64', suffix: '.ko.xz', modules: without('nvme'), programs: ['lvm'] },
    root: { filesystem: 'xfs', layers: ['lvm'] },
    bus: 'nvme',
    expect: 'overlay',
    because: /^nvme for/m,
  },
  {
    name: 'RHEL 9, LVM devices file of the source in the image',
    kernel: { version: '5.14.0-427.el9.x86_64', suffix: '.ko.xz' },
    image: {
      version: '5.14.0-427.el9.x86_64',
      modules: ALL_MODULES,
      programs: ['lvm'],
      files: { 'etc/lvm/devices/system.devices': 'IDTYPE=sys_wwid IDNAME=naa.6000c29 DEVNAME=/dev/sda2 PVID=x PART=2\n' },
    },
    root: { filesystem: 'xfs', layers: ['lvm'] },
    expect: 'overlay',
    because: /lvmlocal.conf/,
  },
  {
    name: 'Fedora, btrfs built as a module',
    kernel: { version: '6.10.3-200.fc40.x86_64', suffix: '.ko.xz' },
    image: { version: '6.10.3-200.fc40.x86_64', modules: ALL_MODULES },
    root: { filesystem: 'btrfs', layers: [] },
    bus: 'scsi',
    expect: 'serves',
  },
  {
    name: 'SLES 15, waits for a by-path name',
    kernel: { version: '5.14.21-150500.53-default', suffix: '.ko.zst' },
    image: {
      version: '5.14.21-150500.53-default',
      modules: ALL_MODULES,
      files: {
        'usr/lib/dracut/hooks/initqueue/finished/devexists-x.sh': '[ -e "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part2" ]\n',
      },
    },
    root: { filesystem: 'btrfs', layers: [] },
    expect: 'rebuild',
    because: /waits for a device of the source/,
  },
  {
    name: 'Alpine virt',
    kernel: { version: '6.6.41-0-virt', lib: 'lib', suffix: '.ko.gz' },
    image: { version: '6.6.41-0-virt', lib: 'lib', suffix: '.ko.gz', modules: ALL_MODULES },
    expect: 'serves',
  },
  {
    name: 'Arch with autodetect',
    kernel: { version: '6.9.7-arch1-1', suffix: '.ko.zst' },
    image: { version: '6.9.7-arch1-1', suffix: '.ko.zst', modules: ['ahci', 'libahci', 'libata', 'sd_mod', 'ext4'] },
    expect: 'overlay',
  },
  {
    name: 'a kernel that has no virtio at all',
    kernel: { version: '2.6.18-vendor', without: ['virtio_blk', 'virtio_pci', 'virtio', 'virtio_ring', 'nvme'] },
    image: { version: '2.6.18-vendor', modules: ['sd_mod', 'ext4'] },
    expect: 'cannot',
    because: /virtio_blk for disks on virtio does not exist for this kernel/,
  },
  {
    name: 'a hardened image that blocks the driver',
    kernel: { version: '6.1' },
    image: { version: '6.1', modules: ALL_MODULES, files: { 'etc/modprobe.d/hardening.conf': 'install nvme /bin/false\n' } },
    bus: 'nvme',
    expect: 'cannot',
    because: /blocked \(install \/bin\/false in \/etc\/modprobe.d\/hardening.conf of the image\)/,
  },
  {
    name: 'a driver blocked on the command line',
    kernel: { version: '6.1' },
    image: { version: '6.1', modules: ALL_MODULES },
    cmdline: 'ro modprobe.blacklist=floppy,virtio-blk',
    expect: 'cannot',
    because: /modprobe.blacklist on the kernel command line/,
  },
  {
    name: 'an image of another kernel',
    kernel: { version: '6.1' },
    image: { version: '5.10', modules: ALL_MODULES },
    expect: 'rebuild',
    because: /the image is for 5.10/,
  },
  {
    name: 'an encrypted root without cryptsetup in the image',
    kernel: { version: '6.1' },
    image: { version: '6.1', modules: ALL_MODULES },
    root: { filesystem: 'ext4', layers: ['luks'] },
    expect: 'rebuild',
    because: /no program for the encrypted root/,
  },
  {
    name: 'a driver that the image has but does not index',
    kernel: { version: '6.1' },
    image: { version: '6.1', modules: without('nvme'), files: { 'usr/lib/modules/6.1/kernel/drivers/nvme/host/nvme.ko': 'x' } },
    bus: 'nvme',
    expect: 'overlay',
  },
]

async function question({ kernel, image, files = {}, bus = 'virtio', root = EXT4, cmdline = 'ro' }: Case): Promise<KernelQuestion> {
  const tree = phonyGuest({
    ...phonyModules(kernel),
    ...((kernel.lib ?? 'usr/lib') === 'usr/lib' ? { lib: { link: 'usr/lib' } } : {}),
    ...files,
  })
  const modules = readKernelModules(tree, kernel.version)
  return { tree, image: await readPhonyImage(image), cmdline, bus, root, resolve, ...(modules === undefined ? {} : { modules }) }
}

for (const each of CASES) {
  test(`${each.name}: ${each.expect}`, async () => {
    const verdict = judgeKernel(await question(each))

    assert.equal(verdict.verdict, each.expect, verdict.reasons.join('\n'))
    if (each.because !== undefined) assert.match(verdict.reasons.join('\n'), each.because)
  })
}

for (const each of CASES.filter(({ expect }) => expect === 'overlay')) {
  test(`${each.name}: the overlay makes it serve, with no folder over a link`, async () => {
    const asked = await question(each)
    const plan = judgeKernel(asked).overlay
    assert.ok(plan)

    const overlay = renderOverlay(plan, path => asked.tree.readBytes(path) ?? assert.fail(`${path} is not in the guest`))
    const main = phonyImage(each.image)
    const image = await readInitramfs(Buffer.concat([main, renderAppendix(overlay, plan.form, main.length)]), { signal })
    const after = judgeKernel({ ...asked, image })

    assert.ok(!plan.folders.includes('lib'))
    assert.deepEqual(image.notes, [])
    assert.deepEqual(
      after.modules.filter(({ state }) => state === 'in-guest'),
      [],
    )
    assert.equal(after.verdict, 'serves', after.reasons.join('\n'))
  })
}

test('an image with unpacked modules gets links by the names of the index that is brought', async () => {
  const asked = await question(CASES.find(({ name }) => name.startsWith('RHEL 7'))!)

  const plan = judgeKernel(asked).overlay

  assert.deepEqual(
    plan?.links.find(({ to }) => to.endsWith('xfs.ko.xz')),
    { to: 'usr/lib/modules/3.10.0-1160.el7.x86_64/kernel/fs/xfs/xfs.ko.xz', target: '../../../kernel/fs/xfs/xfs.ko' },
  )
})

test('names of the source within the image are corrected by the overlay', async () => {
  const files = {
    'etc/cmdline.d/95root.conf': 'root=/dev/sda2 rd.lvm.lv=a/b\n',
    'cryptroot/crypttab': 'sda2_crypt /dev/sda2 none luks\n',
    'conf/conf.d/resume': 'RESUME=/dev/sda2\n',
  }
  const asked = await question({ name: '', kernel: { version: '6.1' }, image: { version: '6.1', modules: ALL_MODULES, files }, expect: '' })

  const verdict = judgeKernel(asked)

  assert.equal(verdict.verdict, 'overlay')
  assert.deepEqual(verdict.overlay?.texts, [
    { to: 'etc/cmdline.d/95root.conf', content: 'root=UUID=aaaa rd.lvm.lv=a/b\n' },
    { to: 'cryptroot/crypttab', content: 'sda2_crypt UUID=aaaa none luks\n' },
    { to: 'conf/conf.d/resume', content: 'RESUME=UUID=aaaa\n' },
  ])
  assert.deepEqual(verdict.overlay?.copies, [])
})

test('names in the image that nobody can translate are told, and an overlay switches the LVM list off once', async () => {
  const files = {
    'cryptroot/crypttab': 'x /dev/sdq1 none luks\n',
    'etc/lvm/devices/system.devices': 'IDTYPE=sys_serial IDNAME=x\n',
    'etc/lvm/lvmlocal.conf': '# own\ndevices {\n\tuse_devicesfile = 0\n}\n',
  }
  const asked = await question({ name: '', kernel: { version: '6.1' }, image: { version: '6.1', modules: ALL_MODULES, files }, expect: '' })

  const verdict = judgeKernel(asked)

  assert.equal(verdict.verdict, 'serves', verdict.reasons.join())
  assert.match(verdict.warnings.join(), /names \/dev\/sdq1 of the source in \/cryptroot\/crypttab/)
})

test('a file that the morph changed replaces its copy in the image', async () => {
  const asked = await question({
    name: '',
    kernel: { version: '6.1' },
    image: { version: '6.1', modules: ALL_MODULES, files: { 'etc/lvm/lvm.conf': 'filter = [ "r|.*|" ]\n' } },
    files: { 'etc/lvm/lvm.conf': 'filter = []\n' },
    expect: '',
  })

  const verdict = judgeKernel({ ...asked, changedFiles: ['/etc/lvm/lvm.conf', '/etc/fstab'] })

  assert.deepEqual(verdict.overlay?.texts, [{ to: 'etc/lvm/lvm.conf', content: 'filter = []\n' }])
})

test('a damaged image is rebuilt, a unified one cannot be changed, and none needs all built in', async () => {
  const [first] = CASES
  const asked = await question(first!)
  const { image: _, ...bare } = asked
  const damaged = await readInitramfs(phonyImage(first!.image).subarray(0, 300), { signal })
  const uki = { ...(await readPhonyImage({ version: '6.1.0-28-amd64', modules: ['ext4'] })), uki: { isSigned: true } }

  assert.equal(judgeKernel({ ...asked, image: damaged }).verdict, 'rebuild')
  assert.match(judgeKernel({ ...asked, image: uki }).reasons.join(), /unified kernel image/)
  assert.match(judgeKernel(bare).reasons.join(), /no initramfs/)
})

test('a block in the guest that the image lacks is a warning', async () => {
  const asked = await question({ ...CASES[0]!, files: { 'etc/modprobe.d/x.conf': 'blacklist virtio-blk\n' } })

  assert.match(judgeKernel(asked).warnings.join(), /next initramfs .* lack virtio_blk: blacklist in \/etc\/modprobe.d\/x.conf/)
})

test('reads drivers that are built in from the configuration where there is no list', () => {
  const tree = phonyGuest({ 'lib/modules/2.6.32/modules.dep': '', 'boot/config-2.6.32': 'CONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_PCI=m\n' })

  assert.deepEqual([...(readKernelModules(tree, '2.6.32')?.builtin ?? [])], ['virtio_blk'])
})

test('survives an image whose links lead in circles', async () => {
  const loop = writeCpio([
    { path: 'lib', mode: 0o120777, content: 'usr/lib' },
    { path: 'usr/lib', mode: 0o120777, content: '/lib' },
    { path: 'lib/modules/6.1/x.ko', mode: MODE_FILE, content: 'x' },
  ])
  const asked = await question(CASES[0]!)

  assert.equal(judgeKernel({ ...asked, image: await readInitramfs(loop, { signal }) }).verdict, 'rebuild')
})
