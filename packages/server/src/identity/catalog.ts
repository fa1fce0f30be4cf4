import type { CatalogEntry } from '@instar/contract/api'

/** The services that a token of a project is told of. `baseUrl` is where the API stands for its clients: scheme, host, port. */
export function catalogOf(baseUrl: string, projectId: string): CatalogEntry[] {
  return [
    entry('instar', 'migration', `${baseUrl}/v1/${projectId}`),
    // A version in the URL saves the client a look-up before every command.
    entry('instar-logger', 'coriolis-logger', `${baseUrl}/logger/v1`),
    entry('instar-identity', 'identity', `${baseUrl}/identity/v3`),
  ]
}

function entry(name: string, type: string, url: string): CatalogEntry {
  const endpoints = ['public', 'internal', 'admin'].map(kind => ({
    id: `${name}-${kind}`,
    interface: kind,
    region: 'RegionOne',
    region_id: 'RegionOne',
    url,
  }))
  return { id: name, type, name, endpoints }
}
