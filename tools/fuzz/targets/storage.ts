import { FakeMachine } from '../../../packages/machine/src/fake-machine.ts'
import { parseChecks } from '../../../packages/morph/src/mount/check-filesystems.ts'
import { chooseRoot } from '../../../packages/morph/src/mount/choose-root.ts'
import { isMapperName, parseCrypttab } from '../../../packages/morph/src/mount/crypttab.ts'
import { parseFacts, parseOpened, toEvidence } from '../../../packages/morph/src/mount/evidence.ts'
import { decodeOctal, encodeOctal, normalizePath, parseFstab } from '../../../packages/morph/src/mount/fstab.ts'
import { parseArrays } from '../../../packages/morph/src/mount/mdadm-conf.ts'
import { mountsBelow } from '../../../packages/morph/src/mount/mountinfo.ts'
import { phonyDisk, phonyEvidence, phonyVolume } from '../../../packages/morph/src/mount/phony-devices.ts'
import { planMounts } from '../../../packages/morph/src/mount/plan-mounts.ts'
import { parseDiskName } from '../../../packages/morph/src/mount/resolve.ts'
import { parseKey } from '../../../packages/morph/src/storage/keys.ts'
import { cryptTable, parseLuksHeader } from '../../../packages/morph/src/storage/luks-header.ts'
import { readGroups, readSnapshots } from '../../../packages/morph/src/storage/lvm.ts'
import { parseBlkid, parseLook, splitVolumeName } from '../../../packages/morph/src/storage/parse-look.ts'
import { type FuzzTarget, textTarget } from '../target.ts'

export const FSTAB = `# /etc/fstab
UUID=6f1d3a52-8c0e-4b7a-9d21-0a5be1c40001 / ext4 errors=remount-ro,x-systemd.device-timeout=0 0 1
/dev/sda2 /boot\\040files ext4 defaults 0 2
/dev/mapper/vg-var /var xfs nofail,subvol=/@var 0 0
LABEL=ESP /boot/efi vfat umask=0077 0 1
PARTUUID=part-0-1 none swap sw 0 0
server:/export /srv nfs4 _netdev 0 0
tmpfs /tmp tmpfs size=1G 0 0
/srv/a /srv/b none bind 0 0
`
export const CRYPTTAB = `root UUID=6f1d3a52-8c0e-4b7a-9d21-0a5be1c40004 none luks,initramfs
data /dev/sdb1 /etc/keys/data.key luks,discard,keyfile-offset=0
`
export const MDADM = 'DEVICE partitions\nARRAY /dev/md0 metadata=1.2\n  UUID=1b2c:3d4e name=host:0\nMAILADDR root\n'

function luks1(): Buffer {
  const bytes = Buffer.alloc(4096)
  Buffer.from('4c554b53babe0001', 'hex').copy(bytes)
  bytes.write('aes', 8)
  bytes.write('xts-plain64', 40)
  bytes.writeUInt32BE(4096, 104)
  bytes.writeUInt32BE(64, 108)
  bytes.write('6f1d3a52-8c0e-4b7a-9d21-0a5be1c40004', 168)
  bytes.writeUInt32BE(0x00_ac_71_f3, 208)
  bytes.writeUInt32BE(8, 248)
  bytes.writeUInt32BE(4000, 252)
  return bytes
}

/** Longer than it says, so that a mutation may shorten it. */
function luks2(): Buffer {
  const bytes = Buffer.alloc(20_480)
  Buffer.from('4c554b53babe0002', 'hex').copy(bytes)
  bytes.writeBigUInt64BE(16_384n, 8)
  bytes.write('6f1d3a52-8c0e-4b7a-9d21-0a5be1c40004', 168)
  const json = {
    keyslots: { 0: { type: 'luks2', key_size: 64, area: { type: 'raw', offset: '32768', size: '258048', encryption: 'aes-xts-plain64' } } },
    segments: { 0: { type: 'crypt', offset: '16777216', size: 'dynamic', iv_tweak: '0', encryption: 'aes-xts-plain64', sector_size: 512 } },
    config: { json_size: '12288', keyslots_size: '16744448', requirements: { mandatory: [] } },
  }
  bytes.write(JSON.stringify(json), 4096)
  return bytes
}

const LSBLK = JSON.stringify({
  blockdevices: [
    {
      name: 'nvme1n1',
      kname: '/dev/nvme1n1',
      'maj:min': '259:1',
      type: 'disk',
      size: 1_048_576,
      ro: false,
      mountpoint: null,
      children: [
        { name: 'p1', kname: '/dev/nvme1n1p1', 'maj:min': '259:2', type: 'part', size: 1000, ro: false, mountpoint: null },
        {
          name: 'p2',
          kname: '/dev/nvme1n1p2',
          'maj:min': '259:3',
          type: 'part',
          size: 1000,
          ro: '1',
          mountpoint: '/x',
          children: [{ name: 'vg-root', kname: '/dev/dm-0', 'maj:min': '253:0', type: 'lvm', size: 500, ro: false, mountpoint: null }],
        },
      ],
    },
  ],
})
const BLKID = `DEVNAME=/dev/nvme1n1
PTTYPE=gpt

DEVNAME=/dev/nvme1n1p1
UUID=aaaa-bbbb
TYPE=ext4
USAGE=filesystem
LABEL=a\\x20b\\$c
PART_ENTRY_SCHEME=gpt
PART_ENTRY_NUMBER=1
PART_ENTRY_TYPE=0fc63daf-8483-4772-8e79-3d69d8477de4
PART_ENTRY_OFFSET=2048
`
const MAPPER = `/sys/block/dm-0/dm/name:vg--a-root\n/sys/block/dm-0/dm/uuid:LVM-${'g'.repeat(32)}${'v'.repeat(32)}-real\n`
const LVM_REPORT = JSON.stringify({
  report: [
    {
      pv: [
        {
          pv_name: '/dev/nvme1n1p2',
          pv_major: '259',
          pv_minor: '3',
          vg_name: 'vg',
          vg_uuid: 'aaaaaa-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaaa',
          vg_systemid: '',
          vg_lock_type: '',
          vg_exported: '',
          vg_partial: '',
        },
      ],
      lv: [{ lv_uuid: 'a-b', lv_role: 'private,snapshot' }],
    },
  ],
})

