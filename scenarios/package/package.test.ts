import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildGuest, findNode, heavy, requires } from '@instar/fixtures'
import { buildPackage } from '../../tools/build-package.ts'

const TIMEOUT_MS = 900_000
/** The machine's own programs, without the Node 24 of this repository. */
const OWN_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

describe(
  'the npm package, installed in an empty folder under Node 20',
  { skip: requires(['root', 'qemu', 'mmdebstrap', 'node-20'], process.env), timeout: TIMEOUT_MS },
  () => {
    const work = mkdtempSync(join(tmpdir(), 'instar-package-'))
    const home = join(work, 'empty')
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const cacheDir = process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar'
    const env = { PATH: OWN_PATH, HOME: process.env['HOME'], INSTAR_STATE_DIR: join(work, 'state'), INSTAR_CACHE_DIR: cacheDir }
    const npx = (...argv: string[]) => spawnSync('npx', ['--no-install', ...argv], { cwd: home, env, encoding: 'utf8' })
    after(() => rmSync(work, { recursive: true, force: true }))

    before(async () => {
      chmodSync(work, 0o755)
      mkdirSync(home)
      await buildPackage(join(work, 'package'))
      const packed = spawnSync('npm', ['pack', '--pack-destination', work], { cwd: join(work, 'package'), env, encoding: 'utf8' })
      assert.equal(packed.status, 0, packed.stderr)
      const [file = ''] = globSync('instar-*.tgz', { cwd: work })
      const installed = spawnSync('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', join(work, file)], {
        cwd: home,
        env,
        encoding: 'utf8',
      })
      assert.equal(installed.status, 0, installed.stderr)
    })

    test('its program starts under the Node 24 that came with it, and needs nothing of this repository', () => {
      assert.ok(findNode(20, OWN_PATH) !== undefined)
      const version = npx('instar', '--version')
      assert.deepEqual([version.stdout.trim(), version.stderr], ['0.1.0', ''])
      const bundle = readFileSync(join(home, 'node_modules/instar/lib/main.js'), 'utf8')
      assert.ok(!bundle.includes(process.cwd()), 'no path of this repository is in the bundle')
      assert.equal(npx('instar', 'mroph').status, 2)
      assert.equal(npx('dib-run-parts', '--help').status, 0)
    })

    test('npx instar serve comes up, logs in, and ends on SIGTERM', async () => {
      await using service = await serve()
      const session = Object.fromEntries([...service.greeting.matchAll(/\b(OS_\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!]))
      const issued = spawnSync('npx', ['--no-install', 'instar', 'project', 'list', '-f', 'value', '-c', 'Name'], {
        cwd: home,
        env: { ...env, ...session },
        encoding: 'utf8',
      })
      assert.deepEqual([issued.status, issued.stdout], [0, 'admin\n'], issued.stderr)
    })

    async function serve(): Promise<AsyncDisposable & { greeting: string }> {
      // The program itself and not npx: a signal for npx ends npx.
      const child: ChildProcess = spawn(
        join(home, 'node_modules/.bin/instar'),
        ['serve', '--data-dir', join(work, 'data'), '--listen', '127.0.0.1:0'],
        { cwd: home, env },
      )
      const texts = { stdout: '', stderr: '' }
      const ready = Promise.withResolvers<void>()
      child.stderr?.setEncoding('utf8').on('data', text => (texts.stderr += text))
      child.stdout?.setEncoding('utf8').on('data', text => {
        texts.stdout += text
        if (texts.stdout.includes('Then: ')) ready.resolve()
      })
      child.on('exit', code => ready.reject(new Error(`ended with ${code}: ${texts.stderr}`)))
      await ready.promise
      return {
        greeting: texts.stdout,
        [Symbol.asyncDispose]: async () => {
          child.kill('SIGTERM')
          const [code] = (await once(child, 'exit')) as [number | null]
          assert.equal(code, 0, texts.stderr)
        },
      }
    }

    test('the threads that copy disks start from it', () => {
      const thread = join(home, 'node_modules/instar/lib/tree/packages/worker/src/replication/copy/copy-thread.js')
      const job = { target: { address: { socketPath: join(work, 'none.sock') }, exportName: '' }, state: {} }
      const code = `new (require('node:worker_threads').Worker)(${JSON.stringify(thread)}, { workerData: ${JSON.stringify(job)} })
        .once('message', message => console.log(message.kind, message.message))`
      const started = spawnSync(join(home, 'node_modules/.bin/node'), ['-e', code], { env, encoding: 'utf8' })
      assert.match(started.stdout, /^failed .*none\.sock/, started.stderr)
    })

    test('npx instar morph runs a script on a guest', async () => {
      const guest = await buildGuest({ variant: 'ext4', cacheDir, signal })
      await using _turn = await heavy(signal)
      copyFileSync(guest.file, join(home, 'web.qcow2'))
      writeFileSync(join(home, 'motd.sh'), 'echo "hello from the package" >"$1/etc/motd"\ncat "$1/etc/motd"\n')
      const morphed = npx('instar', 'morph', 'web.qcow2', '--script', 'motd.sh')
      assert.equal(morphed.status, 0, morphed.stderr)
      assert.match(morphed.stdout, /\| hello from the package/)
      assert.ok(existsSync(join(work, 'state/runs')))
    })
  },
)
