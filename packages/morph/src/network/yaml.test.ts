import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Yaml } from './yaml.ts'
import { emitYaml, parseYaml, YamlProblem } from './yaml.ts'

/** Mappings as plain objects, to compare. */
const plain = (value: Yaml): unknown => {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, below]) => [key, plain(below)]))
  return Array.isArray(value) ? value.map(plain) : value
}

test('reads what netplan files are made of', () => {
  const text = `# made by hand
network:
  version: 2   # a comment
  ethernets:
    ens192:
      match: {macaddress: "00:50:56:aa:bb:cc", name: en*}
      dhcp4: no
      addresses:
      - 10.0.0.5/24
      - "fd00::5/64"
      - 10.0.0.6/24:
          label: "ens192:1"
      nameservers:
        addresses: [10.0.0.1, 'fd00::1',
          8.8.8.8]
        search: []
      routes:
        - to: default
          via: 10.0.0.1
        -
          to: 10.1.0.0/16
          via: 10.0.0.2
    'lan 1': {}
  empty:
`

  assert.deepEqual(plain(parseYaml(text)), {
    network: {
      version: '2',
      ethernets: {
        ens192: {
          match: { macaddress: '00:50:56:aa:bb:cc', name: 'en*' },
          dhcp4: 'no',
          addresses: ['10.0.0.5/24', 'fd00::5/64', { '10.0.0.6/24': { label: 'ens192:1' } }],
          nameservers: { addresses: ['10.0.0.1', 'fd00::1', '8.8.8.8'], search: [] },
          routes: [
            { to: 'default', via: '10.0.0.1' },
            { to: '10.1.0.0/16', via: '10.0.0.2' },
          ],
        },
        'lan 1': {},
      },
      empty: null,
    },
  })
})

test('reads JSON, addresses without quotes, and texts of several lines', () => {
  assert.deepEqual(plain(parseYaml('{"network": {"version": 2, "ethernets": {"eth0": {"addresses": ["fd00::5/64"]}}}}')), {
    network: { version: '2', ethernets: { eth0: { addresses: ['fd00::5/64'] } } },
  })
  assert.deepEqual(plain(parseYaml('a: {m: aa:bb:cc:dd:ee:ff, n: [fd00::1, ::1]}\nb: |\n  one\n  two\nc: x')), {
    a: { m: 'aa:bb:cc:dd:ee:ff', n: ['fd00::1', '::1'] },
    b: 'one\ntwo',
    c: 'x',
  })
})

test('what it does not understand is a problem and never half understood', () => {
  for (const text of [
    'a: &x 1',
    'a: *x',
    'a: [1, 2',
    'a: {b',
    'a: "x',
    '\ta: 1',
    'a: 1\n  b: 2',
    'a: !!str 1',
    'just: a\nline',
    'a: [b] c',
  ]) {
    assert.throws(() => parseYaml(text), YamlProblem, text)
  }
  assert.equal(parseYaml(''), null)
})

test('deep, long and odd texts end quickly', () => {
  const started = process.threadCpuUsage()
  for (const text of [
    '['.repeat(100_000),
    '- '.repeat(50_000),
    `a: [${'x,\n'.repeat(60_000)}]`,
    'k: v\n'.repeat(40_000),
    '{a: '.repeat(30_000),
    `a: ${'"'.repeat(9999)}`,
  ]) {
    try {
      parseYaml(text)
    } catch (error) {
      assert.ok(error instanceof YamlProblem, String(error))
    }
  }
  const { user } = process.threadCpuUsage(started)
  assert.ok(user < 3_000_000, `${user} µs of CPU time`)
})

test('what is written reads as the same', () => {
  const text =
    'network:\n  version: 2\n  ethernets:\n    a:\n      macaddress: "11:22:33:44:55:10"\n      x: [{to: default, via: "fd00::1"}, b, []]\n      "k: y": "no \\"quote\\""\n      n: null\n'
  const value = parseYaml(text)

  assert.deepEqual(plain(parseYaml(emitYaml(value as Map<string, Yaml>))), plain(value))
})
