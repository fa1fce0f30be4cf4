import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createTestProgram } from '../test-program.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-serve-'))
// PostgreSQL does not run as root: its user must be able to pass.
chmodSync(dir, 0o755)
after(() => rmSync(dir, { recursive: true, force: true }))

const MAIN = join(import.meta.dirname, '../main.ts')
/** Far above what a start takes (1 s): for hosts that do much else. */
const START_MS = 60_000

interface Served extends AsyncDisposable {
  readonly process: ChildProcess
  readonly greeting: string
  readonly log: () => string
}

async function serve(argv: readonly string[], env: Record<string, string> = {}): Promise<Served> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'serve', '--listen', '127.0.0.1:0', ...argv], {
    env: { PATH: process.env['PATH'], HOME: dir, INSTAR_STATE_DIR: join(dir, 'state'), XDG_CONFIG_HOME: dir, ...env },
  })
  let stdout = ''
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => (stderr += text))
  child.stdout.setEncoding('utf8')
  const ready = Promise.withResolvers<void>()
  child.stdout.on('data', text => {
    stdout += text
    if (stdout.includes('Then: ')) ready.resolve()
  })
  child.on('exit', code => ready.reject(new Error(`instar serve ended with ${code}: ${stderr}`)))
  const timer = setTimeout(() => ready.reject(new Error(`not ready after ${START_MS} ms: ${stderr}`)), START_MS)
  await ready.promise.finally(() => clearTimeout(timer))
  return {
    process: child,
    greeting: stdout,
    log: () => stderr,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/** The `export` lines of the greeting, as a shell reads them. */
function exported(greeting: string): Record<string, string> {
  return Object.fromEntries([...greeting.matchAll(/\b(OS_\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!]))
}

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
    const { port } = new URL(env['OS_AUTH_URL']!)
    await assert.rejects(serve(['--data-dir', join(dir, 'two'), '--listen', `127.0.0.1:${port}`]), {
      message: /ended with 3: .*cannot listen at 127\.0\.0\.1:\d+ {2}\[serve\.cannot-listen\]/s,
    })
    service.process.kill('SIGTERM')
    assert.deepEqual(await once(service.process, 'exit'), [0, null])
    assert.ok(!service.log().includes(env['OS_PASSWORD']!), 'the password is in no log')
  }
  assert.deepEqual(processesOf(data), [])
  await using again = await serve(['--data-dir', data])
  assert.doesNotMatch(again.greeting, /OS_PASSWORD/)
  assert.match(again.greeting, /the password is the one of the first start/)
  const issued = createTestProgram({ dir: join(dir, 'cli2'), env: { ...env, ...exported(again.greeting) } }, ['token', 'issue', '-q'])
  assert.equal(await issued.runAndReport(), 0, issued.written.stderr)
})

test('a worker without a database is refused', async () => {
  await assert.rejects(serve(['--role', 'worker']), { message: /ended with 3: .*a worker alone needs the database/s })
})
