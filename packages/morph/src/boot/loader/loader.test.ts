import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createMemoryTree } from '../../tree/memory-tree.ts'
import { type DirNode, type Node, newDir } from '../../tree/nodes.ts'
import { phonyGuest } from '../../tree/phony-guest.ts'
import { inspectBootSector } from './boot-sector.ts'
import { editCmdline, editCmdlineText } from './cmdline.ts'
import { editCmdlines } from './edit-cmdlines.ts'
import { parseGrubScript } from './grub-script.ts'
import { parseGrubenv, renderGrubenv } from './grubenv.ts'
import { readLoader } from './read-loader.ts'
import { findAssignments } from './shell-assignments.ts'
import { compareVersions } from './versions.ts'

const resolve = (spec: string) => ({ '/dev/sda1': 'UUID=aaaa', '/dev/vda1': 'UUID=aaaa', '/dev/sda5': 'UUID=bbbb' })[spec]

const DEBIAN_CFG = `
set default="0"
if [ "\${next_entry}" ] ; then
   set default="\${next_entry}"
   set next_entry=
else
   set default="0"
fi
function load_video { insmod all_video }
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-aaaa' {
	search --no-floppy --fs-uuid --set=root aaaa
	linux	/boot/vmlinuz-6.1.0-2 root=/dev/sda1 ro quiet
	initrd	/boot/initrd.img-6.1.0-2
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-aaaa' {
	menuentry 'Debian, with Linux 6.1.0-2' $menuentry_id_option 'gnulinux-6.1.0-2-advanced-aaaa' {
		linux	/boot/vmlinuz-6.1.0-2 root=/dev/sda1 ro quiet
		initrd	/boot/initrd.img-6.1.0-2
	}
	menuentry 'Debian, with Linux 6.1.0-1' $menuentry_id_option 'gnulinux-6.1.0-1-advanced-aaaa' {
		linux	/boot/vmlinuz-6.1.0-1 root=/dev/sda1 ro quiet
		initrd	/boot/initrd.img-6.1.0-1
	}
}
`
const DEBIAN = {
  'boot/vmlinuz-6.1.0-2': 'k',
  'boot/initrd.img-6.1.0-2': 'i',
  'boot/vmlinuz-6.1.0-1': 'k',
  'boot/initrd.img-6.1.0-1': 'i',
  'boot/grub/grub.cfg': DEBIAN_CFG,
}
const grubenv = (variables: Record<string, string>) => renderGrubenv(new Map(Object.entries(variables)))

test('finds the default of Debian, and its kernel with /boot on the root', () => {
  const reading = readLoader(phonyGuest(DEBIAN), 'bios')

  assert.equal(reading?.default?.title, 'Debian GNU/Linux')
  assert.equal(reading?.default?.kernel.path, '/boot/vmlinuz-6.1.0-2')
  assert.deepEqual(reading?.default?.initrds, [{ written: '/boot/initrd.img-6.1.0-2', path: '/boot/initrd.img-6.1.0-2' }])
  assert.equal(reading?.entries.length, 3)
})

for (const [spec, version] of [
  ['gnulinux-advanced-aaaa>gnulinux-6.1.0-1-advanced-aaaa', '6.1.0-1'],
  ['1>1', '6.1.0-1'],
  ['Advanced options>Debian, with Linux 6.1.0-1', '6.1.0-1'],
  ['1', '6.1.0-2'],
  ['not there', '6.1.0-2'],
] as const) {
  test(`a one-shot next_entry "${spec}" starts ${version}`, () => {
    const reading = readLoader(phonyGuest({ ...DEBIAN, 'boot/grub/grubenv': grubenv({ next_entry: spec }) }), 'bios')

    assert.equal(reading?.default?.kernel.written, `/boot/vmlinuz-${version}`)
  })
}

test('an entry whose kernel is not there has no path', () => {
  const tree = phonyGuest(DEBIAN)
  tree.remove('/boot/initrd.img-6.1.0-2')

  assert.equal(readLoader(tree, 'bios')?.default?.initrds[0]?.path, undefined)
})

