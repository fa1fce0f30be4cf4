import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const repository = join(import.meta.dirname, '../../../..')
/** `state FILE`: whether the process whose id is in the file lives; a zombie has ended. `await FILE`: until the file has something in it. */
const PRELUDE = `state() { case $(sed -n 's/^State:\\s*\\(.\\).*/\\1/p' /proc/$(cat "$1")/status 2>/dev/null) in ''|Z|X) echo gone;; *) echo alive;; esac; }
await() { while [ ! -s "$1" ]; do sleep 0.02; done; }`
const LIMIT_MS = 60_000

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  /** With `NAME DATE` at the head of the runner's lines as `DRP`, the log's time as `[TS]`, seconds as `SECS`. */
  readonly stderr: string
}

let built: string | undefined

/** The folder of the programs, built once for a test process. */
function builtPrograms(): string {
  if (built === undefined) {
    built = mkdtempSync(join(tmpdir(), 'instar-built-'))
    const folder = built
    process.once('exit', () => rmSync(folder, { recursive: true }))
    execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(repository, 'tools/build.ts'), '--out', built])
  }
  return built
}

/** A folder of scripts and the programs for live hosts in its bin/, as they are built. */
export class LiveHost implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'instar-live-'))

  readonly #path: string

  constructor(environment: NodeJS.ProcessEnv) {
    this.#path = environment['PATH'] ?? ''
    this.plant({ bin: `link:${builtPrograms()}` })
  }

  /** Files by path, executable; those of environment.d are not. A `link:TARGET` is a link; a path that ends in a slash is a folder. */
  plant(tree: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(tree)) {
      const file = join(this.folder, path)
      mkdirSync(path.endsWith('/') ? file : dirname(file), { recursive: true })
      if (path.endsWith('/')) continue
      if (text.startsWith('link:')) symlinkSync(text.slice('link:'.length), file)
      else writeFileSync(file, text)
      if (!text.startsWith('link:')) chmodSync(file, path.includes('environment.d') ? 0o644 : 0o755)
    }
  }

  /** Runs a line of shell in the folder; the base directory is b. The line's process group is its own. */
  run(command: string, environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const child = spawn('bash', ['--norc', '-c', `${PRELUDE}\n${command}`], {
        cwd: this.folder,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: LIMIT_MS,
        killSignal: 'SIGKILL',
        env: {
          PATH: `${this.folder}/bin:${dirname(process.execPath)}:${this.#path}`,
          OS_REFRESH_CONFIG_BASE_DIR: `${this.folder}/b`,
          TZ: 'UTC',
          W: this.folder,
          ...environment,
        },
      })
      let stdout = ''
      let stderr = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
      child.once('error', reject)
      child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr: this.#plain(stderr) }))
    })
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true })
  }

  #plain(text: string): string {
    return text
      .replaceAll(this.folder, 'W')
      .replaceAll(/^dib-run-parts \w{3} \w{3} [ \d]\d [\d:]{8} UTC \d{4} /gm, 'DRP ')
      .replaceAll(/^\[\d{4}-\d\d-\d\d [\d:]{8},\d{3}\] /gm, '[TS] ')
      .replaceAll(/^(DRP \S+) +\d+\.\d{3}$/gm, '$1 SECS')
  }
}

/** The lines of the table for these scripts. */
export function table(target: string, ...names: readonly string[]): string {
  return [
    '----------------------- PROFILING -----------------------',
    '',
    `Target: ${target}`,
    '',
    'Script                                     Seconds',
    '---------------------------------------  ----------',
    '',
    ...names.map(name => `${name} SECS`),
    '',
    '--------------------- END PROFILING ---------------------',
  ]
    .map(line => `DRP ${line}\n`)
    .join('')
}
