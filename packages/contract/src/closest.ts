/** The name nearest to what was typed, when it is near enough to be a slip of the fingers; else undefined. */
export function closest(typed: string, names: readonly string[]): string | undefined {
  const ranked = names.map(name => ({ name, steps: editSteps(typed.toLowerCase(), name.toLowerCase()) })).sort((a, b) => a.steps - b.steps)
  const best = ranked[0]
  return best !== undefined && best.steps <= Math.max(1, Math.floor(typed.length / 3)) ? best.name : undefined
}

/** How many letters are to be added, left out, changed or swapped to make one text of the other. */
function editSteps(from: string, to: string): number {
  const [rows, columns] = [Array.from(from), Array.from(to)]
  let [before, row] = [[] as number[], Array.from({ length: columns.length + 1 }, (_, index) => index)]
  for (const [line, letter] of rows.entries()) {
    const next = [line + 1]
    for (const [column, other] of columns.entries()) {
      const isSwapped = line > 0 && column > 0 && letter === columns[column - 1] && rows[line - 1] === other
      const swapped = isSwapped ? before[column - 1]! + 1 : Infinity
      next.push(Math.min(row[column + 1]! + 1, next[column]! + 1, row[column]! + (letter === other ? 0 : 1), swapped))
    }
    ;[before, row] = [row, next]
  }
  return row.at(-1)!
}
