import { Fonts, type Style } from './fonts.ts'
import type { Pdf } from './pdfkit.ts'

/** Pages that fill from top to bottom. All lengths are in points. */

export const MARGIN = 48
const FOOT = 40
const LEADING = 1.38
/** Noto Sans: how far above its baseline letters reach, of their size. */
const ASCENT = 1.069

export type Ink = { readonly size: number; readonly style: Style; readonly colour: string }

export class Pages {
  readonly #pdf: Pdf
  readonly #fonts: Fonts
  y = MARGIN

  constructor(pdf: Pdf) {
    this.#pdf = pdf
    this.#fonts = new Fonts(pdf)
  }

  get width(): number {
    return this.#pdf.page.width - 2 * MARGIN
  }

  get bottom(): number {
    return this.#pdf.page.height - MARGIN - FOOT / 2
  }

  /** A new page, when the rest of this one is lower than `height`. Says whether there was one. */
  need(height: number): boolean {
    if (this.y + height <= this.bottom) return false
    this.#pdf.addPage()
    this.y = MARGIN
    return true
  }

  lineHeight = ({ size }: Ink): number => size * LEADING

  /** The lines of a text in a width; a word that is wider than a line is broken where it must be. */
  wrap(text: string, ink: Ink, width: number): string[] {
    const lines: string[] = []
    let line = ''
    for (const word of text.split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`
      if (this.#fonts.width(ink.style, ink.size, longer) <= width) {
        line = longer
        continue
      }
      if (line !== '') lines.push(line)
      line = word
      while (this.#fonts.width(ink.style, ink.size, line) > width && line.length > 1) {
        const fits = this.#fitting(line, ink, width)
        lines.push(line.slice(0, fits))
        line = line.slice(fits)
      }
    }
    lines.push(line)
    return lines
  }

  /** How many letters of a word fit; broken behind a mark that joins parts, if there is one. */
  #fitting(word: string, ink: Ink, width: number): number {
    let fits = 1
    while (fits < word.length && this.#fonts.width(ink.style, ink.size, word.slice(0, fits + 1)) <= width) fits += 1
    const joint = Math.max(...['-', '/', '.', '_', ':'].map(mark => word.slice(0, fits).lastIndexOf(mark))) + 1
    return joint > fits / 2 ? joint : fits
  }

  /** One line at a place, its top at `y`. */
  put(text: string, x: number, y: number, ink: Ink): void {
    let at = x
    for (const run of this.#fonts.runs(ink.style, text)) {
      this.#pdf.font(run.font).fontSize(ink.size).fillColor(ink.colour)
      this.#pdf.text(run.text, at, y + (this.lineHeight(ink) - ink.size * ASCENT) / 2 - ink.size * 0.12, {
        lineBreak: false,
      })
      at += this.#pdf.widthOfString(run.text)
    }
  }

  /** A paragraph at the left edge, over as many lines as it needs. */
  paragraph(text: string, ink: Ink, width = this.width): void {
    for (const line of this.wrap(text, ink, width)) {
      this.need(this.lineHeight(ink))
      this.put(line, MARGIN, this.y, ink)
      this.y += this.lineHeight(ink)
    }
  }

  box(x: number, y: number, width: number, height: number, colour: string): void {
    this.#pdf.rect(x, y, width, height).fill(colour)
  }

  rule(y: number, colour: string, thickness = 0.5): void {
    this.#pdf.lineWidth(thickness).strokeColor(colour)
    this.#pdf
      .moveTo(MARGIN, y)
      .lineTo(MARGIN + this.width, y)
      .stroke()
  }

  /** A line at the foot of every page: `left`, and which page of how many. */
  feet(left: string, ink: Ink): void {
    const { start, count } = this.#pdf.bufferedPageRange()
    for (let page = 0; page < count; page += 1) {
      this.#pdf.switchToPage(start + page)
      const y = this.#pdf.page.height - FOOT
      const number = `${page + 1} / ${count}`
      this.put(left, MARGIN, y, ink)
      this.put(number, MARGIN + this.width - this.#fonts.width(ink.style, ink.size, number), y, ink)
    }
  }
}
