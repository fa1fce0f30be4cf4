import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { PASSWORD, startFakeService } from './fake-service.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-password-'))
after(() => rmSync(dir, { recursive: true }))
const INSTAR = `'${process.execPath}' --disable-warning=ExperimentalWarning '${join(import.meta.dirname, '../main.ts')}'`

/** Runs a command at a real terminal and types one answer as soon as it asks; gives its exit code and all that the terminal showed. */
async function atTerminal(command: string, url: string, answers: readonly string[]): Promise<{ code: unknown; shown: string }> {
  const env = { PATH: process.env['PATH'], HOME: dir, XDG_CONFIG_HOME: dir, INSTAR_STATE_DIR: dir, TERM: 'xterm' }
  const service = { OS_AUTH_URL: `${url}/identity/v3`, OS_USERNAME: 'admin', OS_PROJECT_NAME: 'admin' }
  const child = spawn('script', ['-qec', `${INSTAR} ${command}`, '/dev/null'], { env: { ...env, ...service } })
  const left = [...answers]
  let shown = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
    if (shown.endsWith(': ')) child.stdin.write(left.shift() ?? '')
  })
  const [code] = (await once(child, 'close')) as unknown[]
  return { code, shown }
}

test('a password is asked for at the terminal, which does not show it', { timeout: 60_000 }, async () => {
  await using service = await startFakeService(() => ({ status: 200, body: { regions: [] } }))

  const { code, shown } = await atTerminal('region list -f json', service.url, [`${PASSWORD}x\x7f\r`])

  assert.equal(code, 0, shown)
  assert.match(shown, /^Password.*: \r\n\[\]/)
  assert.doesNotMatch(shown, new RegExp(PASSWORD))
  assert.match(JSON.stringify(service.logins), new RegExp(`"password":"${PASSWORD}"`))
})

test('a new password is asked for twice, and must be the same', { timeout: 60_000 }, async () => {
  const user = { id: 'u1', name: 'eve', domain_id: 'default', enabled: true, links: { self: '' } }
  await using service = await startFakeService(() => ({ status: 201, body: { user } }))
  const create = (...answers: string[]) => atTerminal('user create eve -f json', service.url, [...answers, `${PASSWORD}\r`])

  const mistyped = await create('night owl\r', 'night own\r')
  const created = await create('night owl\r', 'night owl\r')

  assert.equal(mistyped.code, 2, mistyped.shown)
  assert.match(mistyped.shown, /the two passwords are not the same {2}\[usage\.bad-argument\]/)
  assert.equal(created.code, 0, created.shown)
  assert.doesNotMatch(created.shown, /night/)
  assert.deepEqual(
    service.seen.map(({ body }) => body),
    [{ user: { name: 'eve', password: 'night owl' } }],
  )
})

for (const [key, typed, exitCode, message] of [
  ['Ctrl-C', 'half of it\x03', 130, /cancelled by SIGINT/],
  ['Ctrl-D', '\x04', 2, /the question for the password was left without an answer {2}\[usage\.no-session\]/],
] as const) {
  test(`${key} at the question ends the command`, { timeout: 60_000 }, async () => {
    await using service = await startFakeService(() => undefined)

    const { code, shown } = await atTerminal('region list', service.url, [typed])

    assert.equal(code, exitCode, shown)
    assert.match(shown, message)
    assert.doesNotMatch(shown, /half of it/)
    assert.deepEqual(service.logins, [])
  })
}
