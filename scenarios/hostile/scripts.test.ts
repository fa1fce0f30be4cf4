import assert from 'node:assert/strict'
import { copyFileSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { buildGuest, heavy, requires } from '@instar/fixtures'
import { hashFile } from '@instar/machine'
import { Killable } from '../kill/killable.ts'
import { Instar } from '../runner/instar.ts'

const MIB = 1024 * 1024
/** 1024 takes 90 s under emulation on two busy CPUs; memory is the same then (79 MiB more, 250 MiB in all). */
const LINE_BYTES = Number(process.env['INSTAR_LONG_LINE_MIB'] ?? 128) * MIB
/** What is kept of one stream, with the note between its halves. */
const LOG_BYTES = 64 * MIB + 100
/** How much the command line's process may grow by a line of any length: the log's last half is put in order in memory. */
const GROWTH_LIMIT_BYTES = 300 * MIB

const workDir = mkdtempSync(join(tmpdir(), 'instar-hostile-scripts-'))
after(() => rmSync(workDir, { recursive: true, force: true }))

const SCRIPTS: readonly (readonly [name: string, text: string, options?: string])[] = [
  ['10-noise', 'head -c 3000000 /dev/urandom; head -c 3000000 /dev/urandom >&2'],
  ['20-long-line', `head -c ${LINE_BYTES} /dev/zero | tr '\\0' x`],
  ['30-never-ends', 'trap "" TERM INT HUP; echo started; sleep 601 & while :; do sleep 602; done', ',timeout=2,on-failure=continue'],
  [
    '40-forks',
    `setsid sh -c "exec >/dev/null 2>&1 </dev/null; exec sleep 603" & (sleep 604 &)
# A process is named as what it is when this script ends: both shall have become what they are to be.
until [ "$(cat /proc/[0-9]*/comm 2>/dev/null | grep -cx sleep)" -ge 2 ]; do :; done
echo forked`,
  ],
  ['50-closes-its-output', 'exec >&- 2>&- <&-; sleep 1; echo lost; exit 0'],
  ['60-looks', 'echo left: $(cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " " | grep -o "sleep 60[0-9]"); exit 7'],
]

/** The most memory that a process ever had. */
function peakBytes(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

test(
  `scripts that print a line of ${LINE_BYTES / MIB} MiB, never end, leave processes and close their output harm nothing`,
  {
    skip: requires(['root', 'qemu', 'mmdebstrap', 'e2fsprogs'], process.env),
  },
  async context => {
    const signal = AbortSignal.timeout(600_000)
    const image = join(workDir, 'guest.qcow2')
    const stateDir = join(workDir, 'state')
    const guest = await buildGuest({ variant: 'ext4', cacheDir: process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', signal })
    copyFileSync(guest.file, image)
    const sourceHash = await hashFile(image, signal)
    const flags = SCRIPTS.flatMap(([name, text, options = '']) => {
      writeFileSync(join(workDir, name), `#!/bin/sh\n${text}\n`)
      return ['--script', `${join(workDir, name)},phase=osmorphing_post_os_mount${options}`]
    })
    await using _turn = await heavy(signal)

    const run = new Killable(['morph', image, '--json', ...flags], { stateDir })
    await run.until(({ kind, step, state }) => kind === 'script' && step === '10-noise' && state === 'succeeded')
    const before = peakBytes(run.pid)
    await run.until(({ kind, step, state }) => kind === 'script' && step === '30-never-ends' && state === 'started')
    const growth = peakBytes(run.pid) - before
    const { exitCode, stderr } = await run.ended()

    assert.equal(exitCode, 4, stderr)
    assert.match(stderr, /60-looks failed with exit code 7 {2}\[script\.failed\]\n(.*\n)*hint: \S/)
    assert.equal(await hashFile(image, signal), sourceHash)
    context.diagnostic(`the process grew by ${Math.round(growth / MIB)} MiB to ${Math.round((before + growth) / MIB)} MiB`)
    assert.ok(growth < GROWTH_LIMIT_BYTES, `grew by ${growth} bytes`)

    const instar = new Instar(stateDir, signal)
    const { scripts } = (await instar.lastRun()) ?? assert.fail('there is no record')
    const of = (name: string) => scripts.find(script => script.name === name) ?? assert.fail(`${name} has no record`)
    assert.deepEqual(
      scripts.map(({ name, exit_code, signal: ending, timed_out }) => [name, exit_code, ending, timed_out]),
      [
        ['10-noise', 0, null, false],
        ['20-long-line', 0, null, false],
        ['30-never-ends', null, 'SIGKILL', true],
        ['40-forks', 0, null, false],
        ['50-closes-its-output', 0, null, false],
        ['60-looks', 7, null, false],
      ],
    )
    assert.deepEqual([of('10-noise').stdout_bytes, of('10-noise').stderr_bytes], [3_000_000, 3_000_000])
    assert.equal(of('20-long-line').stdout_bytes, LINE_BYTES)
    const log = globSync(join(stateDir, `runs/*/scripts/${of('20-long-line').id}.stdout`))[0] ?? assert.fail('there is no log')
    assert.ok(statSync(log).size <= LOG_BYTES)
    assert.ok(readFileSync(log).includes(`\n[${LINE_BYTES - 64 * MIB} bytes left out]\n`))
    assert.equal((await instar.scriptOutput('30-never-ends', 'stdout')).trim(), 'started')
    const left = of('40-forks').left_running ?? []
    assert.equal(left.length, 2)
    for (const line of left) assert.match(line, /^\d+ sleep 60[34]$/)
    assert.equal((await instar.scriptOutput('60-looks', 'stdout')).trim(), 'left:')
  },
)
