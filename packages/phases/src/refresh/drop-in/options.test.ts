import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { helpText, usageText } from './help-text.ts'
import { LOG_LEVELS, parseOptions } from './options.ts'
import { pythonText } from './python-text.ts'

const optionsOf = (...words: string[]) => {
  const parsed = parseOptions(words)
  assert.equal(parsed.kind, 'options', parsed.kind === 'usage' ? parsed.message : '')
  return parsed.kind === 'options' ? parsed.options : undefined
}
const refusalOf = (...words: string[]) => {
  const parsed = parseOptions(words)
  return parsed.kind === 'usage' ? parsed.message : parsed.kind
}

describe('the command line of os-refresh-config', () => {
  it('has defaults', () => {
    const expected = { printBase: false, printPhases: false, logLevel: 'INFO', lockFile: '/var/run/os-refresh-config.lock', timeout: 0 }
    assert.deepEqual(optionsOf(), expected)
  })

  it('takes nothing for an option after --', () => {
    assert.equal(refusalOf('--', '--help'), 'unrecognized arguments: -- --help')
    assert.equal(refusalOf('--print-base', '--', 'x'), 'unrecognized arguments: -- x')
    assert.equal(refusalOf('--timeout', '--', '5'), 'argument --timeout: expected one argument')
  })

  it('takes a value as the next word or after =, the last one counts, and a prefix is enough', () => {
    assert.equal(optionsOf('--lockfile', 'a', '--lockfile=b')?.lockFile, 'b')
    assert.equal(optionsOf('--lock', 'a')?.lockFile, 'a')
    assert.equal(optionsOf('--lockfile=-a')?.lockFile, '-a')
    assert.equal(optionsOf('--lockfile=')?.lockFile, '')
    assert.equal(optionsOf('--lockfile', '-')?.lockFile, '-')
    assert.equal(optionsOf('--print-b')?.printBase, true)
    for (const level of LOG_LEVELS) assert.equal(optionsOf(`--log-level=${level}`)?.logLevel, level)
    for (const [text, seconds] of [
      ['7', 7],
      ['007', 7],
      ['+7', 7],
      [' 7 ', 7],
      ['1_000', 1000],
      ['2147483647', 2_147_483_647],
    ] as const) {
      assert.equal(optionsOf('--timeout', text)?.timeout, seconds, text)
    }
  })

  it('refuses in the words of argparse', () => {
    for (const [words, message] of [
      [['--bogus'], 'unrecognized arguments: --bogus'],
      [['a', '--print-base', 'b'], 'unrecognized arguments: a b'],
      [['--'], 'unrecognized arguments: --'],
      [['--print'], 'ambiguous option: --print could match --print-base, --print-phases'],
      [['--help', '--print'], 'ambiguous option: --print could match --print-base, --print-phases'],
      [['--log-level', 'info'], "argument --log-level: invalid choice: 'info' (choose from 'ERROR', 'WARN', 'CRITICAL', 'INFO', 'DEBUG')"],
      [['--timeout', 'abc'], "argument --timeout: invalid int value: 'abc'"],
      [['--timeout', '1.5'], "argument --timeout: invalid int value: '1.5'"],
      [['--timeout', '0x10'], "argument --timeout: invalid int value: '0x10'"],
      [['--timeout='], "argument --timeout: invalid int value: ''"],
      [['--timeout', '-5'], "argument --timeout: negative value: '-5'"],
      [['--timeout', '2147483648'], "argument --timeout: value above 2147483647: '2147483648'"],
      [['--lockfile'], 'argument --lockfile: expected one argument'],
      [['--lockfile', '--print-base'], 'argument --lockfile: expected one argument'],
      [['--lockfile', '-x'], 'argument --lockfile: expected one argument'],
      [['--print-base=x'], "argument --print-base: ignored explicit argument 'x'"],
      [['--print-base', '--timeout', 'x'], "argument --timeout: invalid int value: 'x'"],
    ] as const) {
      assert.equal(refusalOf(...words), message)
    }
    assert.equal(refusalOf('--help', '--bogus'), 'help')
    assert.equal(refusalOf('-h'), 'help')
  })

  it('shows its options in the width of the terminal', () => {
    assert.match(
      helpText(78),
      /^usage: os-refresh-config \[-h\] \[--print-base\] \[--print-phases\]\n {25}\[--log-level \{ERROR,WARN,CRITICAL,INFO,DEBUG\}\]\n/,
    )
    assert.ok(
      helpText(60)
        .split('\n')
        .every(line => line.length <= 78),
    )
    assert.equal(usageText(1000).split('\n').length, 2)
  })
})

it('a name is written as Python writes it', () => {
  for (const [text, expected] of [
    ['/b c/d', "'/b c/d'"],
    ["it's", '"it\'s"'],
    [`it's "x"`, `'it\\'s "x"'`],
    ['a\\b\n\t\x07é', "'a\\\\b\\n\\t\\x07é'"],
  ] as const) {
    assert.equal(pythonText(text), expected)
  }
})
