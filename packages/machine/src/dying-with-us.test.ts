import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { dyingWithUs } from './dying-with-us.ts'

const MODULE = new URL('./dying-with-us.ts', import.meta.url).href

test('a program runs with its arguments as they are', () => {
  const { stdout } = spawnSync('setpriv', dyingWithUs(['printf', '%s|', 'a b', '$x', '']), { encoding: 'utf8' })

  assert.equal(stdout, 'a b|$x||')
})

test('it does not start when we are gone before it could be watched', () => {
  const orphan = ['--pdeathsig', 'KILL', '--', 'sh', '-c', '[ "$PPID" = "$0" ] && exec "$@"', '1', 'echo', 'started']

  assert.equal(spawnSync('setpriv', orphan, { encoding: 'utf8' }).stdout, '')
  assert.deepEqual(dyingWithUs(['echo', 'started']).with(6, '1'), orphan)
})

test('it dies with the process that started it', async () => {
  const code = `import { spawn } from 'node:child_process'; import { dyingWithUs } from '${MODULE}'
    const child = spawn('setpriv', dyingWithUs(['sleep', '600'])); console.log(child.pid); setTimeout(() => {}, 60_000)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]

  parent.kill('SIGKILL')
  await once(parent, 'close')

  const isAlive = () => existsSync(`/proc/${line.toString().trim()}/exe`)
  for (let look = 0; look < 100 && isAlive(); look += 1) await sleep(20)
  assert.equal(isAlive(), false)
})
