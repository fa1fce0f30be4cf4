/** Plain data with the keys of its objects as all that leaves Instar has them: `osType` is `os_type`. Values stay. */
export function snakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCase)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`), snakeCase(inner)]),
  )
}
