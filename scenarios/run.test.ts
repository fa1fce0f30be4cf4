import { globSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { requires } from '@instar/fixtures'
import { readScenario } from './runner/scenario.ts'
import { runScenario } from './runner/run-scenario.ts'

// One file for all: scenarios run one after the other, as each has the machine's CPUs for itself.
for (const file of globSync('**/scenario.yaml', { cwd: import.meta.dirname }).sort()) {
  const scenario = readScenario(join(import.meta.dirname, file))
  const { about, needs } = scenario.scenario
  test(`${scenario.name}: ${about}`, { skip: requires(needs, process.env) }, () => runScenario(scenario))
}
