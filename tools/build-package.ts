// `npm run build:package`: the one npm package, as a folder below dist/ (`--out`: elsewhere); `npm pack` in it gives the file to publish.
import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { build, type Metafile, type Plugin } from 'esbuild'
import { buildHostPrograms, HOST_PROGRAMS } from './build.ts'

const root = join(import.meta.dirname, '..')
/** Started as a thread by its file's name, beside the place of its starter. */
const THREAD = 'packages/worker/src/replication/copy/copy-thread'

interface Manifest {
  readonly version: string
  readonly description: string
  readonly license: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** Builds the package into `out`: the CLI as a bundle, the files that it reads, a launcher, the programs for live hosts. */
export async function buildPackage(out: string): Promise<void> {
  rmSync(out, { recursive: true, force: true })
  const { metafile } = await build({
    entryPoints: { main: join(root, 'packages/cli/src/main.ts'), [`tree/${THREAD}`]: join(root, `${THREAD}.ts`) },
    outdir: join(out, 'lib'),
    bundle: true,
    // What a command does not need is a file of its own, loaded when it is.
    splitting: true,
    chunkNames: '[name]-[hash]',
    platform: 'node',
    target: 'node24',
    format: 'esm',
    supported: { using: true },
    plugins: [externalDependencies, filesBesideTheSource],
    minifySyntax: true,
    metafile: true,
    logLevel: 'warning',
  })
  for (const file of filesRead()) cpSync(join(root, file), join(out, 'lib/tree', file), { recursive: true })
  await buildHostPrograms(join(out, 'host'))
  mkdirSync(join(out, 'bin'))
  cpSync(join(root, 'tools/launcher.sh'), join(out, 'bin/instar'))
  chmodSync(join(out, 'bin/instar'), 0o755)
  for (const file of ['README.md', 'LICENSE', 'CHANGELOG.md']) cpSync(join(root, file), join(out, file))
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(manifestOf(metafile), null, 2)}\n`)
}

/** Ours is bundled; what comes from npm stays a dependency. */
const externalDependencies: Plugin = {
  name: 'external-dependencies',
  setup: builder => {
    builder.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('@instar/') ? undefined : { path, external: true },
    )
  },
}

/** Sources name files beside themselves by `import.meta`; in the package those lie in a tree of the same shape. */
const filesBesideTheSource: Plugin = {
  name: 'files-beside-the-source',
  setup: builder => {
    builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const at = `./tree/${relative(root, path)}`
      const contents = readFileSync(path, 'utf8')
        .replaceAll('import.meta.url', `new URL(${JSON.stringify(at)}, import.meta.url).href`)
        .replaceAll('import.meta.dirname', `decodeURIComponent(new URL(${JSON.stringify(dirname(at))}, import.meta.url).pathname)`)
      return { contents, loader: 'ts' }
    })
  },
}

/** Scripts, SQL, the recipe of the demo's guest and the sources that its cache is keyed by. */
function filesRead(): string[] {
  const sources = globSync('packages/*/src/**/*', { cwd: root, withFileTypes: true })
    .filter(entry => entry.isFile() && !entry.name.endsWith('.ts'))
    .map(entry => relative(root, join(entry.parentPath, entry.name)))
  return [...sources, 'fixtures/rootfs', 'fixtures/src/guests/rootfs.ts', 'examples']
}

function manifestOf(metafile: Metafile): object {
  const own = readManifest('package.json')
  const workspaces = ['package.json', ...globSync('packages/*/package.json', { cwd: root }), 'fixtures/package.json'].map(readManifest)
  const versions = Object.assign({}, ...workspaces.map(({ dependencies }) => dependencies)) as Record<string, string>
  const dependencies = [...externalsOf(metafile)]
    .filter(name => !(name in optionalOf(workspaces)))
    .map(name => {
      const version = versions[name]
      if (version === undefined) throw new Error(`${name} is imported, but no workspace lists it`)
      return [name, version] as const
    })
  return {
    name: 'instar',
    version: own.version,
    description: own.description,
    license: own.license,
    type: 'module',
    bin: { instar: 'bin/instar', ...Object.fromEntries(HOST_PROGRAMS.map(({ name }) => [name, `host/${name}`])) },
    engines: { node: '>=20' },
    os: ['linux'],
    dependencies: Object.fromEntries(dependencies.sort(([a], [b]) => (a < b ? -1 : 1))),
    optionalDependencies: optionalOf(workspaces),
  }
}

function optionalOf(workspaces: readonly Manifest[]): Readonly<Record<string, string>> {
  return Object.assign({}, ...workspaces.map(({ optionalDependencies }) => optionalDependencies)) as Record<string, string>
}

/** The packages that the bundle imports: `@scope/name` or `name`, without the path in it. */
function externalsOf(metafile: Metafile): Set<string> {
  const paths = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(({ external }) => external).map(({ path }) => path))
  return new Set(
    paths
      .filter(path => !path.startsWith('node:'))
      .map(path =>
        path
          .split('/')
          .slice(0, path.startsWith('@') ? 2 : 1)
          .join('/'),
      ),
  )
}

function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(join(root, file), 'utf8')) as Manifest
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist/package') } } })
  await buildPackage(values.out)
  console.log(`${relative(process.cwd(), values.out)}: built`)
}
