import { Lab } from './replication.fixture.ts'

/**
 * For tests, run as a process of its own so that it can be killed: executes the copy of a lab in a folder that is there already, and prints
 * the generation. Argument: JSON of `ChildRequest`.
 */
export interface ChildRequest {
  readonly folder: string
  readonly replica: string
  readonly format: 'raw' | 'qcow2'
  readonly bitmaps: boolean
  readonly executionId: string
}

const { bitmaps, executionId, ...place } = JSON.parse(process.argv[2] ?? '{}') as ChildRequest
const lab = Lab.at(place)
try {
  process.stdout.write(JSON.stringify(await lab.run({ bitmaps, executionId })))
} catch (error) {
  process.stdout.write(JSON.stringify({ code: (error as { code?: string }).code, message: (error as Error).message }))
}
