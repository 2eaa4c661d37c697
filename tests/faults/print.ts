import { KINDS } from './enumerate.ts'
import { BOARDS } from './geometries.ts'
import type { Mode } from './mode.ts'
import { MODES } from './modes.ts'
import { PHASES } from './phases.ts'
import { ofMode, type Tally } from './tally.ts'

const number = (value: number): string => value.toLocaleString('en-US')
const cell = (value: number): string => number(value).padStart(11)

/** The modes as the columns of a table: each is in the first column that takes it. */
const COLUMNS: readonly { readonly title: string; readonly takes: (mode: Mode) => boolean }[] = [
  { title: 'cut', takes: ({ name }) => /^(?:cut|tick-cut|element-(?:cut|answer))/.test(name) },
  { title: 'in write', takes: ({ name }) => name.startsWith('program-cut') },
  { title: 'in erase', takes: ({ name }) => name.startsWith('erase-torn') },
  { title: 'hang', takes: ({ name }) => /^(?:hang|crash)/.test(name) },
  { title: 'clock', takes: ({ name }) => name.startsWith('clock') },
  { title: 'element', takes: mode => mode.class === 'element' },
  { title: 'lost', takes: ({ name }) => name.startsWith('write') },
  { title: 'worn', takes: mode => mode.class === 'wear' },
  { title: 'read once', takes: ({ name }) => name.endsWith('-once') },
  { title: 'rot', takes: mode => mode.class === 'rot' },
  { title: 'dead', takes: mode => mode.class === 'dead' },
  { title: 'other', takes: () => true },
]
const columnOf = (mode: Mode): number => COLUMNS.findIndex(({ takes }) => takes(mode))

/** Faults with an effect by phase and group of modes, at most 140 columns wide; behind a `!`, those in whose runs an invariant was hurt. */
export function matrix(tally: Tally): readonly string[] {
  const used = COLUMNS.map((_, column) => MODES.some(mode => columnOf(mode) === column))
  const line = (name: string, texts: readonly string[]): string =>
    `${name.padEnd(22)}${texts
      .filter((_, column) => used[column])
      .map(text => text.padStart(10))
      .join('')}`
  const lines = [
    line(
      'faults, by phase',
      COLUMNS.map(({ title }) => title),
    ),
  ]
  for (const { name: phase } of PHASES) {
    const sums = COLUMNS.map(() => ({ effect: 0, violations: 0 }))
    for (const mode of MODES) {
      const sum = sums[columnOf(mode)]
      if (sum === undefined) continue
      sum.effect += tally.cells[phase]?.[mode.name]?.effect ?? 0
      sum.violations += tally.cells[phase]?.[mode.name]?.violations ?? 0
    }
    const texts = sums.map(({ effect, violations }) => `${number(effect)}${violations > 0 ? `!${violations}` : ''}`)
    lines.push(line(phase, texts))
  }
  return lines
}

/** What was run, as a table for people. `missing`: modes and phases that no fault with an effect has struck. */
export function table(tally: Tally, seconds: number, missing: readonly string[]): string {
  const lines: string[] = []
  const part = (title: string, rows: readonly [name: string, counts: Tally['kinds'] | undefined][]): void => {
    lines.push('', `${title.padEnd(24)}${KINDS.map(kind => kind.padStart(11)).join('')}`)
    for (const [name, counts] of rows) {
      lines.push(`${name.padEnd(24)}${KINDS.map(kind => cell(counts?.[kind] ?? 0)).join('')}`)
    }
  }
  part(
    'runs by phase',
    PHASES.map(({ name }) => [name, tally.phases[name]]),
  )
  part(
    'runs by board',
    BOARDS.map(({ name }) => [name, tally.boards[name]]),
  )
  lines.push('', `${'faults, by mode'.padEnd(42)}${'that did'.padStart(11)}${'in vain'.padStart(11)}`)
  for (const mode of MODES) {
    const { effect, none } = ofMode(tally, mode.name)
    lines.push(`${mode.name.padEnd(34)}${mode.class.padEnd(8)}${cell(effect)}${cell(none)}`)
  }
  lines.push('', ...matrix(tally))
  lines.push(
    '',
    `${number(tally.runs)} runs (${KINDS.map(kind => `${number(tally.kinds[kind])} ${kind}`).join(', ')}), ` +
      `${number(tally.boots)} boots, ${seconds.toFixed(0)} s, ${number(Math.round(tally.runs / seconds))} runs/s`,
    `${number(tally.states.size)} different states behind the last fault, ${number(tally.outcomes.size)} different ends`,
    `${number(tally.idle)} runs more in which a fault struck and had nothing to do`,
    `${number(tally.missed)} runs in which a planned fault did not strike`,
    ...missing.map(each => `no effect was seen of ${each}`),
    `${number(Object.values(tally.violations).reduce((sum, times) => sum + times, 0))} violations`,
  )
  for (const [rule, times] of Object.entries(tally.violations)) lines.push(`  ${number(times)} × ${rule}`)
  for (const { seed, message } of tally.hurt) lines.push(`  npm run replay -- '${seed}'   ${message.slice(0, 200)}`)
  return `${lines.join('\n')}\n`
}
