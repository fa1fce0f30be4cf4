import { InstarError } from '@instar/contract/errors'
import { findColumn, type Column } from './column.ts'

export interface SortKey {
  readonly key: string
  readonly direction: 'asc' | 'desc'
}

/** `--sort name,created:desc`: keys in order of weight; a key without a direction rises, unless `otherwise` says so. */
export function parseSort(text: string, otherwise: 'asc' | 'desc' = 'asc'): SortKey[] {
  return text.split(',').map(part => {
    const [key = '', direction = otherwise, ...rest] = part.split(':')
    if (key === '' || rest.length > 0 || (direction !== 'asc' && direction !== 'desc')) {
      throw new InstarError('usage.bad-argument', `--sort "${part}" is not COLUMN[:asc|desc]`)
    }
    return { key, direction }
  })
}

/** Items by their columns: numbers by size, the rest as text; what has no value comes last. */
export function sortBy<T>(items: readonly T[], columns: readonly Column<T>[], keys: readonly SortKey[]): T[] {
  const rules = keys.map(({ key, direction }) => ({ of: findColumn(columns, key).of, sign: direction === 'asc' ? 1 : -1 }))
  return items.toSorted((a, b) => {
    for (const { of, sign } of rules) {
      const order = compare(of(a), of(b), sign)
      if (order !== 0) return order
    }
    return 0
  })
}

function compare(a: unknown, b: unknown, sign: number): number {
  const [noA, noB] = [a ?? null, b ?? null].map(value => value === null)
  if (noA || noB) return Number(noA) - Number(noB)
  if (typeof a === 'number' && typeof b === 'number') return sign * (a - b)
  const [textA, textB] = [a, b].map(value => (typeof value === 'string' ? value : JSON.stringify(value)))
  return textA === textB ? 0 : sign * (textA! < textB! ? -1 : 1)
}
