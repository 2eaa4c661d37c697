import type { Instant } from '../../core/encoding/units.ts'
import type { Block, Cell, Tone } from '../../core/ledger/pack/report.ts'
import { type Ink, MARGIN, Pages } from './pages.ts'
import { newPdf } from './pdfkit.ts'

/** Draws reports as PDF (ISO 32000-1, PDF/A-2b: fonts and colours lie inside, so that it can be kept for decades). */

const INK = '#1b2126'
const QUIET = '#4d5860'
const LINE = '#c3cad0'
const BLUE = '#0b5cad'
const BAND = '#f1f4f6'
const COLOURS: Readonly<Record<Tone, string>> = {
  plain: INK,
  strong: INK,
  faint: QUIET,
  good: '#1f6f43',
  warn: '#8a5200',
  bad: '#b3221b',
}

const BODY: Ink = { size: 9.5, style: 'plain', colour: INK }
const SMALL: Ink = { size: 7.5, style: 'plain', colour: INK }
const HEAD: Ink = { size: 7, style: 'strong', colour: QUIET }

export type ReportFacts = {
  readonly title: string
  readonly foot: string
  readonly made: Instant
  readonly maker: string
}

/** The report as the bytes of a PDF. The same blocks give the same bytes. */
export function renderReport(blocks: readonly Block[], { title, foot, made, maker }: ReportFacts): Promise<Uint8Array> {
  const date = new Date(made)
  const pdf = newPdf({
    size: 'A4',
    margin: 0,
    bufferPages: true,
    autoFirstPage: true,
    pdfVersion: '1.7',
    subset: 'PDF/A-2b',
    lang: 'en',
    displayTitle: true,
    font: null,
    info: { Title: title, Creator: maker, Producer: maker, CreationDate: date, ModDate: date },
  })
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = []
    pdf.on('data', piece => pieces.push(piece))
    pdf.on('end', () => resolve(new Uint8Array(Buffer.concat(pieces))))
    pdf.on('error', reject)
    const pages = new Pages(pdf)
    for (const [at, block] of blocks.entries()) draw(pages, block, blocks[at + 1])
    pages.feet(foot, { size: 7.5, style: 'plain', colour: QUIET })
    pdf.end()
  })
}

function draw(pages: Pages, block: Block, next: Block | undefined): void {
  if (block.at === 'title') drawTitle(pages, block.text, block.under)
  else if (block.at === 'heading') drawHeading(pages, block.text, next)
  else if (block.at === 'subheading') drawSubheading(pages, block.text)
  else if (block.at === 'figures') drawFigures(pages, block.figures)
  else if (block.at === 'fields') drawFields(pages, block.fields)
  else if (block.at === 'table') drawTable(pages, block.columns, block.rows)
  else {
    pages.paragraph(block.text, { ...BODY, colour: QUIET })
    pages.y += 6
  }
}

function drawTitle(pages: Pages, text: string, under: string): void {
  pages.box(MARGIN, pages.y, 28, 3, BLUE)
  pages.y += 12
  pages.paragraph(text, { size: 24, style: 'strong', colour: INK })
  pages.paragraph(under, { size: 9.5, style: 'plain', colour: QUIET })
  pages.y += 14
}

function drawHeading(pages: Pages, text: string, next: Block | undefined): void {
  pages.y += 14
  // A heading stands on the page of what it heads.
  pages.need(next?.at === 'table' || next?.at === 'text' ? 110 : 70)
  pages.paragraph(text, { size: 14, style: 'strong', colour: INK })
  pages.y += 2
  pages.rule(pages.y, LINE, 0.75)
  pages.y += 7
}

function drawSubheading(pages: Pages, text: string): void {
  pages.y += 8
  pages.need(90)
  pages.paragraph(text, { size: 10.5, style: 'strong', colour: INK })
  pages.y += 2
}

function drawFigures(pages: Pages, figures: readonly (readonly [string, string])[]): void {
  const gap = 10
  const width = (pages.width - gap * (figures.length - 1)) / figures.length
  const height = 58
  pages.need(height)
  for (const [at, [figure, what]] of figures.entries()) {
    const x = MARGIN + at * (width + gap)
    pages.box(x, pages.y, width, height, BAND)
    pages.put(figure, x + 10, pages.y + 7, { size: 17, style: 'strong', colour: INK })
    for (const [line, text] of pages.wrap(what, { ...SMALL, colour: QUIET }, width - 16).entries()) {
      pages.put(text, x + 10, pages.y + 32 + line * 10, { ...SMALL, colour: QUIET })
    }
  }
  pages.y += height + 6
}

const NAMES = 92

function drawFields(pages: Pages, fields: readonly (readonly [string, Cell])[]): void {
  for (const [name, cell] of fields) {
    const ink = inkOf(cell, cell.mono === true ? 8.5 : BODY.size)
    const lines = pages.wrap(cell.text, ink, pages.width - NAMES)
    for (const [at, line] of lines.entries()) {
      pages.need(BODY.size * 1.5)
      if (at === 0) pages.put(name, MARGIN, pages.y, { ...BODY, colour: QUIET })
      pages.put(line, MARGIN + NAMES, pages.y, ink)
      pages.y += BODY.size * 1.5
    }
  }
  pages.y += 6
}

function inkOf({ tone = 'plain', mono }: Cell, size: number): Ink {
  const strong = tone === 'strong' || tone === 'good' || tone === 'bad' || tone === 'warn'
  return { size, style: mono === true ? 'mono' : strong ? 'strong' : 'plain', colour: COLOURS[tone] }
}

const PAD = 3

function drawTable(
  pages: Pages,
  columns: readonly (readonly [name: string, share: number])[],
  rows: readonly (readonly Cell[])[],
): void {
  const all = columns.reduce((sum, [, share]) => sum + share, 0)
  const widths = columns.map(([, share]) => (share / all) * pages.width)
  const lefts = widths.map((_, at) => MARGIN + widths.slice(0, at).reduce((sum, width) => sum + width, 0))
  const head = (): void => {
    for (const [at, [name]] of columns.entries()) pages.put(name, (lefts[at] as number) + PAD, pages.y + PAD, HEAD)
    pages.y += pages.lineHeight(HEAD) + 2 * PAD
    pages.rule(pages.y, QUIET, 0.75)
  }
  pages.need(60)
  head()
  for (const row of rows) {
    const cells = row.map((cell, at) => {
      const ink = inkOf(cell, cell.mono === true ? SMALL.size - 0.5 : SMALL.size)
      return { ink, lines: pages.wrap(cell.text, ink, (widths[at] as number) - 2 * PAD) }
    })
    const lines = Math.max(1, ...cells.map(cell => cell.lines.length))
    const height = lines * pages.lineHeight(SMALL) + 2 * PAD
    if (pages.need(height)) head()
    for (const [at, { ink, lines: texts }] of cells.entries()) {
      for (const [line, text] of texts.entries()) {
        pages.put(text, (lefts[at] as number) + PAD, pages.y + PAD + line * pages.lineHeight(SMALL), ink)
      }
    }
    pages.y += height
    pages.rule(pages.y, LINE)
  }
  pages.y += 8
}
