import { readFileSync } from 'node:fs'

/** What Node puts in the place of bytes that are no UTF-8. */
const REPLACEMENT = '\uFFFD'

/** Whether Node may have spoilt a value of the environment. */
export function isSpoilt(value: string | undefined): boolean {
  return value?.includes(REPLACEMENT) === true
}

/**
 * Node reads the environment as UTF-8 and spoils other bytes. These commands for bash give such variables, where the caller's own value is still
 * meant, their bytes again.
 */
export function unreadableVariables(environment: Readonly<Record<string, string | undefined>>): Buffer {
  const spoilt = Object.entries(environment).filter(([name, value]) => /^[A-Za-z_]\w*$/.test(name) && isSpoilt(value))
  if (spoilt.length === 0) return Buffer.alloc(0)
  const entries = readFileSync('/proc/self/environ', 'latin1').split('\0')
  const commands = spoilt.flatMap(([name, value]) => {
    const raw = entries.find(entry => entry.startsWith(`${name}=`))?.slice(name.length + 1)
    const isOurs = raw !== undefined && Buffer.from(raw, 'latin1').toString('utf8') === value
    return isOurs ? [`export ${name}='${raw.replaceAll("'", `'\\''`)}'\n`] : []
  })
  return Buffer.from(commands.join(''), 'latin1')
}
