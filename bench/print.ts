import { type Figure, isMet, type Line, type Result, type Scale, type Table } from './figure.ts'

/** A figure with what it came to. */
export type Measured = { readonly figure: Figure; readonly result: Result }

const HEAD = ['', 'measured', 'yardstick', 'ratio', 'promised', ''] as const

/** The table for people: a block for each figure, what it is measured against, its lines, what bounds it. */
export function table(all: readonly Measured[], scale: Scale): string {
  const rows = all.flatMap(({ result }) => result.lines.map(row))
  const widths = HEAD.map((name, at) => Math.max(name.length, ...rows.map(cells => cells[at]!.length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join('  ')
      .trimEnd()
  const blocks = all.map(({ figure, result }) =>
    [
      `${figure.title} (${figure.name})`,
      `  against ${figure.against}`,
      `  ${line(HEAD)}`,
      ...result.lines.map(one => `  ${line(row(one))}`),
      ...(result.tables ?? []).flatMap(sideBySide),
      ...result.bounds.flatMap(wrapped),
    ].join('\n'),
  )
  const heading =
    scale === 'tiny' ? 'TINY: this only shows that the bench runs. No number below means anything.\n\n' : ''
  return `${heading}${blocks.join('\n\n')}\n`
}

function sideBySide({ title, columns, rows }: Table): string[] {
  const cells = [
    [title, ...columns],
    ...rows.map(({ name, cells }) => [`  ${name}`, ...cells.map(cell => (cell === null ? '–' : number(cell)))]),
  ]
  const widths = cells[0]!.map((_, at) => Math.max(...cells.map(one => one[at]!.length)))
  const padded = (text: string, at: number) => (at === 0 ? text.padEnd(widths[at]!) : text.padStart(widths[at]!))
  return ['', ...cells.map(one => `  ${one.map(padded).join('  ')}`), '']
}

function row(line: Line): readonly string[] {
  const { what, unit, measured, yardstick, ratio, target } = line
  const met = isMet(line)
  return [
    what,
    `${number(measured)} ${unit}`,
    yardstick === null ? '' : `${number(yardstick)} ${unit}`,
    ratio === null ? '' : `${ratio.toFixed(3)}×`,
    target === null ? '' : `${target.bound} ${target.ratio}×`,
    met === null ? '' : met ? 'kept' : 'MISSED',
  ]
}

/** Three digits that count. */
function number(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

const WIDTH = 116

function wrapped(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length >= WIDTH) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.map(line => `  ${line}`)
}

/** The same for programs. */
export function json(all: readonly Measured[], scale: Scale): string {
  const figures = all.map(({ figure: { name, title, against }, result: { lines, bounds, tables = [] } }) => {
    return { name, title, against, lines: lines.map(one => ({ ...one, met: isMet(one) })), tables, bounds }
  })
  return `${JSON.stringify({ node: process.version, scale, figures }, null, 2)}\n`
}
