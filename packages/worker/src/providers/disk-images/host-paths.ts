/** Where this worker keeps what it needs beside the endpoints' own folders (design.md, section 13). */
export interface HostPaths {
  /** The appliance, which can be made again. */
  readonly cacheDir: string
  /** What lives as long as a running appliance. */
  readonly runtimeDir: string
}
