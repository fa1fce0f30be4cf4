import type { OutsideFacts } from '../detect/detect.ts'
import type { Storage } from '../storage/storage.ts'

/** The partitions of the attached disks as detection wants them. */
export function partitionFacts(storage: Storage): OutsideFacts['partitions'] {
  return storage.devices.flatMap(({ partition }) => {
    if (partition === undefined) return []
    return [{ table: partition.table === 'gpt' ? ('gpt' as const) : ('dos' as const), type: partition.type }]
  })
}