const BLS_CFG = `set default="\${saved_entry}"\nset kernelopts="root=/dev/sda1 ro "\ninsmod blscfg\nblscfg\nmenuentry 'UEFI Firmware Settings' { fwsetup }\n`
const bls = (version: string, options: string) =>
  `title Red Hat Enterprise Linux (${version})\nversion ${version}\nlinux /vmlinuz-${version}\ninitrd /initramfs-${version}.img $tuned_initrd\noptions ${options}\n`
const RHEL8 = {
  'boot/grub2/grub.cfg': BLS_CFG,
  'boot/loader/entries/0af-4.18.0-80.el8.conf': bls('4.18.0-80.el8', '$kernelopts $tuned_params'),
  'boot/loader/entries/0af-4.18.0-147.el8.conf': bls('4.18.0-147.el8', '$kernelopts $tuned_params'),
  'boot/vmlinuz-4.18.0-80.el8': 'k',
  'boot/vmlinuz-4.18.0-147.el8': 'k',
  'boot/initramfs-4.18.0-147.el8.img': 'i',
}

test('sorts BLS entries by version and fills in kernelopts from grubenv over grub.cfg', () => {
  const first = readLoader(phonyGuest(RHEL8), 'bios')
  const saved = readLoader(
    phonyGuest({ ...RHEL8, 'boot/grub2/grubenv': grubenv({ saved_entry: '0af-4.18.0-80.el8', kernelopts: 'root=UUID=1 ro' }) }),
    'bios',
  )

  assert.equal(first?.default?.kernel.path, '/boot/vmlinuz-4.18.0-147.el8')
  assert.equal(first?.default?.cmdline, 'root=/dev/sda1 ro')
  assert.equal(first?.default?.initrds.length, 1)
  assert.equal(saved?.default?.kernel.path, '/boot/vmlinuz-4.18.0-80.el8')
  assert.equal(saved?.default?.cmdline, 'root=UUID=1 ro')
  assert.equal(saved?.defaultFrom, 'saved_entry of grubenv')
})

test('prefers the menu in EFI/redhat over a left-over in /boot on UEFI, and the menu over the stub', () => {
  const menu = DEBIAN_CFG.replace('Debian GNU/Linux', 'RHEL 7')
  const rhel7 = phonyGuest({ 'boot/efi/EFI/redhat/grub.cfg': menu, 'boot/grub2/grub.cfg': DEBIAN_CFG })
  const debian = phonyGuest({
    ...DEBIAN,
    'boot/efi/EFI/debian/grub.cfg': 'search.fs_uuid aaaa root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n',
  })

  assert.equal(readLoader(rhel7, 'uefi')?.default?.title, 'RHEL 7')
  assert.equal(readLoader(rhel7, 'bios')?.default?.title, 'Debian GNU/Linux')
  assert.equal(readLoader(debian, 'uefi')?.default?.source, '/boot/grub/grub.cfg')
})

test('reads GRUB 1 of RHEL 6, extlinux of Alpine and systemd-boot of Arch', () => {
  const rhel6 = phonyGuest({
    'boot/grub/grub.conf':
      'default=1\ntimeout=5\ntitle A\n\troot (hd0,0)\n\tkernel /vmlinuz-a ro root=/dev/sda1\n\tinitrd /a.img\ntitle B (2.6.32)\n\tkernel /vmlinuz-b ro root=/dev/mapper/vg-root\n\tinitrd /b.img\n',
    'boot/vmlinuz-b': 'k',
  })
  const alpine = phonyGuest({
    'boot/extlinux.conf':
      'DEFAULT menu.c32\nMENU TITLE Alpine\nLABEL virt\n  MENU DEFAULT\n  MENU LABEL Linux virt\n  LINUX vmlinuz-virt\n  INITRD initramfs-virt\n  APPEND root=UUID=1 modules=ext4\n',
    'boot/vmlinuz-virt': 'k',
    'boot/initramfs-virt': 'i',
  })
  const arch = phonyGuest({
    'boot/loader/loader.conf': 'timeout 3\ndefault arch-*\n',
    'boot/loader/entries/arch.conf': 'title Arch\nlinux /vmlinuz-linux\n',
    'boot/loader/entries/arch-lts.conf':
      'title Arch LTS\nlinux /vmlinuz-linux-lts\ninitrd /intel-ucode.img\ninitrd /initramfs-linux-lts.img\noptions root=UUID=1\noptions rw\n',
    'boot/vmlinuz-linux-lts': 'k',
  })

  const readings = [rhel6, alpine, arch].map(tree => readLoader(tree, 'bios'))

  assert.deepEqual(
    readings.map(reading => reading?.kind),
    ['grub1', 'extlinux', 'systemd-boot'],
  )
  assert.deepEqual(
    readings.map(reading => reading?.default?.title),
    ['B (2.6.32)', 'Linux virt', 'Arch LTS'],
  )
  assert.deepEqual(
    readings.map(reading => reading?.default?.kernel.path),
    ['/boot/vmlinuz-b', '/boot/vmlinuz-virt', '/boot/vmlinuz-linux-lts'],
  )
  assert.equal(readings[2]?.default?.cmdline, 'root=UUID=1 rw')
  assert.equal(readings[2]?.default?.initrds.length, 2)
})

