import { writeFileSync } from 'node:fs'
import type { RefusalCode } from '../../src/core/refusal/registry.ts'
import { registry } from '../../src/core/refusal/registry.ts'
import { voltseal } from '../worlds/people.ts'
import type { Place } from './place.ts'
import type { Row } from './rows.ts'

/** What is wrong with plan files, each as a person meets it: with the line and the column in their own file. */

type Fault = {
  readonly name: string
  readonly code: RefusalCode
  /** Lines behind `id` and `releases`, which are lines 1 and 2. */
  readonly lines: string
  readonly at: string
  readonly expected: RegExp
  readonly actual: RegExp
  /** The server says so: the attempt is in its log. */
  readonly server?: true
}

const REST = 'waves: [{ name: rest, take: rest }]\n'

const FAULTS: readonly Fault[] = [
  {
    name: 'an unknown word',
    code: 'plan-file-malformed',
    lines: `${REST}prority: 9\n`,
    at: '4:1',
    expected: /^one of id, releases, waves/,
    actual: /^an unknown name at prority$/,
  },
  {
    name: 'a budget of zero',
    code: 'rules-budget-zero',
    lines: `${REST}rules:\n  budgets:\n    - { per: site, watts: 0W }\n`,
    at: '6:20',
    expected: /^at least 1$/,
    actual: /^0 at rules\.budgets\[0\]\.watts$/,
  },
  {
    name: 'a key twice',
    code: 'plan-file-malformed',
    lines: `${REST}priority: 1\npriority: 2\n`,
    at: '5:1',
    expected: /^well-formed YAML$/,
    actual: /unique/,
  },
  {
    name: 'overlapping waves',
    code: 'plan-waves-overlap',
    lines:
      'waves:\n  - { name: one, take: { count: 1 } }\n  - { name: two, take: { controllers: [quay/bms-1] } }\n  - { name: rest, take: rest }\n',
    at: '5:40',
    expected: /^a controller that no earlier wave takes$/,
    actual: /has its wave at waves\[1\]\.take\.controllers\[0\]$/,
    server: true,
  },
  {
    name: 'a wave of nobody',
    code: 'plan-wave-empty',
    lines: 'waves:\n  - { name: one, take: { labels: [none] } }\n  - { name: rest, take: rest }\n',
    at: '4:5',
    expected: /^at least one controller$/,
    actual: /^none at waves\[0\]$/,
    server: true,
  },
  {
    name: 'a selection of nobody',
    code: 'plan-nothing-selected',
    lines: `${REST}select: { regions: [atlantis] }\n`,
    at: '4:1',
    expected: /^at least one controller$/,
    actual: /^none at 1 site at select$/,
    server: true,
  },
  {
    name: 'a site that is not registered',
    code: 'site-unknown',
    lines: `${REST}select: { sites: [quay, atlantis] }\n`,
    at: '4:25',
    expected: /^a registered site$/,
    actual: /at select\.sites\[1\]$/,
    server: true,
  },
  {
    name: 'a window that never opens in the time of the plan',
    code: 'plan-window-never-opens',
    lines: `${REST}validFor: 7d\nrules:\n  windows:\n    - { days: [mon], from: '01:00', to: '01:05' }\n`,
    at: '6:3',
    expected: /^10 min on end in a window of \S+, in the time of the plan$/,
    actual: /^none at rules\.windows$/,
    server: true,
  },
]

export const PLAN_ROWS: readonly Row<Place>[] = FAULTS.map(({ name, code, lines, at, expected, actual, server }) => ({
  name: `a plan file with ${name}`,
  code,
  exit: registry[code].exit,
  subject: new RegExp(`bad\\.yaml:${at}(?:,|$)`),
  expected,
  actual,
  ...(server === true ? { logged: 1 } : {}),
  meet: ({ world, releases }) => {
    const path = world.at('bad.yaml')
    writeFileSync(path, `id: bad\nreleases: [${releases.good}]\n${lines}`)
    return voltseal(world, ['campaign', 'plan', path])
  },
}))
