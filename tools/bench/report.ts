/** One figure: ours, the peer's in the same run, ours divided by the peer's. */
export interface Row {
  readonly name: string
  readonly value: string
  readonly peer?: string
  readonly ratio?: string
  readonly target?: string
}

export function renderRows(rows: readonly Row[]): string {
  const lines = rows.map(({ name, value, peer = '', ratio = '', target = '' }) => `| ${name} | ${value} | ${peer} | ${ratio} | ${target} |`)
  return `| what (median) | Instar | peer, same run | ratio | target |\n| --- | --- | --- | --- | --- |\n${lines.join('\n')}\n`
}
