import { arch, hostname, networkInterfaces, release, type } from 'node:os'

/** What the list of services tells of a worker's machine. */
export function describeHost(host: string): Readonly<Record<string, unknown>> {
  return {
    application: 'instar-worker',
    packages: [],
    os_info: [type(), hostname(), release(), arch()],
    hostname: host,
    ip_addresses: addressesByCard(),
    release_tag: 'latest',
  }
}

/** `[{"<card>": {"ipv4": [...] or null, "ipv6": [...] or null}}]`, as the v1 API has it; without the loopback. */
function addressesByCard(): object[] {
  return Object.entries(networkInterfaces()).flatMap(([card, addresses = []]) => {
    const outward = addresses.filter(({ internal }) => !internal)
    const of = (family: string) => outward.filter(address => address.family === family).map(({ address }) => address)
    const [ipv4, ipv6] = [of('IPv4'), of('IPv6')]
    return outward.length === 0 ? [] : [{ [card]: { ipv4: ipv4.length === 0 ? null : ipv4, ipv6: ipv6.length === 0 ? null : ipv6 } }]
  })
}
