import { FakeMachine } from '../../../packages/machine/src/fake-machine.ts'
import { parseShellValues } from '../../../packages/morph/src/detect/shell-values.ts'
import { versionParts } from '../../../packages/morph/src/detect/version.ts'
import { aptPins } from '../../../packages/morph/src/installer/apt.ts'
import { lastLines } from '../../../packages/morph/src/installer/judge.ts'
import { parseTabbed } from '../../../packages/morph/src/installer/manager.ts'
import { editIni, iniValues, parseIni } from '../../../packages/morph/src/network/ini.ts'
import { parseInterfaces } from '../../../packages/morph/src/network/interfaces.ts'
import { macsIn, parseMac, replaceMacs } from '../../../packages/morph/src/network/mac.ts'
import { pinOfRule } from '../../../packages/morph/src/network/name-pins.ts'
import { parseYaml } from '../../../packages/morph/src/network/yaml.ts'
import { editTable, fieldValue, tableLines } from '../../../packages/morph/src/references/edit-table.ts'
import { parseSourceName } from '../../../packages/morph/src/references/source-names.ts'
import { parseNic } from '../../../packages/morph/src/request.ts'
import { createLabeller, parseFileContexts, parseSubstitutions } from '../../../packages/morph/src/selinux/file-contexts.ts'
import { compilePattern } from '../../../packages/morph/src/selinux/pattern.ts'
import { matchesName } from '../../../packages/morph/src/tree/glob.ts'
import { loadTree } from '../../../packages/morph/src/tree/load.ts'
import { phonyGuest } from '../../../packages/morph/src/tree/phony-guest.ts'
import { type FuzzTarget, textTarget } from '../target.ts'
import { ROOTS } from './guest-roots.ts'
import { CRYPTTAB, FSTAB } from './storage.ts'

function fileOf(path: string): string {
  const file = ROOTS.map(root => root[path]).find(found => found !== undefined)
  if (typeof file === 'string') return file
  return typeof file === 'object' && 'content' in file ? String(file.content) : ''
}

const NETPLAN = fileOf('etc/netplan/50-cloud-init.yaml')
const MORE_YAML = `a: 'it''s'
b: "x\\u0041\\n"
c: [1, {f: g}, ~, 0x1f, .inf] # comment
"d e":
- x: 1
  y: [2,
    3]
- - z
`
const ANCHORS = `a: &x {b: c}
d: *x
e: !!str f
g: |
  text
   more
h: >-
  folded
? k
: v
`
const CONTEXTS = fileOf('etc/selinux/targeted/contexts/files/file_contexts')
const KEYFILE = fileOf('etc/NetworkManager/system-connections/lan.nmconnection')

const listing = (entries: readonly (readonly [kind: string, mode: string, size: string, path: string, target?: string])[]): string =>
  entries.map(([kind, mode, size, path, target = '']) => `${kind}\0${mode}\0\u0030\0\u0030\0${size}\0${path}\0${target}\0`).join('')
const FIND = listing([
  ['d', '755', '4096', '.'],
  ['d', '755', '4096', './etc'],
  ['f', '644', '7', './etc/fstab'],
  ['f', '644', '6', './etc/hostname'],
  ['l', '777', '9', './etc/os-release', '../usr/lib/os-release'],
  ['p', '755', '4096', './usr'],
])

/** A tar of the oldest form: a header of 512 bytes for each file, then its content, padded. */
function tarOf(files: Readonly<Record<string, string>>): Buffer {
  const members = Object.entries(files).map(([name, content]) => {
    const header = Buffer.alloc(512)
    header.write(name, 0)
    for (const [index, field] of ['0000644', '0000000', '0000000'].entries()) header.write(field, 100 + 8 * index)
    header.write(content.length.toString(8).padStart(11, '0'), 124)
    // The sum is taken with blanks in its own place; the type of a plain file follows it.
    header.write('00000000000', 136)
    header.write('        0', 148)
    header.write('ustar', 257)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(sum.toString(8).padStart(6, '0'), 148)
    return Buffer.concat([header, Buffer.from(content.padEnd(Math.ceil(content.length / 512) * 512, '\0'))])
  })
  return Buffer.concat([...members, Buffer.alloc(1024)])
}
const TAR = tarOf({ './etc/fstab': '# none\n', './etc/hostname': 'guest\n' })