test('finds kernels behind a btrfs subvolume, as SUSE and Ubuntu name them', () => {
  const tree = phonyGuest({
    'boot/grub2/grub.cfg':
      "menuentry 'a' {\nlinux /@/.snapshots/1/snapshot/boot/vmlinuz-5 root=UUID=1\n}\nmenuentry 'b' {\nlinux /@/boot/vmlinuz-5\n}\n",
    'boot/vmlinuz-5': 'k',
  })

  assert.deepEqual(
    readLoader(tree, 'bios')?.entries.map(entry => entry.kernel.path),
    ['/boot/vmlinuz-5', '/boot/vmlinuz-5'],
  )
})

test('replaces source names by token and drops nothing', () => {
  const edit = editCmdline(['root=/dev/sda1', 'ro', 'resume=/dev/sda9', 'console=hvc0', 'rootflags=subvol=@', 'x="a b"'], { resolve })

  assert.deepEqual(edit.tokens, ['root=UUID=aaaa', 'ro', 'resume=/dev/sda9', 'console=hvc0', 'rootflags=subvol=@', 'x="a b"'])
  assert.deepEqual(edit.changes, ['root=/dev/sda1 -> root=UUID=aaaa'])
  assert.deepEqual(edit.unresolved, ['resume=/dev/sda9'])
})

test('leaves mapper, UUID and label names, and edits the device of cryptdevice alone', () => {
  const text = 'root=/dev/mapper/vg-root resume=UUID=1 cryptdevice=/dev/sda5:root:allow-discards boot=live root=LABEL=x'

  assert.equal(editCmdlineText(text, { resolve }).text, text.replace('/dev/sda5', 'UUID=bbbb'))
})

test('adds a serial console once, after tty0, and compares whole device names', () => {
  const add = (text: string) => editCmdlineText(text, { resolve, serialConsole: 'ttyS0,115200n8' }).text

  assert.equal(add('ro  quiet\n'), 'ro  quiet console=tty0 console=ttyS0,115200n8\n')
  assert.equal(add('console=tty0'), 'console=tty0 console=ttyS0,115200n8')
  assert.equal(add('console=ttyS0x'), 'console=ttyS0x console=ttyS0,115200n8')
  assert.equal(add('console=ttyS0,9600'), 'console=ttyS0,9600')
  assert.equal(add(''), 'console=tty0 console=ttyS0,115200n8')
})

const DEFAULT_GRUB = `# comment
GRUB_DEFAULT=0
GRUB_CMDLINE_LINUX_DEFAULT='quiet splash'
export GRUB_CMDLINE_LINUX="root=/dev/sda1 cloud-init=disabled foo=\\"a b\\""
GRUB_CMDLINE_LINUX+=" resume=/dev/sda5"
GRUB_GFXMODE=640x480
`

