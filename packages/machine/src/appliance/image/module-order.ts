import { InstarError } from '@instar/contract'

/**
 * The files to load for these modules, each after what it needs. `dependencies` is modules.dep, whose lines are `FILE: FILE...`, the needed
 * ones in the reverse of the order to load them in. A module that is not there throws `machine.build-failed`.
 */
export function modulePaths(dependencies: string, modules: readonly string[]): string[] {
  const needs = new Map(
    dependencies.split('\n').map(line => {
      const [file = '', rest = ''] = line.split(':')
      return [file, rest.split(' ').filter(word => word !== '')] as const
    }),
  )
  const order = new Set<string>()
  for (const module of modules) {
    const file = [...needs.keys()].find(path => path.endsWith(`/${module}.ko`))
    if (file === undefined) throw new InstarError('machine.build-failed', `the kernel package has no module ${module}`)
    for (const needed of needs.get(file)!.toReversed()) order.add(needed)
    order.add(file)
  }
  return [...order]
}
