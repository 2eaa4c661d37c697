import type { Criticality } from '../../src/core/campaign/plan.ts'

/** The form of a new campaign, and the plan file that it says: the same that `voltseal campaign plan` takes. */

export type TakeKind = 'perClass' | 'count' | 'percent' | 'racks' | 'nextSites' | 'sites' | 'labels' | 'rest'

/** What the form holds: texts as they were typed. What is empty is left out of the plan, and is then as in docs/campaigns.md. */
export type WaveForm = {
  readonly name: string
  readonly take: TakeKind
  readonly amount: string
  readonly soak: string
  readonly success: string
  readonly failures: string
}

export type PlanForm = {
  readonly id: string
  readonly title: string
  readonly changeRequest: string
  readonly criticality: Criticality
  readonly releases: readonly string[]
  readonly regions: string
  readonly sites: string
  readonly classes: string
  readonly labels: string
  readonly versions: string
  readonly waves: readonly WaveForm[]
  readonly days: readonly string[]
  readonly from: string
  readonly to: string
  readonly budgetSite: string
  readonly budgetRegion: string
  readonly budgetFleet: string
  readonly restarting: string
  readonly timeout: string
  readonly validFor: string
  readonly notBefore: string
  readonly deadline: string
  readonly stop: string
  readonly wayBack: string
}

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

export const emptyWave: WaveForm = { name: '', take: 'rest', amount: '', soak: '', success: '', failures: '' }

export const emptyForm: PlanForm = {
  id: '',
  title: '',
  changeRequest: '',
  criticality: 'feature',
  releases: [],
  regions: '',
  sites: '',
  classes: '',
  labels: '',
  versions: '',
  waves: [
    { ...emptyWave, name: 'canary', take: 'perClass', amount: '1', soak: '1h' },
    { ...emptyWave, name: 'rest', soak: '1h' },
  ],
  days: [],
  from: '22:00',
  to: '04:00',
  budgetSite: '',
  budgetRegion: '',
  budgetFleet: '',
  restarting: '',
  timeout: '',
  validFor: '7d',
  notBefore: '',
  deadline: '',
  stop: '',
  wayBack: '',
}

const words = (text: string): readonly string[] => text.split(/[\s,]+/).filter(word => word !== '')

/** A number where one was typed, and the text itself where something else was: the server says what is wrong with it. */
function figure(text: string): number | string {
  const trimmed = text.trim()
  return /^\d{1,15}$/.test(trimmed) ? Number(trimmed) : trimmed
}

const given = <T>(name: string, value: T, isThere: boolean): Record<string, T> => (isThere ? { [name]: value } : {})
const typed = (name: string, text: string): Record<string, string> => given(name, text.trim(), text.trim() !== '')
const listed = (name: string, text: string): Record<string, readonly string[]> =>
  given(name, words(text), words(text).length > 0)
const counted = (name: string, text: string): Record<string, number | string> =>
  given(name, figure(text), text.trim() !== '')

/** The plan file that the form says. */
export function documentOf(form: PlanForm): Readonly<Record<string, unknown>> {
  const select = {
    ...listed('regions', form.regions),
    ...listed('sites', form.sites),
    ...listed('classes', form.classes),
    ...listed('labels', form.labels),
    ...versionsOf(form.versions),
  }
  const rules = {
    ...given('windows', [{ days: form.days, from: form.from, to: form.to }], form.days.length > 0),
    ...budgetsOf(form),
    ...counted('restarting', form.restarting),
  }
  const back = wayBackOf(form.wayBack)
  return {
    id: form.id.trim(),
    ...typed('title', form.title),
    ...typed('changeRequest', form.changeRequest),
    criticality: form.criticality,
    ...typed('notBefore', form.notBefore),
    ...typed('validFor', form.validFor),
    releases: form.releases,
    ...given('select', select, Object.keys(select).length > 0),
    waves: form.waves.map(waveOf),
    ...given('deadline', { at: form.deadline.trim() }, form.deadline.trim() !== ''),
    ...typed('timeout', form.timeout),
    ...given('abort', { failures: figure(form.stop) }, form.stop.trim() !== ''),
    ...given('wayBack', back, back.length > 0),
    ...given('rules', rules, Object.keys(rules).length > 0),
  }
}

function waveOf({ name, take, amount, soak, success, failures }: WaveForm): object {
  const gate = { ...counted('success', success), ...counted('failures', failures) }
  return {
    name: name.trim(),
    take: take === 'rest' ? 'rest' : { [take]: take === 'sites' || take === 'labels' ? words(amount) : figure(amount) },
    ...typed('soak', soak),
    ...given('gate', gate, Object.keys(gate).length > 0),
  }
}

/** `bms <7.28, pcs >=4` : a class and a range each. */
function versionsOf(text: string): Record<string, Readonly<Record<string, string>>> {
  const pairs = text.split(/[,\n]/).flatMap(part => {
    const [, of, range] = /^\s*(\S+)\s+(\S+)\s*$/.exec(part) ?? []
    if (of !== undefined && range !== undefined) return [[of, range] as const]
    // What is no pair is shown to the server as it is, which says what is wrong.
    return part.trim() === '' ? [] : [[part.trim(), ''] as const]
  })
  return given('versions', Object.fromEntries(pairs), pairs.length > 0)
}

function budgetsOf({ budgetSite, budgetRegion, budgetFleet }: PlanForm): Record<string, readonly object[]> {
  const budgets = (
    [
      ['site', budgetSite],
      ['region', budgetRegion],
      ['fleet', budgetFleet],
    ] as const
  ).flatMap(([per, watts]) => (watts.trim() === '' ? [] : [{ per, watts: figure(watts) }]))
  return given('budgets', budgets, budgets.length > 0)
}

/** `pcs/4.2.0/envelope.suit pcs/4.2.1/envelope.suit`, a line each: a release, and what undoes it. */
const wayBackOf = (text: string): readonly object[] =>
  text.split('\n').flatMap(line => {
    const [of, to] = words(line)
    return of === undefined ? [] : [{ of, to: to ?? '' }]
  })

/** The plan file as a text: JSON, which is YAML too. */
export const fileOf = (form: PlanForm): string => `${JSON.stringify(documentOf(form), null, 2)}\n`

/** Where a refusal of the server says that the fault stands in the text; null: it is about something else. */
export function placeOf(detail: string): { readonly line: number; readonly column: number } | null {
  const [, line, column] = /^the plan:(\d{1,7}):(\d{1,7})\b/.exec(detail) ?? []
  return line === undefined || column === undefined ? null : { line: Number(line), column: Number(column) }
}

/** What the refusal says, without the name that the server gave the text. */
export const faultText = (detail: string): string => detail.replace(/^the plan(?::\d+:\d+)?(?:, |: )/, '')

/** Where a line begins and ends in a text: the place that the page selects. */
export function lineRange(text: string, line: number): readonly [from: number, to: number] {
  let from = 0
  for (let at = 1; at < line; at += 1) {
    const next = text.indexOf('\n', from)
    if (next < 0) return [text.length, text.length]
    from = next + 1
  }
  const end = text.indexOf('\n', from)
  return [from, end < 0 ? text.length : end]
}