/** The whole way of a guest's files into memory, with one of the minion's answers damaged. */
async function loadWith(answers: { find: Buffer; tar: Buffer }, signal: AbortSignal): Promise<void> {
  const machine = new FakeMachine({
    rules: [
      [['find'], { stdout: answers.find }],
      [['xargs'], { stdout: '' }],
      [['tar'], { stdout: answers.tar }],
    ],
  })
  const tree = await loadTree(machine, '/mnt', { signal })
  for (const path of ['/etc/fstab', '/etc/os-release', '/usr/lib/x']) tree.stat(path)
}

export const fileTargets: readonly FuzzTarget[] = [
  textTarget('os-release', [fileOf('etc/os-release')], text => parseShellValues(text)),
  textTarget('version', ['12.5', '15-SP6', '2023.4.20240319'], text => versionParts(text)),
  textTarget('yaml', [NETPLAN, MORE_YAML, ANCHORS], text => parseYaml(text), { expects: ['YamlProblem'] }),
  textTarget('ini', [KEYFILE], text => {
    const lines = parseIni(text)
    return [
      iniValues(lines, 'ipv4', /^address\d*$/),
      editIni(text, line => line.key.startsWith('address'), [{ section: 'ipv4', key: 'method', value: 'auto' }]),
    ]
  }),
  textTarget('interfaces', [fileOf('etc/network/interfaces')], text => parseInterfaces(text, '/etc/network/interfaces')),
  textTarget('udev-rule', [fileOf('etc/udev/rules.d/70-persistent-net.rules')], text => pinOfRule('x', text)),
  textTarget('mac', ['00:50:56:AA:BB:CC 00-50-56-aa-bb-cd 005056aabbcc'], text => [
    parseMac(text),
    macsIn(text),
    replaceMacs(text, new Map([['00:50:56:aa:bb:cc', '52:54:00:00:00:01']])),
  ]),
  textTarget('table', [FSTAB, CRYPTTAB], text => [editTable(text, () => undefined), tableLines(text), fieldValue(text)]),
  textTarget('source-name', ['/dev/disk/by-id/scsi-36000c29-part1', '/dev/mapper/mpathap2', '/dev/cciss/c0d0p1'], text =>
    parseSourceName(text, new Set(['mpatha'])),
  ),
  textTarget('nic', ['00:50:56:aa:bb:cc=52:54:00:00:00:01', 'eth0=52:54:00:00:00:01'], text => parseNic(text)),
  textTarget('file-contexts', [CONTEXTS], text =>
    createLabeller({ specs: parseFileContexts(text), subs: parseSubstitutions(text), distSubs: [] })(
      '/etc/systemd/system/x.service',
      'file',
    ),
  ),
  textTarget('pattern', ['/usr/lib(64)?/x\\.so(\\.[^/]*)*', '/(a|b|c)+/[a-z_.-]{2,5}.*'], (text, { random }) =>
    compilePattern(text, { anchored: true })?.test(`/${'a'.repeat(random.below(2000))}/x`),
  ),
  textTarget('glob', ['/etc/network/interfaces.d/*', '**/[!a-z]?.conf'], text => [
    matchesName(text, 'a'.repeat(200)),
    phonyGuest({ 'etc/network/interfaces.d/a': '', 'etc/b/c/d.conf': '', 'etc/l': { link: '/etc' } }).glob(text),
  ]),
  textTarget('packages', ['open-vm-tools\t2:12.2\tamd64\nvim\t9\tamd64\n'], text => [parseTabbed(text), lastLines(text), aptPins(text)]),
  {
    name: 'load-tree',
    samples: [Buffer.from(FIND), TAR],
    run: (input, { sample, signal }) =>
      loadWith(sample === 0 ? { find: input, tar: TAR } : { find: Buffer.from(FIND), tar: input }, signal),
  },
]
