import type { Provider } from '../provider.ts'

/** A provider with a platform to try it on. The suite leaves the platform as it found it. */
export interface ProviderFixture {
  readonly provider: Provider
  readonly connection: unknown
  /** A connection that the platform refuses. */
  readonly wrongConnection: unknown
  readonly source?: {
    readonly environment: unknown
    /** The name of a machine that may be transferred. */
    readonly machine: string
    /** Changes a little of the machine's disks, where the fixture can. */
    change?(): Promise<void>
  }
  readonly destination?: {
    readonly environment: unknown
    readonly networkMap: Readonly<Record<string, unknown>>
  }
  readonly pool?: { readonly environment: unknown }
  /** Everything that is on the platform and may be left over: names of files, machines, volumes. Sorted. */
  listThings(): Promise<readonly string[]>
  /** What a machine or volume holds, to compare: a hash, a record. */
  contentOf?(thing: string): Promise<string>
}