const b64 = (text: string): string => Buffer.from(text).toString('base64')
const OPENED = `M\t0\t\nS\t0\t256\t${b64('@')}\nS\t0\t257\t${b64('@/.snapshots/1')}\nD\t0\t256\nM\t1\t${b64('wrong fs type')}\n`
const FACTS = `C\t0\nosRelease\t${b64('ID=debian\n')}\nfstab\t${b64(FSTAB)}\nloader\t${b64('root=/dev/sda1 ro')}\nlog\t1700000000\nC\t1\nwindows\t\n`
const CHECKS = '\u001E/dev/sda1\nroot: clean\n=0\n\u001E/dev/sda2\nUNEXPECTED INCONSISTENCY\n=4\n'
const MOUNTINFO = '36 35 98:0 / /mnt/a\\040b rw,noatime master:1 - ext3 /dev/root rw\n37 36 0:5 / /mnt/a\\040b/dev rw - devtmpfs x rw\n'

const DEVICES = [
  ...phonyDisk(0, ['ext4 6f1d3a52-8c0e-4b7a-9d21-0a5be1c40001', 'vfat 1A57-A001 ESP', 'LVM2_member pv']),
  phonyVolume('vg', 'var', { parent: '/dev/nvme1n1p3', content: 'xfs v', number: '253:0' }),
]

/** The tables of a guest, as they decide where its root is and what is mounted. */
function planWith(tables: { fstab?: string; crypttab?: string; mdadm?: string; loader?: string }): unknown {
  const { loader, ...files } = tables
  const evidence = phonyEvidence({ device: DEVICES[1]!, fstab: FSTAB, loaderLines: (loader ?? '').split('\n'), ...files })
  const search = chooseRoot([evidence, phonyEvidence({ device: DEVICES[4]! })], DEVICES)
  const root = search.kind === 'found' ? search.root : search.candidates[0]
  return root === undefined ? search : planMounts(root, DEVICES, [])
}

async function readLvm(input: Buffer, signal: AbortSignal): Promise<unknown> {
  const machine = new FakeMachine({ rules: [[['lvm'], { stdout: input }]] })
  const scope = { machine, signal, hasUdev: false, env: {} }
  return [await readGroups(DEVICES, scope), await readSnapshots(['/dev/nvme1n1p3'], scope)]
}

export const storageTargets: readonly FuzzTarget[] = [
  {
    name: 'luks-header',
    samples: [luks1(), luks2()],
    run: input => cryptTable(parseLuksHeader(input).segment, { path: '/dev/x', sizeBytes: 2 ** 30 }, Buffer.alloc(64)),
  },
  {
    name: 'look',
    samples: [LSBLK, BLKID, MAPPER, '/dev/nvme1n1\n/dev/nvme2n1\n'].map(text => Buffer.from(text)),
    run: (input, { sample }) => {
      const parts = [LSBLK, BLKID, MAPPER, '/dev/nvme1n1\n']
      parts[sample] = input.toString()
      const [lsblk = '', blkid = '', mapper = '', realPaths = ''] = parts
      return parseLook({ lsblk, blkid, mapper, realPaths })
    },
  },
  textTarget('blkid', [BLKID], text => parseBlkid(text)),
  { name: 'lvm-report', samples: [Buffer.from(LVM_REPORT)], run: (input, { signal }) => readLvm(input, signal) },
  textTarget('fstab', [FSTAB], text => [
    planWith({ fstab: text }),
    parseFstab(text).map(line => [normalizePath(line.mountPoint), encodeOctal(decodeOctal(line.spec))]),
  ]),
  textTarget('crypttab', [CRYPTTAB], text => [planWith({ crypttab: text }), parseCrypttab(text).map(({ name }) => isMapperName(name))]),
  textTarget('mdadm-conf', [MDADM], text => [planWith({ mdadm: text }), parseArrays(text)]),
  textTarget('loader-lines', ['root=UUID=aaaa ro rootflags=subvol=@,x quiet\nkernelopts=root=/dev/vg/var'], text =>
    planWith({ loader: text }),
  ),
  textTarget('opened', [OPENED], text => parseOpened(text)),
  textTarget('evidence', [FACTS], text => [...parseFacts(text).values()].map(facts => toEvidence(DEVICES[1]!, undefined, facts))),
  textTarget('filesystem-checks', [CHECKS], text => parseChecks(text)),
  textTarget('mountinfo', [MOUNTINFO], text => mountsBelow(text, '/mnt')),
  textTarget('device-names', ['/dev/disk/by-id/scsi-36000c29-part1', '/dev/sda12', '/dev/mapper/a--b-c'], text => [
    parseDiskName(text),
    splitVolumeName(text),
  ]),
  textTarget('key-option', ['6f1d3a52:file:/root/key', 'all:text:a:b'], text => parseKey(text)),
]
