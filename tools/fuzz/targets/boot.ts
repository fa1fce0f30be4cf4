import { execFileSync } from 'node:child_process'
import zlib from 'node:zlib'
import { appendixForm } from '../../../packages/morph/src/boot/initramfs/appendix.ts'
import { MODE_DIR, MODE_FILE, MODE_LINK, writeCpio } from '../../../packages/morph/src/boot/initramfs/cpio-write.ts'
import { readCpio } from '../../../packages/morph/src/boot/initramfs/cpio.ts'
import { storeAsLz4Legacy } from '../../../packages/morph/src/boot/initramfs/lz4.ts'
import { makePe } from '../../../packages/morph/src/boot/initramfs/pe.fixture.ts'
import { parsePe, peSection } from '../../../packages/morph/src/boot/initramfs/pe.ts'
import { readInitramfs } from '../../../packages/morph/src/boot/initramfs/read.ts'
import { readImageModules } from '../../../packages/morph/src/boot/kernel/image-modules.ts'
import { phonyImage } from '../../../packages/morph/src/boot/kernel/phony-boot.fixture.ts'
import { parseBls } from '../../../packages/morph/src/boot/loader/bls.ts'
import { inspectBootSector } from '../../../packages/morph/src/boot/loader/boot-sector.ts'
import { editCmdlineText, splitCmdline } from '../../../packages/morph/src/boot/loader/cmdline.ts'
import { expandVariables } from '../../../packages/morph/src/boot/loader/entries.ts'
import { parseGrubScript } from '../../../packages/morph/src/boot/loader/grub-script.ts'
import { parseGrubenv, renderGrubenv } from '../../../packages/morph/src/boot/loader/grubenv.ts'
import { appendToValue, editValues, findAssignments, valueOf } from '../../../packages/morph/src/boot/loader/shell-assignments.ts'
import { compareVersions } from '../../../packages/morph/src/boot/loader/versions.ts'
import { type FuzzTarget, textTarget } from '../target.ts'

const cpio = writeCpio([
  { path: 'usr', mode: MODE_DIR },
  { path: 'usr/bin/sh', mode: MODE_FILE, content: 'program' },
  { path: 'lib', mode: MODE_LINK, content: 'usr/lib' },
  { path: 'usr/lib/modules/6.1/modules.dep', mode: MODE_FILE, content: 'kernel/fs/ext4.ko: kernel/lib/crc.ko\n' },
])

function packed(program: string, ...options: string[]): Buffer {
  return execFileSync(program, [...options, '-c'], { input: cpio })
}

function bootSector(): Buffer {
  const bytes = Buffer.alloc(1024)
  bytes.write('GRUB ', 0x180)
  bytes.writeBigUInt64LE(1n, 0x5c)
  bytes.writeUInt16LE(0xaa55, 510)
  bytes.write('loading', 600)
  return bytes
}

export const GRUB_CFG = `set default="0"
if [ "\${next_entry}" ] ; then
   set default="\${next_entry}"
   save_env next_entry
elif [ x"\${feature_menuentry_id}" = xy ]; then set menuentry_id_option="--id"; fi
function savedefault { if [ -z "\${boot_once}" ]; then saved_entry="\${chosen}"; save_env saved_entry; fi }
menuentry 'Debian GNU/Linux' --class debian --id 'gnulinux-simple' {
\tinsmod part_gpt
\tsearch --no-floppy --fs-uuid --set=root aaaa
\tlinux\t/boot/vmlinuz-6.1.0-13-amd64 root=/dev/sda2 ro quiet "a b" console=tty0
\tinitrd\t/boot/initrd.img-6.1.0-13-amd64
}
submenu 'Advanced options' $menuentry_id_option 'x' {
  menuentry 'old' { linux16 /boot/vmlinuz-5 root=UUID=aaaa; initrd16 /boot/i-5 }
}
source /boot/grub/custom.cfg
blscfg
`
export const BLS = `title Rocky Linux (5.14.0) 9.2
version 5.14.0-284.el9.x86_64
linux /vmlinuz-5.14.0-284.el9.x86_64
initrd /initramfs-5.14.0-284.el9.x86_64.img $tuned_initrd
options root=/dev/mapper/rl-root ro $kernelopts
grub_users $grub_users
`
export const GRUBENV = `# GRUB Environment Block\nsaved_entry=abc-5.14\nkernelopts=root=/dev/sda1 ro\n${'#'.repeat(1024)}`.slice(0, 1024)
export const DEFAULT_GRUB = `GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_CMDLINE_LINUX_DEFAULT="quiet splash"
GRUB_CMDLINE_LINUX='root=/dev/sda2 resume="/dev/sdb1"'"\\"x\\""
export GRUB_DISABLE_OS_PROBER=true # no
`

const rules = { resolve: (spec: string) => (spec.endsWith('1') ? 'UUID=aaaa' : undefined), serialConsole: 'ttyS0,115200n8' }
const LIMITS = { unpackedBytes: 16 * 1024 * 1024, entries: 1000 }

export function bootTargets(): readonly FuzzTarget[] {
  const images = [
    phonyImage({ version: '6.1', modules: ['ext4', 'virtio_blk'], programs: ['lvm'] }),
    cpio,
    zlib.gzipSync(cpio),
    Buffer.concat([cpio, Buffer.alloc(512), zlib.zstdCompressSync(cpio)]),
    storeAsLz4Legacy(cpio),
    packed('xz', '--check=crc32'),
    packed('bzip2'),
    makePe({ '.initrd': cpio, '.cmdline': Buffer.from('root=/dev/sda1'), '.uname': Buffer.from('6.1') }),
  ]
  return [
    {
      name: 'initramfs',
      samples: images,
      run: async (input, { signal }) => {
        const image = await readInitramfs(input, { signal, limits: LIMITS })
        return [readImageModules(image, '6.1'), appendixForm(image)]
      },
    },
    { name: 'cpio', samples: [cpio], run: input => readCpio(input, 0, 1000) },
    {
      name: 'pe',
      samples: [images.at(-1)!],
      run: input => {
        const header = parsePe(input)
        return header === undefined ? undefined : peSection(input, header, '.initrd')
      },
    },
    {
      name: 'boot-sector',
      samples: [bootSector()],
      run: input => inspectBootSector(lba => (lba < 2 ** 31 ? input.subarray(lba * 512, lba * 512 + 512) : undefined)),
    },
    textTarget('grub-cfg', [GRUB_CFG], text => parseGrubScript(text)),
    textTarget('grubenv', [GRUBENV], text => renderGrubenv(parseGrubenv(text))),
    textTarget('bls', [BLS], text => parseBls(text)),
    textTarget('cmdline', ['root=/dev/sda1 ro quiet "a b" console=tty0 resume=/dev/sdb2 x="y'], text => [
      splitCmdline(text),
      editCmdlineText(text, rules),
      expandVariables(text, new Map([['kernelopts', '$kernelopts ${kernelopts}']])),
    ]),
    textTarget('shell-assignments', [DEFAULT_GRUB], text => {
      const found = findAssignments(text)
      const [first] = found
      return [
        found.map(assignment => valueOf(text, assignment)),
        editValues(text, found, inner => `${inner}x`),
        first === undefined ? '' : appendToValue(text, first, 'console=ttyS0'),
      ]
    }),
    textTarget('versions', ['5.14.0-284.el9.x86_64', '6.1.0-13-amd64'], (text, { random }) =>
      compareVersions(text, random.pick(['5.4.0', '6.1~rc1', ''])),
    ),
  ]
}
