import { mkdtempSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { filesBelow } from '../../testing/files-below.fixture.ts'
import { testProvider } from '../suite/provider-suite.ts'
import { simulator } from './simulator.ts'

const folder = mkdtempSync(join(tmpdir(), 'instar-simulator-'))
after(() => rm(folder, { recursive: true }))

testProvider({
  provider: simulator,
  connection: { folder, machines: 5, disks_per_machine: 2, shared_disks: 1 },
  wrongConnection: { folder, password: 'wrong' },
  source: { environment: {}, machine: 'vm-00002' },
  destination: { environment: {}, networkMap: { 'net-3': 'net-1' } },
  pool: { environment: {} },
  listThings: () => filesBelow(folder),
  contentOf: thing => readFile(thing, 'utf8'),
})
