import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { requires } from '../../fixtures/src/require.ts'
import { readInitramfs } from '../../packages/morph/src/boot/initramfs/read.ts'
import { appendOverlay } from '../../packages/morph/src/boot/kernel/append-overlay.ts'
import { judgeKernel } from '../../packages/morph/src/boot/kernel/judge.ts'
import { readKernelModules } from '../../packages/morph/src/boot/kernel/modules.ts'
import type { Bus } from '../../packages/morph/src/boot/kernel/needs.ts'
import { rebuildInitramfs } from '../../packages/morph/src/boot/rebuild.ts'
import { probeBoot } from './qemu-probe.ts'
import { type RealRoot, inRoot, openRealRoot, runHere, thisMachine, treeOf } from './real-root.ts'

const skip = requires(['root', 'mmdebstrap', 'qemu'], process.env)
const signal = AbortSignal.timeout(600_000)
let root: RealRoot

before(async () => {
  if (skip === false) root = await openRealRoot(signal)
})
after(async () => {
  if (skip === false) await root[Symbol.asyncDispose]()
})

async function judge(bus: Bus, image: Buffer) {
  const tree = treeOf(root.path)
  const modules = readKernelModules(tree, root.version)
  assert.ok(modules)
  const reading = await readInitramfs(image, { signal })
  return judgeKernel({
    tree,
    modules,
    image: reading,
    cmdline: 'ro',
    bus,
    root: { filesystem: 'ext4', layers: [] },
    resolve: () => undefined,
  })
}

/** The image that Debian's own tool makes of a host that has only the modules named. */
async function imageWith(modules: string, compress: string): Promise<Buffer> {
  const conf = join(root.path, 'conf')
  await runHere(
    [
      'sh',
      '-c',
      'rm -rf "$1" && cp -a "$2" "$1" && rm -f "$1"/hooks/* && printf "MODULES=list\\nCOMPRESS=%s\\n" "$4" > "$1/conf.d/zz" && echo "$3" > "$1/modules"',
      'sh',
      conf,
      join(root.path, 'etc/initramfs-tools'),
      modules.replaceAll(' ', '\n'),
      compress,
    ],
    { signal },
  )
  const { exitCode, stderr } = await runHere(inRoot(root.path)(['mkinitramfs', '-d', '/conf', '-o', '/poor.img', root.version]), { signal })
  assert.equal(exitCode, 0, stderr)
  return readFile(join(root.path, 'poor.img'))
}

test("Debian's own image is read whole, and serves for virtio and for NVMe that is built in", { skip }, async () => {
  const image = await readFile(join(root.path, root.initramfs))

  const started = performance.now()
  const reading = await readInitramfs(image, { signal })
  const took = performance.now() - started

  assert.equal(reading.state, 'whole', reading.problem)
  assert.ok(reading.entries.size > 100, `${reading.entries.size} entries in ${Math.round(took)} ms`)
  assert.equal((await judge('virtio', image)).verdict, 'serves')
  assert.equal((await judge('nvme', image)).verdict, 'serves')
})

test('an image packed with lz4 without virtio finds no disk; with the overlay appended it does', { skip }, async t => {
  const poor = await imageWith('vmw_pvscsi sd_mod ext4', 'lz4')
  const verdict = await judge('virtio', poor)
  assert.equal(verdict.verdict, 'overlay', verdict.reasons.join('\n'))
  assert.ok(verdict.overlay)
  const place = '/boot/overlay-test.img'
  await writeFile(join(root.path, place), poor)

  const { addedBytes } = await appendOverlay(thisMachine(), {
    tree: treeOf(root.path),
    root: root.path,
    image: place,
    plan: verdict.overlay,
    signal,
  })
  const rich = await readFile(join(root.path, place))
  t.diagnostic(`overlay of ${addedBytes} bytes for ${verdict.overlay.modules.join(', ')}`)

  const boot = (image: Buffer) =>
    probeBoot({ kernel: join(root.path, root.kernel), image, bus: 'virtio-blk-pci', folder: root.path, signal })
  const [without, with_] = [await boot(poor), await boot(rich)]
  assert.equal((await judge('virtio', rich)).verdict, 'serves')
  assert.match(without, /PROBE-DONE/)
  assert.doesNotMatch(without, /\/sys\/block\/vda/)
  assert.match(with_, /PROBE-DISKS:.*\/sys\/block\/vda/)
})

test(
  "an image that is cut off is rebuilt in the guest's root with every driver, and the guest's configuration stays",
  { skip },
  async t => {
    const file = join(root.path, root.initramfs)
    const whole = await readFile(file)
    await writeFile(file, whole.subarray(0, 1_000_000))
    assert.equal((await judge('virtio', await readFile(file))).verdict, 'rebuild')
    const tree = treeOf(root.path)
    const modules = readKernelModules(tree, root.version)
    assert.ok(modules)

    const result = await rebuildInitramfs({
      machine: thisMachine(),
      tree,
      root: root.path,
      chroot: inRoot(root.path),
      tool: 'initramfs-tools',
      version: root.version,
      kernelImage: root.kernel,
      initramfs: root.initramfs,
      judge: image =>
        judgeKernel({
          tree,
          modules,
          image,
          cmdline: '',
          bus: 'virtio',
          root: { filesystem: 'ext4', layers: [] },
          resolve: () => undefined,
        }).reasons,
      signal,
    })

    t.diagnostic(`${result.newBytes} bytes in ${result.durationMs} ms`)
    const rebuilt = await readFile(file)
    for (const bus of ['virtio', 'nvme', 'scsi', 'sata'] as const)
      assert.equal(
        (await judge(bus, rebuilt)).verdict,
        bus === 'sata' && !modules.files.has('ahci') && !modules.builtin.has('ahci') ? 'cannot' : 'serves',
      )
    const after = treeOf(root.path)
    assert.deepEqual(after.list('/etc/initramfs-tools/conf.d'), tree.list('/etc/initramfs-tools/conf.d'))
    assert.equal((await runHere(['ls', '-A', root.path], { signal })).stdout.toString().includes('.instar-initramfs'), false)
  },
)

test('modules that the guest keeps compressed and the image does not are found by both names', { skip }, async () => {
  const poor = await imageWith('vmw_pvscsi sd_mod ext4', 'gzip')
  const pack = 'cd "$1" && find . -name "*.ko" | grep -E "virtio|scsi" | xargs xz -0 --check=crc32'
  const packed = await runHere(['sh', '-c', pack, 'sh', join(root.path, 'usr/lib/modules', root.version)], {
    signal,
  })
  assert.equal(packed.exitCode, 0, packed.stderr)
  await runHere(inRoot(root.path)(['depmod', root.version]), { signal })
  const { overlay } = await judge('virtio', poor)
  assert.ok(overlay)
  assert.ok(overlay.links.some(({ to }) => to.endsWith('/vmw_pvscsi.ko.xz')))
  const place = '/boot/packed-test.img'
  await writeFile(join(root.path, place), poor)

  await appendOverlay(thisMachine(), { tree: treeOf(root.path), root: root.path, image: place, plan: overlay, signal })

  const image = await readFile(join(root.path, place))
  const console = await probeBoot({ kernel: join(root.path, root.kernel), image, bus: 'virtio-blk-pci', folder: root.path, signal })
  assert.match(console, /PROBE-OLD-MODULE/)
  assert.match(console, /PROBE-DISKS:.*\/sys\/block\/vda/)
})
