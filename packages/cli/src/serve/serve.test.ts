import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createTestProgram } from '../test-program.fixture.ts'
import { exported, spawnServe } from './spawn-serve.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-serve-'))
// PostgreSQL does not run as root: its user must be able to pass.
chmodSync(dir, 0o755)
after(() => rmSync(dir, { recursive: true, force: true }))

const serve = (...given: [readonly string[], Record<string, string>?]) => spawnServe(dir, ...given)

/** Processes whose command line names the folder. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(pid => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        return line.includes(folder) ? [`${pid} ${line.replaceAll('\0', ' ')}`] : []
      } catch {
        // It has ended since.
        return []
      }
    })
}

test('a first start prints the password once, the CLI logs in with what is printed, and an address in use is refused, SIGTERM leaves nothing behind', async () => {
  const data = join(dir, 'first')
  let env: Record<string, string>
  {
    await using service = await serve(['--data-dir', data])
    env = exported(service.greeting)
    const listed = createTestProgram({ dir: join(dir, 'cli'), env, now: () => new Date() }, [
      'project',
      'list',
      '-f',
      'value',
      '-c',
      'Name',
    ])
    assert.equal(await listed.runAndReport(), 0, listed.written.stderr)
    assert.equal(listed.written.stdout, 'admin\n')
    await tryPeople(env)
    const { port } = new URL(env['OS_AUTH_URL']!)
    await assert.rejects(serve(['--data-dir', join(dir, 'two'), '--listen', `127.0.0.1:${port}`]), {
      message: /ended with 3: .*cannot listen at 127\.0\.0\.1:\d+ {2}\[serve\.cannot-listen\]/s,
    })
    service.process.kill('SIGTERM')
    assert.deepEqual(await once(service.process, 'exit'), [0, null])
    assert.ok(!service.log().includes(env['OS_PASSWORD']!), 'the password is in no log')
  }
  assert.deepEqual(processesOf(data), [])
  {
    await using again = await serve(['--data-dir', data])
    assert.doesNotMatch(again.greeting, /OS_PASSWORD/)
    assert.match(again.greeting, /the password is the one of the first start/)
    const issued = createTestProgram({ dir: join(dir, 'cli2'), env: { ...env, ...exported(again.greeting) } }, ['token', 'issue', '-q'])
    assert.equal(await issued.runAndReport(), 0, issued.written.stderr)
  }
  renameSync(join(data, 'secret.key'), join(dir, 'lost.key'))
  await assert.rejects(serve(['--data-dir', data]), { message: /ended with 3: .*secret\.key is not there.* {2}\[store\.unknown-key\]/s })
  assert.ok(!existsSync(join(data, 'secret.key')))
})

test('a worker without a database is refused', async () => {
  await assert.rejects(serve(['--role', 'worker']), { message: /ended with 3: .*a worker alone needs the database/s })
})

/** A user, a role and what it may not do, from the command line. */
async function tryPeople(env: Record<string, string>): Promise<void> {
  const world = { dir: join(dir, 'people'), now: () => new Date() }
  const run = async (argv: string[], more: Record<string, string> = {}) => {
    const program = createTestProgram({ ...world, env: { ...env, ...more } }, argv)
    return { exitCode: await program.runAndReport(), ...program.written }
  }
  const password = 'a long enough secret'
  writeFileSync(join(dir, 'password'), `${password}\n`)
  const bob = { OS_USERNAME: 'bob', OS_PASSWORD: password, OS_PROJECT_NAME: 'team' }
  for (const argv of [
    ['project', 'create', 'team'],
    ['user', 'create', 'bob', '--password-file', join(dir, 'password')],
    ['user', 'role', 'add', 'bob', 'reader', '--in', 'team'],
  ]) {
    const { exitCode, stderr } = await run(argv)
    assert.equal(exitCode, 0, stderr)
  }
  assert.match((await run(['user', 'role', 'list', '-f', 'value'])).stdout, /^bob team reader$/m)
  assert.deepEqual(await run(['endpoint', 'list', '-f', 'value'], bob), { exitCode: 0, stdout: '', stderr: '' })
  const refused = await run(['endpoint', 'create', '--name', 'x', '--provider', 'disk-images', '--connection', '{"a": 1}'], bob)
  assert.deepEqual(
    [refused.exitCode, /needs the role member; you have reader {2}\[api\.forbidden\]/.test(refused.stderr)],
    [3, true],
    refused.stderr,
  )
  assert.equal((await run(['endpoint', 'list'], { ...bob, OS_PASSWORD: 'wrong', OS_PROJECT_NAME: 'admin' })).exitCode, 3)
}
