import { SETTINGS, type AnySetting } from '../packages/cli/src/config/settings.ts'
import * as z from 'zod/mini'

/** The page of all settings, from the table that checks them. */
export function renderConfiguration(): string {
  const rows = Object.entries<AnySetting>(SETTINGS).map(([name, setting]) => {
    const flag = setting.flag === undefined ? '' : `, \`${setting.flag}\``
    const value = setting.default === undefined ? (setting.defaultAbout ?? '') : `\`${String(setting.default)}\``
    return `| \`${name}\` | ${setting.about}${valuesOf(setting)}${setting.secret === true ? ' Never shown.' : ''} | \`${setting.env}\`${flag} | ${value} |`
  })
  return `# Configuration

Made by \`npm run generate\` from the table in \`packages/cli/src/config/settings.ts\`.

The service (\`instar serve\`) is configured by one YAML file, the environment and flags, in rising order. The file is \`--config FILE\`, else
\`INSTAR_CONFIG\`, else \`/etc/instar/config.yaml\` (root) or \`~/.config/instar/config.yaml\`; a dot in a name is a level of the file. An unknown
name is refused. \`instar config check\` tells all that is wrong, \`instar config show\` every value and where it comes from.

\`\`\`yaml
listen: 0.0.0.0:7667
public_url: https://instar.example:7667
database:
  connections: 32
log:
  level: warn
\`\`\`

| setting | meaning | environment, flag | default |
| --- | --- | --- | --- |
${rows.join('\n')}
`
}

function valuesOf(setting: AnySetting): string {
  const schema = z.toJSONSchema(setting.schema as z.ZodMiniType)
  if (schema.enum !== undefined) return ` One of ${schema.enum.map(String).join(', ')}.`
  return setting.kind === 'number' ? ` From ${schema.minimum} to ${schema.maximum}.` : ''
}