test('edits all places of one guest and keeps every quote', () => {
  const tree = phonyGuest({
    ...DEBIAN,
    'etc/default/grub': DEFAULT_GRUB,
    'etc/kernel/cmdline': 'root=/dev/sda1 rw\n',
  })

  const report = editCmdlines(tree, { resolve })

  assert.equal(tree.read('/boot/grub/grub.cfg'), DEBIAN_CFG.replaceAll('/dev/sda1', 'UUID=aaaa'))
  assert.equal(tree.read('/etc/default/grub'), DEFAULT_GRUB.replace('/dev/sda1', 'UUID=aaaa').replace('/dev/sda5', 'UUID=bbbb'))
  assert.equal(tree.read('/etc/kernel/cmdline'), 'root=UUID=aaaa rw\n')
  assert.deepEqual(report.unresolved, [])
  assert.equal(report.changed.length, 3)
  assert.deepEqual(editCmdlines(tree, { resolve }).changed, [], 'a second run changes nothing')
})

test('adds the console within the quotes of the file that counts last', () => {
  const tree = phonyGuest({
    'etc/default/grub': "GRUB_CMDLINE_LINUX='quiet splash'\n",
    'etc/default/grub.d/50-cloudimg-settings.cfg': 'GRUB_CMDLINE_LINUX="a"\n',
  })
  const alone = phonyGuest({ 'etc/default/grub': "GRUB_CMDLINE_LINUX='quiet splash'\nX=1\n" })

  for (const each of [tree, alone]) editCmdlines(each, { resolve, serialConsole: 'ttyS0' })

  assert.equal(tree.read('/etc/default/grub'), "GRUB_CMDLINE_LINUX='quiet splash'\n")
  assert.equal(tree.read('/etc/default/grub.d/50-cloudimg-settings.cfg'), 'GRUB_CMDLINE_LINUX="a console=tty0 console=ttyS0"\n')
  assert.equal(alone.read('/etc/default/grub'), "GRUB_CMDLINE_LINUX='quiet splash console=tty0 console=ttyS0'\nX=1\n")
})

test('edits kernelopts in grubenv and grub.cfg, not in the entries that refer to them', () => {
  const tree = phonyGuest({ ...RHEL8, 'boot/grub2/grubenv': grubenv({ kernelopts: 'root=/dev/sda1 ro', boot_success: '1' }) })

  editCmdlines(tree, { resolve, serialConsole: 'ttyS0' })

  assert.equal(tree.read('/boot/grub2/grubenv')?.length, 1024)
  assert.equal(parseGrubenv(tree.read('/boot/grub2/grubenv') ?? '').get('kernelopts'), 'root=UUID=aaaa ro console=tty0 console=ttyS0')
  assert.equal(tree.read('/boot/loader/entries/0af-4.18.0-80.el8.conf'), RHEL8['boot/loader/entries/0af-4.18.0-80.el8.conf'])
  assert.match(readLoader(tree, 'bios')?.default?.cmdline ?? '', /^root=UUID=aaaa ro console=tty0 console=ttyS0$/)
})

test('gives an entry without an initramfs a PARTUUID or leaves it and says so', () => {
  const cfg = "menuentry 'a' {\n linux /vmlinuz root=/dev/sda1 ro\n}\n"
  const [left, changed] = [phonyGuest({ 'boot/grub/grub.cfg': cfg }), phonyGuest({ 'boot/grub/grub.cfg': cfg })]

  const report = editCmdlines(left, { resolve })
  editCmdlines(changed, { resolve, resolveWithoutInitramfs: () => 'PARTUUID=cc' })

  assert.deepEqual(report, { changed: [], unresolved: ['/boot/grub/grub.cfg: root=/dev/sda1'] })
  assert.equal(changed.read('/boot/grub/grub.cfg'), cfg.replace('/dev/sda1', 'PARTUUID=cc'))
})

test('edits GRUB 1 and extlinux, magic comments included', () => {
  const tree = phonyGuest({
    'boot/grub/menu.lst': '# kopt=root=/dev/sda1 ro\ntitle x\nkernel /vmlinuz root=/dev/sda1 ro\n',
    'boot/extlinux.conf': 'LABEL a\n  LINUX vmlinuz\n  APPEND root=/dev/vda1 rw\n',
    'etc/update-extlinux.conf': 'default_kernel_opts="quiet"\nroot=/dev/vda1\n',
  })

  editCmdlines(tree, { resolve })

  assert.equal(tree.read('/boot/grub/menu.lst'), '# kopt=root=UUID=aaaa ro\ntitle x\nkernel /vmlinuz root=UUID=aaaa ro\n')
  assert.equal(tree.read('/boot/extlinux.conf'), 'LABEL a\n  LINUX vmlinuz\n  APPEND root=UUID=aaaa rw\n')
  assert.equal(tree.read('/etc/update-extlinux.conf'), 'default_kernel_opts="quiet"\nroot=UUID=aaaa\n')
})

