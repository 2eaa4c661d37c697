import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { arrows, legalEvents, STATES } from '../src/core/campaign/rollout.ts'

/** The page of the rollout machine: `node scripts/rollout-docs.ts` writes its diagram and table, a test says when they are out of date. */
export const ROLLOUT_PAGE = join(import.meta.dirname, '..', 'docs', 'rollout.md')

const [BEGIN, END] = ['<!-- machine: written by scripts/rollout-docs.ts -->\n', '<!-- /machine -->\n']

/** The diagram and the table of the machine, from its own table. */
export function machineDocs(): string {
  const lines = new Map<string, string[]>()
  for (const { from, event, to } of arrows()) {
    const key = `${nameOf(from)} --> ${nameOf(to)}`
    lines.set(key, [...(lines.get(key) ?? []), event])
  }
  const diagram = [...lines].map(([key, events]) => `    ${key}: ${events.join(', ')}`)
  const events = [...new Set(STATES.flatMap(legalEvents))]
  const rows = STATES.map(state => {
    const legal = legalEvents(state)
    return `| ${state} | ${events.map(event => (legal.includes(event) ? '×' : ' ')).join(' | ')} |`
  })
  return [
    '```mermaid',
    'stateDiagram-v2',
    '    [*] --> created',
    ...diagram,
    '    halted --> [*]',
    '    done --> [*]',
    '```',
    '',
    'What each state takes (×). The rest it ignores, or refuses with a code.',
    '',
    `| state | ${events.join(' | ')} |`,
    `|---|${events.map(() => ':-:|').join('')}`,
    ...rows,
    '',
  ].join('\n')
}

/** A name that Mermaid takes. */
const nameOf = (state: string): string => state.replaceAll('-', '_')

/** The page with the machine as it is. */
export function rolloutPage(page: string): string {
  const [before, rest] = page.split(BEGIN) as [string, string?]
  const after = rest?.split(END)[1]
  if (after === undefined) throw new Error(`${ROLLOUT_PAGE} has no place for the machine between ${BEGIN} and ${END}`)
  return `${before}${BEGIN}\n${machineDocs()}\n${END}${after}`
}

if (import.meta.main) writeFileSync(ROLLOUT_PAGE, rolloutPage(readFileSync(ROLLOUT_PAGE, 'utf8')))
