import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeOctal, depthOf, encodeOctal, normalizePath, parseFstab } from './fstab.ts'

function classOf(line: string): string | undefined {
  return parseFstab(line)[0]?.class
}

test('reads the six fields of a line, with tabs and a quoted uuid', () => {
  const [line] = parseFstab('# comment\n\nUUID="AB-12"\t/boot/efi \tvfat umask=0077,nofail 0  12')

  assert.deepEqual(
    { ...line, text: undefined },
    {
      number: 3,
      text: undefined,
      spec: 'UUID=AB-12',
      mountPoint: '/boot/efi',
      type: 'vfat',
      options: ['umask=0077', 'nofail'],
      dump: 0,
      pass: 12,
      class: 'needed',
    },
  )
})

test('the last fields may be missing, and more than six are ignored', () => {
  const lines = parseFstab('/dev/sda1 /a ext4\n/dev/sda2 /b ext4 ro 1 2 # mine')

  assert.deepEqual(
    lines.map(({ options, dump, pass, class: kind }) => [options, dump, pass, kind]),
    [
      [['defaults'], 0, 0, 'optional'],
      [['ro'], 1, 2, 'optional'],
    ],
  )
})

test('octal escapes become characters, an unknown escape stays', () => {
  const [line] = parseFstab(String.raw`LABEL=my\040disk /mnt/a\011b\x ext4`)

  assert.equal(line?.spec, 'LABEL=my disk')
  assert.equal(line?.mountPoint, '/mnt/a\tb\\x')
})

test('each kind of line has its class', () => {
  const expected: Record<string, string> = {
    'UUID=1 / ext4': 'root',
    'UUID=1 /usr ext4': 'needed',
    '/dev/vg/var /var// xfs': 'needed',
    'UUID=1 /boot/grub2/x86_64-efi btrfs subvol=@/boot/grub2/x86_64-efi': 'needed',
    'UUID=1 /efi vfat noauto,x-systemd.automount': 'needed',
    'UUID=1 /home ext4': 'optional',
    'UUID=1 /var/log ext4': 'optional',
    'UUID=1 /bootleg ext4': 'optional',
    'tmpfs /tmp tmpfs': 'pseudo',
    '/srv/a /mnt/b none bind': 'pseudo',
    '/var/disk.img /mnt/c ext4 loop': 'pseudo',
    'UUID=1 none swap sw': 'swap',
    '/swapfile swap swap': 'swap',
    'nas:/export /data nfs': 'network',
    '//nas/share /data cifs': 'network',
    'user@host:/ /data fuse.sshfs': 'network',
    garbage: 'nonsense',
    'UUID=1 relative ext4': 'nonsense',
    'what /data ext4': 'nonsense',
  }

  for (const [line, kind] of Object.entries(expected)) assert.equal(classOf(line), kind, line)
})

test('the first line of a mount point counts, later ones are duplicates; swap may repeat', () => {
  const lines = parseFstab('UUID=1 /data ext4\nUUID=2 /data/ ext4\nUUID=3 none swap\nUUID=4 none swap')

  assert.deepEqual(
    lines.map(({ class: kind }) => kind),
    ['optional', 'duplicate', 'swap', 'swap'],
  )
})

test('a path is normalised without leaving the root', () => {
  assert.equal(normalizePath('//var/./lib/../log//'), '/var/log')
  assert.equal(normalizePath('/../../etc'), '/etc')
  assert.equal(normalizePath('none'), 'none')
  assert.equal(depthOf('/var/lib'), 2)
  assert.equal(depthOf('/'), 0)
})

test('any text is read without an error, and every line of it keeps its number and text', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...' |\t|\n|\\|#|"|/|=|,|0|1|2|3|a|U'.split('|')) })), text => {
      const source = text.split('\n')
      for (const line of parseFstab(text)) assert.equal(line.text, source[line.number - 1])
    }),
  )
})

test('what is encoded is decoded to the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), text => {
      const encoded = encodeOctal(text)

      assert.equal(decodeOctal(encoded), text)
      assert.ok(!/[ \t\n#]/.test(encoded))
    }),
  )
})

test('a file of a hundred thousand lines is cut, not refused', () => {
  assert.equal(parseFstab('UUID=1 none swap\n'.repeat(100_000)).length, 10_000)
})
