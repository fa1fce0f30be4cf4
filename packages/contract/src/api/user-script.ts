import { InstarError } from '../errors.ts'
import { DEFAULT_PHASE, MACHINE_PHASES, parsePhase, type MachinePhase } from '../phases.ts'
import { MAX_RETRIES } from '../scripts/script-spec.ts'
import type { UserScript } from './user-scripts.ts'
import { LIMITS } from './wire.ts'

/** What stands for a secret's value in every answer; sent back, it keeps the value that is stored. */
export const SECRET_MASK = '***'

const KEYS = ['payload', 'phase', 'name', 'timeout_s', 'retries', 'on_failure', 'env', 'secrets']

/** One item of a list of user scripts; `where` names it in errors. */
export function readUserScript(item: Record<string, unknown>, where: string): UserScript {
  const unknown = Object.keys(item).find(key => !KEYS.includes(key))
  if (unknown !== undefined) throw bad(where, `has an unknown key "${unknown}"; there are ${KEYS.join(', ')}`)
  const { name, timeout_s, retries, on_failure } = item
  return {
    phase: readPhase(item['phase'], where),
    payload: readPayload(item['payload'], where),
    ...(isGiven(name) ? { name: readName(name, where) } : {}),
    ...(isGiven(timeout_s) ? { timeout_s: readNumber(timeout_s, 31_536_000, `${where}.timeout_s`) } : {}),
    ...(isGiven(retries) ? { retries: readNumber(retries, MAX_RETRIES, `${where}.retries`) } : {}),
    ...(isGiven(on_failure) ? { on_failure: readOnFailure(on_failure, where) } : {}),
    ...readTexts('env', item['env'], { where, namePattern: /^(?!INSTAR_)[A-Za-z_]\w{0,254}$/ }),
    ...readTexts('secrets', item['secrets'], { where, namePattern: /^[A-Za-z0-9][\w.-]{0,99}$/ }),
  }
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

function readPhase(value: unknown, where: string): MachinePhase {
  if (value === undefined || value === null || value === '') return DEFAULT_PHASE
  if (typeof value !== 'string') throw bad(where, `has a phase that is no text; there are ${MACHINE_PHASES.join(', ')}`)
  return parsePhase(value)
}

function readPayload(value: unknown, where: string): string {
  if (typeof value !== 'string') throw bad(where, value === undefined ? 'has no payload' : 'has a payload that is no text')
  if (/^[\r\n ]*$/.test(value)) throw bad(where, 'has an empty payload; send null in place of the scripts to remove them')
  if (value.length > LIMITS.scriptChars) throw bad(where, `has a payload of ${value.length} characters; there may be ${LIMITS.scriptChars}`)
  return value
}

function readName(value: unknown, where: string): string {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= 200 && !/[\p{Cc}/]/u.test(value)) return value
  throw bad(where, 'has a bad name: 1 to 200 characters, no slash and no control characters')
}

function readNumber(value: unknown, max: number, where: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value
  throw bad(where, `is no whole number from 0 to ${max}`)
}

function readOnFailure(value: unknown, where: string): 'abort' | 'continue' {
  if (value === 'abort' || value === 'continue') return value
  throw bad(where, 'has an on_failure other than "abort" and "continue"')
}

function readTexts<K extends 'env' | 'secrets'>(
  key: K,
  value: unknown,
  rule: { where: string; namePattern: RegExp },
): { [key in K]?: Record<string, string> } {
  if (!isGiven(value)) return {}
  const where = `${rule.where}.${key}`
  if (typeof value !== 'object' || Array.isArray(value)) throw bad(where, 'is no object')
  for (const [name, text] of Object.entries(value as object)) {
    if (!rule.namePattern.test(name)) throw bad(where, `has a name that cannot be used: "${name}"`)
    if (typeof text !== 'string' || text.length > LIMITS.textChars)
      throw bad(where, `"${name}" is no text of at most ${LIMITS.textChars} characters`)
  }
  return { [key]: value } as { [key in K]?: Record<string, string> }
}

function bad(where: string, what: string): InstarError {
  return new InstarError('api.bad-user-scripts', `${where} ${what}`)
}
