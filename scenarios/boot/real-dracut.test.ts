import assert from 'node:assert/strict'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { requires } from '../../fixtures/src/require.ts'
import { type InitramfsReading, readInitramfs } from '../../packages/morph/src/boot/initramfs/read.ts'
import { judgeKernel } from '../../packages/morph/src/boot/kernel/judge.ts'
import { readKernelModules } from '../../packages/morph/src/boot/kernel/modules.ts'
import { rebuildInitramfs } from '../../packages/morph/src/boot/rebuild.ts'
import { inForeignRoot, openForeignRoot } from '../packages/foreign-root.ts'
import { probeBoot } from './qemu-probe.ts'
import { thisMachine, treeOf } from './real-root.ts'

// dracut itself, as Debian packs it: what Red Hat's and SUSE's systems build their initramfs with.

test(
  "dracut rebuilds an image that is damaged: generic, with the guest's own programs, and a disk is found with it",
  { skip: requires(['root', 'mmdebstrap', 'qemu'], process.env) },
  async t => {
    const signal = AbortSignal.timeout(600_000)
    await using root = await openForeignRoot(signal)
    const { path, version } = root
    const [initramfs, kernelImage] = [`/boot/initrd.img-${version}`, `/boot/vmlinuz-${version}`]
    await writeFile(join(path, initramfs), 'no image')
    const tree = treeOf(path)
    const modules = readKernelModules(tree, version)
    assert.ok(modules)
    const judge = (image: InitramfsReading, bus: 'virtio' | 'scsi' = 'virtio') =>
      judgeKernel({ tree, modules, image, cmdline: '', bus, root: { filesystem: 'ext4', layers: [] }, resolve: () => undefined })
    assert.equal(judge(await readInitramfs(await readFile(join(path, initramfs)), { signal })).verdict, 'rebuild')

    const result = await rebuildInitramfs({
      machine: thisMachine(),
      tree,
      root: path,
      chroot: inForeignRoot(path),
      tool: 'dracut',
      version,
      kernelImage,
      initramfs,
      judge: image => judge(image).reasons,
      signal,
    })

    t.diagnostic(`${result.newBytes} bytes in ${result.durationMs} ms: ${result.argv.join(' ')}`)
    assert.ok(result.argv.includes('--no-hostonly-cmdline'))
    const image = await readFile(join(path, initramfs))
    const reading = await readInitramfs(image, { signal })
    for (const bus of ['virtio', 'scsi'] as const) assert.deepEqual(judge(reading, bus).reasons, [])
    assert.deepEqual(
      (await readdir(path)).filter(name => name.startsWith('.instar')),
      [],
    )
    const console = await probeBoot({ kernel: join(path, kernelImage), image, bus: 'virtio-blk-pci', folder: path, signal })
    assert.match(console, /PROBE-DISKS:.*\/sys\/block\/vda/)
  },
)
