import { arch, hostname, networkInterfaces, release, type } from 'node:os'

/** What the list of services tells of a worker's machine. */
export function describeHost(host: string): Readonly<Record<string, unknown>> {
  return {
    application: 'instar-worker',
    packages: [],
    os_info: [type(), hostname(), release(), arch()],
    hostname: host,
    ip_addresses: Object.values(networkInterfaces())
      .flatMap(addresses => addresses ?? [])
      .filter(({ internal }) => !internal)
      .map(({ address }) => address),
    release_tag: 'latest',
  }
}
