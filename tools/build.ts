// `npm run build`: the programs for live hosts, each one executable file without dependencies, in dist/ at the repository's root (`--out`: elsewhere).
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')

/** Greatest sizes in kB: what must be read and compiled before the first script can start. */
export const HOST_PROGRAMS = [
  { name: 'os-refresh-config', source: 'packages/phases/src/refresh/drop-in/os-refresh-config.ts', maxKb: 60 },
  { name: 'dib-run-parts', source: 'packages/phases/src/run-parts/dib-run-parts.ts', maxKb: 60 },
  { name: 'instar-refresh', source: 'packages/phases/src/refresh/main.ts', maxKb: 150 },
] as const

/** Builds the programs into the folder `dist`. */
export async function buildHostPrograms(dist: string): Promise<void> {
  mkdirSync(dist, { recursive: true })
  // The repository is of type module; the programs are CommonJS, which Node 20 takes without an extension and starts faster.
  writeFileSync(join(dist, 'package.json'), '{"type":"commonjs"}\n')
  for (const { name, source, maxKb } of HOST_PROGRAMS) {
    const file = join(dist, name)
    await build({
      entryPoints: [join(root, source)],
      outfile: file,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      minify: true,
      legalComments: 'none',
      banner: { js: `#!/usr/bin/env node\n// instar ${name}` },
      logLevel: 'warning',
    })
    chmodSync(file, 0o755)
    const { size } = statSync(file)
    if (size >= maxKb * 1000) throw new Error(`${name} has ${size} bytes, not less than ${maxKb} kB`)
    console.log(`${file}: ${(size / 1000).toFixed(1)} kB`)
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist') } } })
  await buildHostPrograms(values.out)
}
