import type { JournalLine, RefreshRun, RunState, ScriptRecord } from './records.ts'

type RunLine = Extract<JournalLine, { kind: 'run' }>
type LineOf<Kind extends JournalLine['kind']> = Extract<JournalLine, { kind: Kind }>

/** Lines of a journal, as far as they are whole; `damaged` counts the others. */
export function parseJournal(text: string): { lines: JournalLine[]; damaged: number } {
  const parsed = text
    .split('\n')
    .filter(line => line !== '')
    .map(parseLine)
  const lines = parsed.filter(line => line !== undefined)
  return { lines, damaged: parsed.length - lines.length }
}

/**
 * What a journal says of its run; `undefined` when it does not even say that one began. A run whose process is gone without an end was
 * interrupted, and so was the script that had not ended then.
 */
export function foldJournal(text: string, isAlive: (owner: RunLine['owner']) => boolean): RefreshRun | undefined {
  const { lines, damaged } = parseJournal(text)
  const of = <Kind extends JournalLine['kind']>(kind: Kind) => lines.filter((line): line is LineOf<Kind> => line.kind === kind)
  const begin = of('run')[0]
  if (begin === undefined) return undefined
  const end = of('end').at(-1)
  const containment = of('containment').at(-1)
  const state = stateOf(lines, begin, isAlive)
  return {
    version: 1,
    id: begin.id,
    state,
    started_at: begin.started_at,
    ended_at: end?.at ?? null,
    exit_code: end?.exit_code ?? null,
    options: begin.options,
    containment: containment?.how ?? null,
    ...(containment?.reason === undefined ? {} : { containment_reason: containment.reason }),
    ...(begin.resumed_from === undefined ? {} : { resumed_from: begin.resumed_from }),
    phases: lastOfEach(of('phase'), ({ phase }) => phase).map(({ kind: _kind, at: _at, ...phase }) => phase),
    scripts: lastOfEach(of('script'), ({ id }) => id).map(line => scriptOf(line, state)),
    not_run: of('not-run').map(({ kind: _kind, ...entry }) => entry),
    warnings: of('warning').map(({ message }) => message),
    reboots: of('reboot').map(({ kind: _kind, ...reboot }) => reboot),
    ...(end?.error === undefined ? {} : { error: end.error }),
    left_running: end?.left_running ?? [],
    damaged_lines: damaged,
  }
}

function stateOf(lines: readonly JournalLine[], begin: RunLine, isAlive: (owner: RunLine['owner']) => boolean): RunState {
  const end = lines.findLast(line => line.kind === 'end')
  if (end?.kind === 'end') return end.state
  const turn = lines.findLast(line => line.kind === 'reboot' || line.kind === 'continued')
  if (turn?.kind === 'reboot') return 'waiting_for_reboot'
  return isAlive(turn?.owner ?? begin.owner) ? 'running' : 'interrupted'
}

function scriptOf({ kind: _kind, ...script }: LineOf<'script'>, state: RunState): ScriptRecord {
  return script.ended_at === null && state !== 'running' ? { ...script, interrupted: true } : script
}

/** The last line for each key, where its first one stood. */
function lastOfEach<Line>(lines: readonly Line[], keyOf: (line: Line) => string): Line[] {
  return [...new Map(lines.map(line => [keyOf(line), line])).values()]
}

function parseLine(line: string): JournalLine | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && 'kind' in value ? (value as JournalLine) : undefined
  } catch {
    return undefined
  }
}
