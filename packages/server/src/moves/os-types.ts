import type { Info } from '@instar/engine'

/** instance -> OS type, as far as an execution has told it. */
export function osTypesIn(known: ReadonlyMap<string, Info>): ReadonlyMap<string, string> {
  return new Map(
    [...known].flatMap(([instance, info]) => {
      const exported = info['export_info'] as { os_type?: unknown } | null | undefined
      return typeof exported?.os_type === 'string' ? [[instance, exported.os_type] as const] : []
    }),
  )
}
