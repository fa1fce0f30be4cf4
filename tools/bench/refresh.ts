import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { findNode } from '@instar/fixtures'
import { measure, median } from './measure.ts'
import type { Measured } from './measure.ts'
import type { Row } from './report.ts'

/** By the reference's figures (its section 5): how many times as long as Debian's run-parts the original dib-run-parts takes for 100 scripts. */
const ORIGINAL_TO_RUN_PARTS = 17.6
/** How many times as long as one start of Node 20 the original os-refresh-config takes for four empty phases. */
const ORIGINAL_TO_NODE_START = 6.8

/** What the issue asks for. */
const FASTER_WITH_SCRIPTS = 8
const FASTER_WHEN_EMPTY = 4
const SLOWER_WITH_RECORDS = 2

interface Command {
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/**
 * The programs for live hosts against Debian's run-parts and, where INSTAR_BENCH_DIB_RUN_PARTS and INSTAR_BENCH_OS_REFRESH_CONFIG name them, the
 * originals. All commands take turns, so that another process on this host slows all of them down.
 */
export async function benchRefresh({ work, runs }: { work: string; runs: number }): Promise<Row[]> {
  const dist = join(work, 'dist')
  execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'tools/build.ts', '--out', dist])
  const [hundred, thousand] = [plantScripts(join(work, 'hundred'), 100), plantScripts(join(work, 'thousand'), 1000)]
  const empty = join(work, 'empty')
  for (const phase of ['pre-configure', 'configure', 'post-configure', 'migration'])
    mkdirSync(join(empty, `${phase}.d`), { recursive: true })
  const node = findNode(20, process.env['PATH'] ?? '') ?? process.execPath
  const path = [dist, dirname(node), process.env['PATH']].join(delimiter)
  const refresh = { OS_REFRESH_CONFIG_BASE_DIR: empty, PATH: path }
  const lock = ['--lockfile', join(work, 'lock')]
  const originals = { drp: process.env['INSTAR_BENCH_DIB_RUN_PARTS'], orc: process.env['INSTAR_BENCH_OS_REFRESH_CONFIG'] }
  const commands = new Map<string, Command>([
    ['node', { argv: [node, '-e', '0'] }],
    ['run-parts 100', { argv: ['run-parts', hundred] }],
    ['dib-run-parts 100', { argv: [node, join(dist, 'dib-run-parts'), hundred] }],
    ['os-refresh-config empty', { argv: [node, join(dist, 'os-refresh-config'), ...lock], env: refresh }],
    ['run-parts 1000', { argv: ['run-parts', thousand] }],
    [
      'instar-refresh 1000',
      {
        argv: [node, join(dist, 'instar-refresh'), ...lock],
        env: { OS_REFRESH_CONFIG_BASE_DIR: dirname(thousand), INSTAR_STATE_DIR: join(work, 'state') },
      },
    ],
    ...(originals.drp === undefined ? [] : [['original 100', { argv: [originals.drp, hundred] }] as const]),
    ...(originals.orc === undefined
      ? []
      : [['original empty', { argv: [originals.orc, ...lock], env: { ...refresh, ...pathOf(originals.drp) } }] as const]),
  ])
  const figures = await takeTurns(commands, runs)
  const against = (ours: string, peer: string, target: number, words: string): Row => {
    const [mine, theirs] = [figures.get(ours)!, figures.get(peer)!]
    return {
      name: `live host: ${words}`,
      value: `${mine.wallMs.toFixed(0)} ms, ${mine.peakMiB.toFixed(0)} MiB`,
      peer: `${peer} ${theirs.wallMs.toFixed(0)} ms`,
      ratio: (mine.wallMs / theirs.wallMs).toFixed(2),
      target: `at most ${target.toFixed(2)}`,
    }
  }
  return [
    figures.has('original 100')
      ? against('dib-run-parts 100', 'original 100', 1 / FASTER_WITH_SCRIPTS, '100 scripts, dib-run-parts')
      : against('dib-run-parts 100', 'run-parts 100', ORIGINAL_TO_RUN_PARTS / FASTER_WITH_SCRIPTS, '100 scripts, dib-run-parts'),
    figures.has('original empty')
      ? against('os-refresh-config empty', 'original empty', 1 / FASTER_WHEN_EMPTY, 'four empty phases, os-refresh-config')
      : against('os-refresh-config empty', 'node', ORIGINAL_TO_NODE_START / FASTER_WHEN_EMPTY, 'four empty phases, os-refresh-config'),
    against('instar-refresh 1000', 'run-parts 1000', SLOWER_WITH_RECORDS, '1,000 scripts with records, instar-refresh'),
  ]
}

/** Medians of so many turns, after one that does not count. */
async function takeTurns(commands: ReadonlyMap<string, Command>, runs: number): Promise<Map<string, Measured>> {
  const measured = new Map<string, Measured[]>()
  for (let turn = 0; turn <= runs; turn++) {
    for (const [name, { argv, env }] of commands) {
      const one = await measure(argv, env)
      if (turn > 0) measured.set(name, [...(measured.get(name) ?? []), one])
    }
  }
  return new Map(
    [...measured].map(([name, all]) => [
      name,
      {
        wallMs: median(all.map(one => one.wallMs)),
        cpuMs: median(all.map(one => one.cpuMs)),
        peakMiB: median(all.map(one => one.peakMiB)),
      },
    ]),
  )
}

/** `configure.d` with so many scripts that do nothing, below the folder. */
function plantScripts(folder: string, count: number): string {
  const directory = join(folder, 'configure.d')
  mkdirSync(directory, { recursive: true })
  for (let number = 1; number <= count; number++) {
    const file = join(directory, `${number}-nothing`)
    writeFileSync(file, '#!/bin/sh\n:\n')
    chmodSync(file, 0o755)
  }
  return directory
}

/** The original os-refresh-config starts the dib-run-parts that PATH leads to. */
function pathOf(program: string | undefined): Record<string, string> {
  return program === undefined ? {} : { PATH: [dirname(program), process.env['PATH']].join(delimiter) }
}
