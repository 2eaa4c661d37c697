import { clean, type Output, type Tone } from './output.ts'

/** A cell: text, a number (set to the right), or text in a tone. */
export type Cell = string | number | null | { readonly text: string; readonly tone: Tone }

/** A column's heading; one that begins with `>` is set to the right. */
export type Heading = string

/**
 * A plain table for people: a heading, then a line for each row, columns two spaces apart. Cells are made harmless for
 * the terminal. `null` shows as a dash: not known is not the same as empty.
 */
export function table(output: Output, headings: readonly Heading[], rows: readonly (readonly Cell[])[]): string {
  const right = headings.map(heading => heading.startsWith('>'))
  const heads = headings.map(heading => heading.replace(/^>/, ''))
  const texts = rows.map(row => row.map(textOf))
  const widths = heads.map((head, column) => Math.max(width(head), ...texts.map(row => width(row[column] ?? ''))))
  const place = (text: string, column: number): string => {
    const gap = ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(text)))
    return right[column] ? gap + text : text + gap
  }
  const line = (cells: readonly string[]): string => cells.join('  ').trimEnd()
  const top = line(heads.map((head, column) => place(head, column)))
  const body = rows.map((row, index) =>
    line(
      row.map((cell, column) => {
        const placed = place(texts[index]?.[column] ?? '', column)
        return typeof cell === 'object' && cell !== null ? output.paint(cell.tone, placed) : placed
      }),
    ),
  )
  return [output.paint('strong', top), ...body].join('\n')
}

/** Names and values, one to a line, values aligned. */
export function listing(output: Output, pairs: readonly (readonly [name: string, value: Cell])[]): string {
  const longest = Math.max(0, ...pairs.map(([name]) => width(name)))
  return pairs
    .map(([name, value]) => {
      const text = textOf(value)
      const toned = typeof value === 'object' && value !== null ? output.paint(value.tone, text) : text
      return `${name.padEnd(longest)}  ${toned}`
    })
    .join('\n')
}

function textOf(cell: Cell): string {
  if (cell === null) return '–'
  if (typeof cell === 'number') return String(cell)
  return clean(typeof cell === 'string' ? cell : cell.text).replaceAll(/\s*\n\s*/g, ' ')
}

const width = (text: string): number => [...text].length

/** `1 failure`, `3 failures`, `0 failures`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
