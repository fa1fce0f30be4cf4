// `node tools/with-coriolisclient.ts [CORIOLIS ARGUMENT...]`: the real python-coriolisclient (`coriolis` on PATH, or named by CORIOLIS) against a
// service on a throw-away folder, with the simulator. Without arguments it goes through the life of a transfer, and fails when a command does.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'

const client = process.env['CORIOLIS'] ?? 'coriolis'
const PASSWORD = 'throw-away'
const dir = mkdtempSync(join(tmpdir(), 'instar-coriolis-'))
chmodSync(dir, 0o755)

const connection = (name: string) => JSON.stringify({ folder: join(dir, name), machines: 2 })
const JOURNEY: readonly (readonly string[])[] = [
  ['provider', 'list'],
  ['endpoint', 'create', '--name', 'old', '--provider', 'simulator', '--connection', connection('old')],
  ['endpoint', 'create', '--name', 'new', '--provider', 'simulator', '--connection', connection('new')],
  ['endpoint', 'list'],
  ['endpoint', 'instance', 'list', 'old'],
  ['endpoint', 'network', 'list', 'new'],
  [
    'transfer',
    'create',
    '--origin-endpoint',
    'old',
    '--destination-endpoint',
    'new',
    '--instance',
    'vm-00001',
    '--source-environment',
    '{}',
    '--destination-environment',
    '{}',
    '--network-map',
    '{}',
  ],
  ['transfer', 'list'],
  ['service', 'list'],
  ['region', 'list'],
  ['minion', 'pool', 'list'],
  ['log', 'list'],
]

try {
  if (spawnSync(client, ['--version']).error)
    throw new Error(`${client} is not there: install python-coriolisclient, or name it by CORIOLIS`)
  const service = spawn(
    process.execPath,
    ['packages/cli/src/main.ts', 'serve', '--listen', '127.0.0.1:0', '--data-dir', join(dir, 'service')],
    {
      env: { ...process.env, INSTAR_STATE_DIR: join(dir, 'state'), INSTAR_ADMIN_PASSWORD: PASSWORD, INSTAR_WORKER_PLATFORMS: 'simulator' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  try {
    const url = await readUrl(service.stdout)
    const given = process.argv.slice(2)
    process.exitCode = (given.length > 0 ? [given] : JOURNEY).some(argv => !runClient(url, argv)) ? 1 : 0
  } finally {
    service.kill('SIGTERM')
    await once(service, 'exit')
  }
} finally {
  rmSync(dir, { recursive: true, force: true })
}

async function readUrl(stdout: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const piece of stdout) {
    text += String(piece)
    const url = /http:\/\/[\d.]+:\d+/.exec(text)?.[0]
    if (url !== undefined) return url
  }
  throw new Error(`the service did not start: ${text}`)
}

/** Shows the command and what it prints; whether it succeeded. */
function runClient(url: string, argv: readonly string[]): boolean {
  console.log(`$ coriolis ${argv.join(' ')}`)
  const names = ['--os-username', 'admin', '--os-password', PASSWORD, '--os-project-name', 'admin']
  const domains = ['--os-project-domain-name', 'Default', '--os-user-domain-name', 'Default']
  return spawnSync(client, ['--os-auth-url', `${url}/identity/v3`, ...names, ...domains, ...argv], { stdio: 'inherit' }).status === 0
}
