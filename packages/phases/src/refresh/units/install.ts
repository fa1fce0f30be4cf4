import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { InstarError } from '@instar/contract/errors'
import { REFRESH_PHASES } from '@instar/contract/phases'
import { REFRESH_COMMANDS } from '@instar/contract/refresh'
import type { Values } from '../command/arguments.ts'
import type { RefreshIo } from '../command/io.ts'
import { flag, text, toRequest } from '../command/request.ts'
import { SUPERVISOR_GROUP } from '../containment/cgroup.ts'
import { findBaseDirectory } from '../drop-in/base-directory.ts'
import { makeFolder } from '../make-folder.ts'
import { CONTINUE, PATH_UNIT, renderUnits, TIMER } from './units.ts'

/** DelegateSubgroup= is new in this version of systemd; an older one warns of it at each start. */
const SUBGROUP_SINCE = 254
const UNIT_DIR = '/etc/systemd/system'
const ENABLED = [TIMER, PATH_UNIT, CONTINUE]

/** `instar refresh install`: writes, or removes, the units; throws `refresh.not-installable`. */
export function installCommand(values: Values, io: RefreshIo): number {
  const root = text(values, 'root')
  const dir = join(root ?? '/', UNIT_DIR)
  if (root !== undefined && flag(values, 'enable'))
    throw new InstarError('usage.bad-argument', '--enable is for this machine, --root for another: enable them there')
  if (flag(values, 'remove')) return remove(values, dir, io)
  // What a run would refuse is refused here, not by the first start of the service.
  toRequest(values, '')
  const program = resolve(text(values, 'program') ?? io.programFile)
  if (root === undefined) checkProgram(program)
  const units = renderUnits({
    program,
    words: runWords(values),
    calendar: text(values, 'calendar') ?? 'daily',
    watch: watched(values, io),
    stateDir: io.stateDir,
    subgroup: root === undefined && systemdVersion() >= SUBGROUP_SINCE ? SUPERVISOR_GROUP : undefined,
    environment: kept(io.environment),
  })
  try {
    makeFolder(dir)
    for (const [name, unit] of units) writeFileSync(join(dir, name), unit)
  } catch (error) {
    throw new InstarError('refresh.not-installable', `cannot write the units to ${dir}`, { cause: error })
  }
  for (const name of units.keys()) io.stdout.write(`written ${join(dir, name)}\n`)
  if (flag(values, 'enable')) enable()
  else if (root === undefined) io.stdout.write(`next: systemctl daemon-reload && systemctl enable --now ${ENABLED.join(' ')}\n`)
  return 0
}

function remove(values: Values, dir: string, io: RefreshIo): number {
  const present = [...ENABLED, 'instar-refresh.service'].filter(name => existsSync(join(dir, name)))
  if (text(values, 'root') === undefined && present.length > 0)
    systemctl('disable', '--now', ...present.filter(name => ENABLED.includes(name)))
  for (const name of present) {
    rmSync(join(dir, name))
    io.stdout.write(`removed ${join(dir, name)}\n`)
  }
  return 0
}

function enable(): void {
  systemctl('daemon-reload')
  systemctl('enable', '--now', ...ENABLED)
}

function systemctl(...words: string[]): void {
  const { status, error } = spawnSync('systemctl', words, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status === 0) return
  throw new InstarError('refresh.not-installable', `systemctl ${words.join(' ')} ended with ${status}`, { cause: error })
}

/** The options of the run that differ from their defaults, as words. */
function runWords(values: Values): string[] {
  const [run, ...others] = REFRESH_COMMANDS
  const install = others.find(({ name }) => name === 'install')
  const shared = run?.options.filter(option => install?.options.some(({ name }) => name === option.name) === true) ?? []
  return shared.flatMap(option => {
    const value = values[option.name]
    if (value === undefined || value === false || value === option.default) return []
    if (value === true) return [`--${option.name}`]
    return [value].flat().flatMap(each => [`--${option.name}`, each])
  })
}

function watched(values: Values, io: RefreshIo): string[] {
  const named = values['watch']
  if (Array.isArray(named) && named.length > 0) return named.map(path => resolve(path))
  const base = resolve(text(values, 'base') ?? findBaseDirectory(io.environment).path)
  return [...REFRESH_PHASES, 'environment'].map(name => join(base, `${name}.d`))
}

/** Variables that decide where a run finds and keeps things. */
function kept(environment: RefreshIo['environment']): Record<string, string> {
  const names = ['OS_REFRESH_CONFIG_BASE_DIR', 'INSTAR_STATE_DIR', 'RUN_PARTS_REGEX']
  return Object.fromEntries(names.map(name => [name, environment[name] ?? '']).filter(([, value]) => value !== ''))
}

function checkProgram(program: string): void {
  try {
    accessSync(program, constants.X_OK)
  } catch (error) {
    throw new InstarError('refresh.not-installable', `${program} may not be executed`, { cause: error })
  }
}

/** 0 where there is no systemd. */
function systemdVersion(): number {
  const { stdout } = spawnSync('systemctl', ['--version'], { encoding: 'utf8' })
  return Number(/^systemd (\d+)/.exec(stdout ?? '')?.[1] ?? 0)
}
