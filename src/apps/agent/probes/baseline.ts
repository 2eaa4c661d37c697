import { readText, writeWhole } from '../../../adapters/config-file.ts'

/** The figures from before the restart into a candidate, by probe; `update` is the mark of the update (boot record). */
export type Baseline = { readonly update: string; readonly figures: Readonly<Record<string, number>> }

/** Durable on return. If power fails before, nothing is armed yet, and they are taken again. */
export function writeBaseline(path: string, baseline: Baseline): void {
  writeWhole(path, `${JSON.stringify(baseline)}\n`, 0o600)
}

/** The figures that were taken for this very update; none when they were taken for another one, or cannot be read. */
export function readBaseline(path: string, update: string): Readonly<Record<string, number>> {
  const text = readText(path, 1 << 16)
  if (typeof text !== 'string') return {}
  try {
    const read = Object(JSON.parse(text)) as Partial<Baseline>
    if (read.update !== update) return {}
    const figures = Object.entries<unknown>(Object(read.figures))
    return Object.fromEntries(figures.filter((one): one is [string, number] => Number.isFinite(one[1])))
  } catch {
    return {}
  }
}
