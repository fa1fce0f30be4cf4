import { dirname } from 'node:path'
import type { Run } from '@instar/contract'
import { listKeptLayers, whyStale, type KeptLayer } from '@instar/machine'

/** What one failed run kept of a machine's disks. */
export interface KeptWork {
  readonly runId: string
  /** In the order of the disks. */
  readonly layers: readonly KeptLayer[]
  /** Why nothing can go on with it any more. */
  readonly stale?: string
}

/** The work in these folders that is of any of these images (real paths), the latest first. */
export async function findKeptWork(folders: readonly string[], paths: readonly string[]): Promise<KeptWork[]> {
  const works: KeptWork[] = []
  for (const [runId, layers] of Map.groupBy(await listKeptLayers(folders), ({ record }) => record.run_id)) {
    if (!layers.some(({ record }) => paths.includes(record.image.path))) continue
    const [stale] = (await Promise.all(layers.map(whyStale))).filter(why => why !== undefined)
    works.push({ runId, layers, ...(stale === undefined ? {} : { stale }) })
  }
  return works.toSorted((a, b) => (keptAt(a) > keptAt(b) ? -1 : 1))
}

function keptAt({ layers }: KeptWork): string {
  return layers[0]?.record.kept_at ?? ''
}

/** The latest work that fits and is of exactly these images, in their order. */
export function chooseWork(works: readonly KeptWork[], paths: readonly string[]): KeptWork | undefined {
  return works.find(
    ({ layers, stale }) =>
      stale === undefined && layers.length === paths.length && layers.every(({ record }, at) => record.image.path === paths[at]),
  )
}

/** The folders that hold what a run kept, each in a folder of its own that a shell on it has renamed since. */
export function keptFolders({ kept_layers = [] }: Run): string[] {
  return kept_layers.map(file => dirname(dirname(file)))
}

/** What was kept is removed by its user alone; so each command that leaves it aside tells of it, and how to go on with it or to remove it. */
export function describeLeftWork({ runId, layers, stale }: KeptWork): string {
  const discard = `instar run discard ${runId}`
  if (stale === undefined) return `run ${runId} kept work too. To go on with it: instar morph --resume ${runId}; to remove it: ${discard}`
  const folders = layers.map(({ directory }) => directory).join(', ')
  return `the work that run ${runId} kept in ${folders} no longer fits: ${stale}. To remove it: ${discard}`
}
