/** A page of the documentation as what a reader types and what they should see. */

/** The commands of one block, and the lines that the page shows for them; null when it shows none. */
export type Step = { readonly line: number; readonly commands: string; readonly shown: readonly string[] | null }

const NOT_RUN = '<!-- not run by the test:'

/** The command blocks of a page in order, each with the `text` block that follows it at once. */
export function stepsOf(page: string): Step[] {
  const lines = page.split('\n')
  const steps: Step[] = []
  for (let at = 0; at < lines.length; at += 1) {
    if (lines[at] !== '```sh') continue
    const end = lines.indexOf('```', at)
    const commands = lines.slice(at + 1, end).join('\n')
    const shows = lines[end + 1] === '```text'
    const last = shows ? lines.indexOf('```', end + 2) : end
    const shown = shows ? lines.slice(end + 2, last) : null
    if (lines[at - 1]?.startsWith(NOT_RUN) !== true) steps.push({ line: at + 1, commands, shown })
    at = last
  }
  return steps
}

/** What differs from run to run: keys and digests, times, durations, numbers of entries; and the width of columns. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{12,}\b/g, 'HEX'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/\d+ s ago/g, 'AGO'],
  [/(?<![\d.])\d+\.\d(?![\d.])/g, 'SECONDS'],
  [/^(entries|report number) +\d+$|\b(report) \d+/, '$1$2 COUNT'],
  [/^ *\d+ +(?=TIME)/, 'INDEX '],
  [/ {2,}/g, ' '],
]

const plain = (line: string): string =>
  VARYING.reduce((text, [pattern, word]) => text.replaceAll(new RegExp(pattern, 'g'), word), line).trim()

const matches = (shown: string, printed: string): boolean => {
  const parts = plain(shown).split('…')
  if (parts.length === 1) return parts[0] === plain(printed)
  const escaped = parts.map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').trim())
  return new RegExp(`^${escaped.join('.*')}$`).test(plain(printed))
}

/**
 * The first line that the page shows and the program did not print there, or null. `…` inside a line stands for any
 * text, a line of nothing else for any lines.
 */
export function missingLine(shown: readonly string[], printed: readonly string[]): string | null {
  // The places in what was printed that the lines so far can have come to.
  let places = new Set([0])
  for (const line of shown) {
    const next = new Set<number>()
    for (const place of places) {
      if (line === '…') for (let at = place; at <= printed.length; at += 1) next.add(at)
      else if (place < printed.length && matches(line, printed[place] as string)) next.add(place + 1)
    }
    if (next.size === 0) return line
    places = next
  }
  return places.has(printed.length) ? null : 'the end'
}
