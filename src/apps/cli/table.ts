import { clean, type Output, type Tone } from './output.ts'

/** A cell: text, a number (set to the right), or text in a tone. */
export type Cell = string | number | null | { readonly text: string; readonly tone: Tone }

/** A column's heading; one that begins with `>` is set to the right. */
export type Heading = string

/**
 * A plain table for people: a heading, then a line for each row, columns two spaces apart. Cells are made harmless for
 * the terminal. `null` shows as a dash: not known is not the same as empty. On a terminal the last column is folded at its
 * width, where words are wider; elsewhere a row stays a line.
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
  const last = heads.length - 1
  const indent = widths.slice(0, last).reduce((sum, one) => sum + one + 2, 0)
  const room = output.width === null || right[last] ? Infinity : Math.max(NARROWEST, output.width - indent)
  const body = rows.flatMap((row, index) => {
    const [first = '', ...more] = folded(texts[index]?.[last] ?? '', room)
    const painted = (cell: Cell | undefined, text: string): string =>
      typeof cell === 'object' && cell !== null ? output.paint(cell.tone, text) : text
    const cells = row.map((cell, column) =>
      painted(cell, column === last ? place(first, column) : place(texts[index]?.[column] ?? '', column)),
    )
    return [line(cells), ...more.map(text => ' '.repeat(indent) + painted(row[last], text))]
  })
  return [output.paint('strong', top), ...body].join('\n')
}

/** The least that a folded column is given, however narrow the terminal is. */
const NARROWEST = 24

/** A text as lines of at most so many characters, broken between words; a word that is longer stays whole. */
function folded(text: string, room: number): string[] {
  if (width(text) <= room) return [text]
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const before = lines.at(-1)
    if (before !== undefined && width(before) + 1 + width(word) <= room) lines[lines.length - 1] = `${before} ${word}`
    else lines.push(word)
  }
  return lines
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