test('refuses a grubenv that would not fit in its block', () => {
  assert.throws(() => renderGrubenv(new Map([['kernelopts', 'x'.repeat(1024)]])), { code: 'boot.grubenv-full' })
})

test('grubenv keeps its variables through writing and reading', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), fc.string({ maxLength: 20 }), { maxKeys: 8 }), variables => {
      const map = new Map(Object.entries(variables))
      assert.deepEqual(parseGrubenv(renderGrubenv(map)), map)
    }),
  )
})

test('orders kernel versions as rpm and GRUB do', () => {
  const sorted = ['0-rescue', '4.18.0-80.el8', '4.18.0-147.el8', '5.14.0~rc1', '5.14.0', '5.14.0-70.13.1.el9_0', '6.10.0', '6.10.0-1']

  assert.deepEqual(sorted.toReversed().sort(compareVersions), sorted)
})

test('judges a boot sector by GRUB and the start of core.img', () => {
  const mbr = Buffer.alloc(512)
  mbr.write('GRUB \0Geom', 0x180)
  mbr.writeUInt16LE(0xaa55, 510)
  mbr.writeBigUInt64LE(2048n, 0x5c)
  const core = Buffer.alloc(512, 'loading\0..\0')
  const disk = (sectors: Record<number, Buffer>) => (lba: number) => sectors[lba]

  assert.deepEqual(inspectBootSector(disk({ 0: mbr, 2048: core })), { loader: 'grub2', isWhole: true, coreAtLba: 2048 })
  assert.match(JSON.stringify(inspectBootSector(disk({ 0: mbr, 2048: Buffer.alloc(512) }))), /does not hold it/)
  assert.deepEqual(inspectBootSector(disk({ 0: Buffer.alloc(512) })), { loader: 'none' })
})

test('a menu and links that lead to where nobody looked count as missing', () => {
  const home: DirNode = { ...newDir(), isListed: false }
  const tree = createMemoryTree({
    ...newDir(),
    children: new Map<string, Node>([
      ['home', home],
      ['boot', newDir()],
    ]),
  })
  tree.write('/boot/grub/grub.cfg', "menuentry 'a' {\nlinux /home/vmlinuz root=/dev/sda1\ninitrd /home/x\n}\n")
  tree.symlink('/home/entries', '/boot/loader')
  tree.symlink('/home/grub.cfg', '/boot/grub2')

  const reading = readLoader(tree, 'uefi')

  assert.deepEqual(reading?.default?.kernel, { written: '/home/vmlinuz' })
  assert.equal(editCmdlines(tree, { resolve }).changed.length, 1)
})

test('survives arbitrary configuration texts', () => {
  const piece = fc.constantFrom(
    'menuentry ',
    'submenu ',
    "'a' ",
    '"',
    "'",
    '{',
    '}',
    '\n',
    ';',
    '$',
    '${',
    '\\',
    '#',
    'set default=',
    'linux /x root=/dev/sda1',
    'blscfg',
    '>',
    'title ',
    'label ',
    'default ',
    '+=',
    ' ',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 60 }), pieces => {
      const text = pieces.join('')
      const names = [
        'boot/grub/grub.cfg',
        'boot/grub/menu.lst',
        'boot/extlinux.conf',
        'boot/loader/entries/a.conf',
        'boot/loader/loader.conf',
        'etc/default/grub',
        'boot/grub/grubenv',
      ]
      const tree = phonyGuest(Object.fromEntries(names.map(name => [name, text])))
      parseGrubScript(text)
      findAssignments(text)
      readLoader(tree, 'uefi')
      editCmdlines(tree, { resolve, serialConsole: 'ttyS0' })
    }),
    { numRuns: 500 },
  )
})
