import type { KeptLayer } from '@instar/machine'

/** The layers that one failed run kept of exactly these images (real paths, in the order of the disks); of several runs the latest. */
export function chooseKept(kept: readonly KeptLayer[], paths: readonly string[]): KeptLayer[] | undefined {
  return [...Map.groupBy(kept, ({ record }) => record.run_id).values()]
    .map(layers => layers.toSorted((a, b) => a.record.order - b.record.order))
    .filter(layers => layers.length === paths.length && layers.every(({ record }, at) => record.image.path === paths[at]))
    .toSorted((a, b) => (a[0]!.record.kept_at < b[0]!.record.kept_at ? -1 : 1))
    .at(-1)
}
