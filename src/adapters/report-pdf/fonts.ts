import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Pdf } from './pdfkit.ts'

/** The letters of a report: Noto Sans, embedded, so that the report looks the same everywhere and for ever. */

export type Style = 'plain' | 'strong' | 'mono'

const FAMILIES = {
  plain: ['noto-sans', 400],
  strong: ['noto-sans', 700],
  mono: ['noto-sans-mono', 400],
} as const satisfies Record<Style, readonly [string, number]>

/** The package cuts each family by script: a text goes through them in this order, letter by letter. */
const SCRIPTS = ['latin', 'latin-ext', 'greek', 'cyrillic', 'cyrillic-ext', 'greek-ext', 'vietnamese'] as const
type Script = (typeof SCRIPTS)[number]

/** What stands for a letter of no such script. */
const UNKNOWN = '\ufffd'

const find = createRequire(import.meta.url).resolve
const folderOf = (family: string): string => dirname(find(`@fontsource/${family}/package.json`))

/** A stretch of text in one font. */
export type Run = { readonly font: string; readonly text: string }

type Range = readonly [from: number, to: number]

export class Fonts {
  readonly #pdf: Pdf
  readonly #ranges: readonly (readonly [Script, readonly Range[]])[]
  readonly #registered = new Set<string>()
  readonly #widths = new Map<string, number>()

  constructor(pdf: Pdf) {
    this.#pdf = pdf
    const told = JSON.parse(readFileSync(join(folderOf('noto-sans'), 'unicode.json'), 'utf8')) as Record<Script, string>
    this.#ranges = SCRIPTS.map(script => [script, told[script].split(',').map(rangeOf)] as const)
  }

  /** A text as runs, each in the font of its letters. */
  runs(style: Style, text: string): Run[] {
    const runs: { font: string; text: string }[] = []
    for (const letter of text) {
      const script = this.#scriptOf(letter.codePointAt(0) as number)
      const font = this.#font(style, script ?? 'latin')
      const last = runs.at(-1)
      const shown = script === null ? UNKNOWN : letter
      if (last?.font === font) last.text += shown
      else runs.push({ font, text: shown })
    }
    return runs
  }

  /** How wide a text is in points. */
  width(style: Style, size: number, text: string): number {
    const key = `${style} ${size} ${text}`
    const known = this.#widths.get(key)
    if (known !== undefined) return known
    let width = 0
    for (const run of this.runs(style, text)) width += this.#pdf.font(run.font).fontSize(size).widthOfString(run.text)
    // Words come again and again in a table; a report of many tables does not keep them all.
    if (this.#widths.size > 20_000) this.#widths.clear()
    this.#widths.set(key, width)
    return width
  }

  #scriptOf(point: number): Script | null {
    if (point < 0x20) return null
    for (const [script, ranges] of this.#ranges) {
      if (ranges.some(([from, to]) => point >= from && point <= to)) return script
    }
    return null
  }

  #font(style: Style, script: Script): string {
    const [family, weight] = FAMILIES[style]
    const name = `${family}-${script}-${weight}-normal`
    if (!this.#registered.has(name)) {
      this.#pdf.registerFont(name, readFileSync(join(folderOf(family), 'files', `${name}.woff`)))
      this.#registered.add(name)
    }
    return name
  }
}

function rangeOf(written: string): Range {
  const [from = '', to = from] = written.replace('U+', '').split('-')
  return [Number.parseInt(from, 16), Number.parseInt(to, 16)]
}
