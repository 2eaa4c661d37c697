/** A table: its header, and its rows of as many cells. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  for (const row of rows) if (row.length !== header.length) throw new Error(`a row of ${row.length}: ${row.join(', ')}`)
  return `${line(header)}|${header.map(() => '---').join('|')}|\n${rows.map(line).join('')}`
}

export const code = (text: string): string => `\`${text}\``

export type Edge = { readonly from: string; readonly to: string; readonly label: string }

/** A state diagram: one arrow for each pair of states, with everything that leads from the one to the other. */
export function stateDiagram(edges: readonly Edge[]): string {
  const arrows = new Map<string, Set<string>>()
  for (const { from, to, label } of edges) {
    const arrow = `${from} --> ${to}`
    arrows.set(arrow, (arrows.get(arrow) ?? new Set()).add(label))
  }
  const lines = [...arrows].map(([arrow, labels]) => `  ${arrow}: ${[...labels].join(', ')}\n`)
  return `\`\`\`mermaid\nstateDiagram-v2\n${lines.join('')}\`\`\`\n`
}
