import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, '../main.ts')
/** Far above what a start takes (1 s): for hosts that do much else. */
const START_MS = 60_000

export interface Served extends AsyncDisposable {
  readonly process: ChildProcess
  readonly greeting: string
  readonly log: () => string
  readonly exited: Promise<readonly unknown[]>
}

/** `instar serve` as a process of its own, which lies in `dir`; ready when this returns. */
export async function spawnServe(dir: string, argv: readonly string[], env: Record<string, string> = {}): Promise<Served> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'serve', '--listen', '127.0.0.1:0', ...argv], {
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
      HOME: dir,
      INSTAR_STATE_DIR: join(dir, 'state'),
      XDG_CONFIG_HOME: dir,
      ...env,
    },
  })
  const exited = once(child, 'close')
  let stdout = ''
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => (stderr += text))
  child.stdout.setEncoding('utf8')
  const ready = Promise.withResolvers<void>()
  child.stdout.on('data', text => {
    stdout += text
    if (/Then: |is ready/.test(stdout) && stdout.endsWith('\n')) ready.resolve()
  })
  child.on('close', code => ready.reject(new Error(`instar serve ended with ${code}: ${stderr}`)))
  const timer = setTimeout(() => ready.reject(new Error(`not ready after ${START_MS} ms: ${stderr}`)), START_MS)
  await ready.promise.finally(() => clearTimeout(timer))
  return {
    process: child,
    greeting: stdout,
    log: () => stderr,
    exited,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** The `export` lines of the greeting, as a shell reads them. */
export function exported(greeting: string): Record<string, string> {
  return Object.fromEntries([...greeting.matchAll(/\b(OS_\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!]))
}
