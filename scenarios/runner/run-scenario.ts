import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { copyFileSync, createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, matchesGlob } from 'node:path'
import { buildGuest, type Guest, heavy } from '@instar/fixtures'
import { openAppliance } from '@instar/machine'
import { differences, readTree } from './guest-tree.ts'
import { Instar, readEvents, type Finished } from './instar.ts'
import type { Scenario, ScenarioFile } from './scenario.ts'

const SCENARIO_TIMEOUT_MS = 600_000
/** The exit code of a script that is done and wants the machine rebooted. */
const REBOOT_CODE = 194

interface Stage {
  readonly file: ScenarioFile
  readonly guest: Guest
  /** Copies of the guest's disks. */
  readonly images: readonly string[]
  readonly workDir: string
  readonly instar: Instar
}

/** Builds the guest, runs the real command line on copies of its disks, boots the replica where asked, and compares all that is expected. */
export async function runScenario(file: ScenarioFile): Promise<void> {
  const signal = AbortSignal.timeout(SCENARIO_TIMEOUT_MS)
  const workDir = mkdtempSync(join(tmpdir(), 'instar-scenario-'))
  try {
    const guest = await provideGuest(file.scenario, workDir, signal)
    await using _turn = await heavy(signal)
    const stage: Stage = {
      file,
      guest,
      workDir,
      images: copyDisks(file.scenario, guest, workDir),
      instar: new Instar(join(workDir, 'state'), signal),
    }
    const hashes = await Promise.all(stage.images.map(hashOf))

    const morph = await stage.instar.run('morph', ...stage.images, '--json', ...morphArguments(stage))

    await checkMorph(stage, morph)
    await checkImages(stage, hashes)
    if (file.scenario.boot !== undefined) await checkBoot(stage, file.scenario.boot)
  } finally {
    rmSync(workDir, { recursive: true, force: true })
  }
}

function provideGuest({ before }: Scenario, workDir: string, signal: AbortSignal): Promise<Guest> {
  const cacheDir = process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar'
  const openMachine = (disks: Parameters<typeof openAppliance>[0]['disks']) =>
    openAppliance({ cacheDir, runtimeDir: join(workDir, 'runtime'), disks, signal })
  return buildGuest({ variant: before.guest, cacheDir, signal, openMachine })
}

function copyDisks({ before }: Scenario, guest: Guest, workDir: string): string[] {
  const chosen = before.disks?.map(number => guest.disks[number - 1] ?? assert.fail(`the guest has no disk ${number}`)) ?? guest.disks
  return chosen.map((disk, at) => {
    const copy = join(workDir, `${guest.variant}-${at + 1}.qcow2`)
    copyFileSync(disk, copy)
    return copy
  })
}

function morphArguments({ file, workDir }: Stage): string[] {
  const { scripts, secrets, arguments: more } = file.scenario.request
  const scriptFlags = Object.entries(scripts).flatMap(([phase, names]) =>
    names.flatMap(name => {
      const [path = '', ...options] = name.split(',')
      return ['--script', [join(file.folder, path), `phase=${phase}`, ...options].join(',')]
    }),
  )
  mkdirSync(join(workDir, 'secrets'))
  const secretFlags = Object.entries(secrets).flatMap(([name, value]) => {
    const secret = join(workDir, 'secrets', name)
    writeFileSync(secret, value, { mode: 0o600 })
    return ['--secret', `${name}=@${secret}`]
  })
  return [...scriptFlags, ...secretFlags, ...more]
}

