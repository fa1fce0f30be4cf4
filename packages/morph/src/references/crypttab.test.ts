import assert from 'node:assert/strict'
import { test } from 'node:test'
import { phonyGuest } from '../tree/phony-guest.ts'
import { crypttabUses, fixCrypttab } from './crypttab.ts'
import type { AttachedDevice } from './resolver.ts'

const DEVICES: Record<string, AttachedDevice> = {
  '/dev/sda2': { kind: 'luks', uuid: 'luks-1', partuuid: 'p2' },
  '/dev/sda3': { kind: 'unknown', partuuid: 'p3' },
  '/dev/sda4': { kind: 'swap', uuid: 's', partuuid: 'p4' },
  '/dev/sdb1': { kind: 'filesystem', type: 'ext4', uuid: 'precious', partuuid: 'p5' },
}
const fix = (text: string) => {
  const tree = phonyGuest({ 'etc/crypttab': text })
  const outcome = fixCrypttab(tree, spec => DEVICES[spec], new Set())
  return { tree, text: tree.read('/etc/crypttab'), outcome }
}

test('an encrypted disk is named by its UUID, and the rest of its line stays', () => {
  const { text, outcome } = fix('# mine\nroot\t/dev/sda2\tnone  luks,discard,tpm2-device=auto\nhome UUID=x none luks\n')

  assert.equal(text, '# mine\nroot\tUUID=luks-1\tnone  luks,discard,tpm2-device=auto\nhome UUID=x none luks\n')
  assert.deepEqual(outcome.changes, ['/etc/crypttab: /dev/sda2 (root) is now UUID=luks-1'])
  assert.deepEqual(outcome.inInitramfs, ['/etc/crypttab'])
})

test('TPM options stay, with a warning', () => {
  const { text, outcome } = fix('root UUID=x none tpm2-device=auto,luks\n')

  assert.equal(text, 'root UUID=x none tpm2-device=auto,luks\n')
  assert.match(outcome.warnings[0]!.message, /TPM of the old machine/)
  assert.deepEqual(outcome.inInitramfs, [])
})

test('random-key swap is named by its partition when that was seen to hold only swap or noise', () => {
  assert.equal(fix('s /dev/sda3 /dev/urandom swap\n').text, 's /dev/disk/by-partuuid/p3 /dev/urandom swap\n')
  assert.equal(fix('s /dev/sda4 /dev/random cipher=aes\n').text, 's /dev/disk/by-partuuid/p4 /dev/random cipher=aes\n')
})

for (const device of ['/dev/sdb1', '/dev/sda2', '/dev/sdx1']) {
  test(`random-key swap on ${device} would destroy data or an unknown disk: the line becomes a comment`, () => {
    const { tree, text, outcome } = fix(`a UUID=x none\ns ${device} /dev/urandom swap,cipher=aes\n`)

    assert.match(
      text!,
      new RegExp(`^a UUID=x none\n# instar: ${device} may be another disk .*\n# s ${device} /dev/urandom swap,cipher=aes\n$`),
    )
    assert.equal(outcome.warnings[0]!.weight, 'degraded')
    assert.deepEqual(fixCrypttab(tree, spec => DEVICES[spec], new Set()).changes, [])
  })
}

test('random-key swap by a name that stays true is left alone', () => {
  const { text, outcome } = fix('s PARTUUID=1 /dev/urandom swap\n')

  assert.equal(text, 's PARTUUID=1 /dev/urandom swap\n')
  assert.deepEqual(outcome.warnings, [])
})

test('a disk that is not proved to be encrypted is left with a warning', () => {
  const { text, outcome } = fix('d /dev/sdb1 none luks,nofail\ne /dev/sdx2 none\n')

  assert.equal(text, 'd /dev/sdb1 none luks,nofail\ne /dev/sdx2 none\n')
  assert.deepEqual(
    outcome.warnings.map(({ weight }) => weight),
    ['harmless', 'degraded'],
  )
})

test('a key or header on a device of the old platform is reported', () => {
  const { outcome } = fix('a UUID=x /key:/dev/sdc1 luks\nb UUID=y none luks,header=/h:/dev/sdd1\nc UUID=z /etc/key luks\n')

  assert.deepEqual(
    outcome.warnings.map(({ message }) => /on (\S+),/.exec(message)?.[1]),
    ['/dev/sdc1', '/dev/sdd1'],
  )
})

test('what is expected on each device is told to the resolver', () => {
  const tree = phonyGuest({ 'etc/crypttab': 'a /dev/sda2 none luks\nb /dev/sda3 /dev/urandom swap\nc /dev/sda5 /k plain\n' })

  assert.deepEqual(crypttabUses(tree), [{ spec: '/dev/sda2', type: 'luks' }, { spec: '/dev/sda3' }, { spec: '/dev/sda5' }])
})
