import { fullPath, ROUTES, type Route } from '@instar/contract/api'

const CHAPTERS: Readonly<Record<Route['surface'], string>> = {
  v1: 'Coriolis API v1',
  instar: 'Beside it: scripts, plans, events',
  identity: 'Identity',
  logger: 'Logs',
  root: 'For operators',
}

/** The page of all operations, from the route table; `/openapi.json` of a running service has their schemas. */
export function renderApi(): string {
  const chapters = Object.entries(CHAPTERS).map(([surface, title]) => {
    const rows = Object.values<Route>(ROUTES)
      .filter(route => route.surface === surface)
      .map(route => `| \`${route.method} ${fullPath(route)}\` | ${route.role} | ${route.summary}${actionsOf(route)} | ${route.status} |`)
    return `## ${title}\n\n| request | role | what | success |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
  })
  return `# The API

Made by \`npm run generate\` from \`packages/contract/src/api/route-table.ts\`. A running service answers the same with all schemas, as OpenAPI 3.1, at
\`/openapi.json\`. The token of \`POST /identity/v3/auth/tokens\` goes into the header \`X-Auth-Token\`. Where a path has \`{project_id}\` behind \`/v1\`, it may
be left out: then the token's project counts. A role may do what the ones before it may: reader, member, admin; \`user\` is anybody with a token,
\`anyone\` needs none. Errors are \`{"error": {"fault", "code", "message", "instar": {"code", "because", "hint"}}}\`; [errors.md](errors.md) lists the codes.

${chapters.join('\n')}`
}

function actionsOf({ actions }: Route): string {
  return actions === undefined ? '' : ` (${actions.map(action => `\`${action}\``).join(', ')})`
}
