import { KINDS } from './enumerate.ts'
import { BOARDS } from './geometries.ts'
import { MODES } from './modes.ts'
import { PHASES } from './phases.ts'
import type { Tally } from './tally.ts'

const number = (value: number): string => value.toLocaleString('en-US')
const cell = (value: number): string => number(value).padStart(11)

/** What was run, as a table for people. */
export function table(tally: Tally, seconds: number): string {
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
  lines.push('', 'faults that struck, by mode')
  for (const { name, class: faultClass } of MODES) {
    lines.push(`${name.padEnd(32)}${faultClass.padEnd(6)}${cell(tally.modes[name] ?? 0)}`)
  }
  lines.push(
    '',
    `${number(tally.runs)} runs (${KINDS.map(kind => `${number(tally.kinds[kind])} ${kind}`).join(', ')}), ` +
      `${number(tally.boots)} boots, ${seconds.toFixed(0)} s, ${number(Math.round(tally.runs / seconds))} runs/s`,
    `${number(tally.missed)} runs in which a planned fault did not strike`,
    `${number(Object.values(tally.violations).reduce((sum, times) => sum + times, 0))} violations`,
  )
  for (const [rule, times] of Object.entries(tally.violations)) lines.push(`  ${number(times)} × ${rule}`)
  for (const { seed, message } of tally.hurt) lines.push(`  npm run replay -- '${seed}'   ${message.slice(0, 200)}`)
  return `${lines.join('\n')}\n`
}