async function checkMorph({ file, instar }: Stage, morph: Finished): Promise<void> {
  const { expect } = file.scenario
  assert.equal(morph.exitCode, expect.exit_code, `exit code of the morph\n${morph.stderr}\n${morph.stdout.slice(-2000)}`)
  if (expect.error !== undefined) assert.ok(morph.stderr.includes(`[${expect.error}]`), `error ${expect.error} in: ${morph.stderr}`)
  if (expect.says !== undefined) assert.ok(morph.stderr.includes(expect.says), `"${expect.says}" in: ${morph.stderr}`)

  const record = await instar.lastRun()
  const ran = (record?.scripts ?? []).map(({ phase, name, exit_code }) => ({ phase, script: name, exit_code }))
  assert.deepEqual(
    ran,
    expect.ran.map(({ phase, script, exit_code }) => ({ phase, script, exit_code })),
    'scripts that ran on the minion',
  )
  for (const { script, stdout, stderr } of expect.ran) {
    for (const [stream, text] of [['stdout', stdout] as const, ['stderr', stderr] as const]) {
      if (text === undefined) continue
      const output = await instar.scriptOutput(script, stream)
      assert.ok(output.includes(text), `${stream} of ${script} has "${text}", it is: ${output}`)
    }
  }
  assert.equal((record?.run.kept_layers ?? []).length > 0, expect.kept_layers, 'layers were kept')
  const events = readEvents(morph.stdout)
  const result = events.findLast(({ kind }) => kind === 'result')?.message ?? ''
  assert.ok(result.includes(expect.result ?? ''), `"${expect.result}" in the result: ${result}`)
  const warnings = events.flatMap(event => (event.kind === 'warning' ? [event.message ?? ''] : []))
  for (const part of expect.warnings)
    assert.ok(
      warnings.some(warning => warning.includes(part)),
      `a warning with "${part}" in: ${warnings.join('; ')}`,
    )
}

async function checkImages({ file, guest, images, workDir, instar }: Stage, hashes: readonly string[]): Promise<void> {
  const { expect } = file.scenario
  const isSame = (await Promise.all(images.map(hashOf))).every((hash, at) => hash === hashes[at])
  assert.equal(isSame ? 'unchanged' : 'changed', expect.image, 'the image')
  if (expect.changed === undefined) return
  const paths = differences(readTree(guest.file, guest.firmware, workDir), readTree(images[0]!, guest.firmware, workDir))
  const patterns = expect.changed
  assert.deepEqual(
    paths.filter(path => !patterns.some(pattern => matchesGlob(path, pattern))),
    [],
    'files that changed and are not named',
  )
  assert.deepEqual(
    patterns.filter(pattern => !paths.some(path => matchesGlob(path, pattern))),
    [],
    `files that are named and did not change; changed were ${paths.join(' ')}`,
  )
  const reported = ((await instar.lastRun())?.run.changes?.files ?? []).map(({ path }) => path)
  assert.deepEqual(
    reported.filter(path => !paths.includes(path)),
    [],
    'files that the record of the run names and that did not change',
  )
  if (expect.ran.length > 0) return
  assert.deepEqual(
    paths.filter(path => !reported.includes(path)),
    [],
    'files that changed, though no script ran, and that the record does not name',
  )
}

interface BootReport {
  readonly results: readonly { readonly name: string; readonly exit_code: number; readonly output_base64: string }[]
}

async function checkBoot({ file, guest, images, workDir, instar }: Stage, boot: NonNullable<Scenario['boot']>): Promise<void> {
  const { expect } = file.scenario
  const answers = Object.entries(boot.answers).flatMap(([prompt, text], at) => {
    const answer = join(workDir, `answer-${at}`)
    writeFileSync(answer, text, { mode: 0o600 })
    return ['--answer', `${prompt}=@${answer}`]
  })
  const until = expect.console === undefined ? [] : ['--until', expect.console]
  const booted = await instar.run('boot', ...images, '--json', '--firmware', guest.firmware, ...answers, ...until, ...boot.arguments)

  const failedScripts = expect.first_boot.some(({ exit_code }) => exit_code !== 0 && exit_code !== REBOOT_CODE)
  assert.equal(booted.exitCode, failedScripts ? 4 : 0, `exit code of the boot\n${booted.stderr}\n${booted.stdout.slice(-3000)}`)
  const { results } = JSON.parse(booted.stdout) as BootReport
  assert.deepEqual(
    results.map(({ name, exit_code }) => ({ script: name, exit_code })),
    expect.first_boot.map(({ script, exit_code }) => ({ script, exit_code })),
    'first-boot scripts',
  )
  for (const [at, { script, output }] of expect.first_boot.entries()) {
    const text = Buffer.from(results[at]?.output_base64 ?? '', 'base64').toString()
    assert.ok(text.includes(output ?? ''), `output of ${script} has "${output}", it is: ${text}`)
  }
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) hash.update(piece)
  return hash.digest('hex')
}
