import { writeSync } from 'node:fs'
import { nodeName } from './block-node.ts'
import type { CommitStep } from './commit.ts'
import { commitLayers } from './commit.ts'
import { lockImages } from './finish-commit.ts'
import { writeThrough } from './images.fixture.ts'
import { createLayer, folderBeside } from './layer.ts'
import { probeImage } from './probe.ts'

/**
 * For tests, run as a process of its own: makes a layer on each image, writes to it, commits all, prints each step, and kills itself at the
 * step and image named. Argument: JSON of `ChildRequest`.
 */
export interface ChildRequest {
  readonly killAt: CommitStep | 'never'
  readonly killImage?: string
  readonly images: readonly string[]
  readonly virtualBytes: number
  /** Commands of qemu-io. */
  readonly writes: readonly string[]
}

const request = JSON.parse(process.argv[2] ?? '{}') as ChildRequest
const { signal } = new AbortController()
await using locks = await lockImages(request.images, { mode: 'exclusive', signal, say: message => writeSync(1, `${message}\n`) })
await using layers = new AsyncDisposableStack()
const made = []
for (const file of request.images) {
  const image = await probeImage(file, { allowBacking: [], signal })
  const layer = layers.use(await createLayer({ image, dir: folderBeside(image), virtualBytes: request.virtualBytes, signal }))
  writeThrough(nodeName(layer.node), ...request.writes)
  made.push(layer)
}
const onStep = (step: CommitStep, image?: string) => {
  writeSync(1, `${step}\n`)
  if (step === request.killAt && (request.killImage ?? image) === image) process.kill(process.pid, 'SIGKILL')
}
await commitLayers(made, { runId: 'run-1', locks, signal, onStep })
