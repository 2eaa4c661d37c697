import { type Instant, type Millis, millis } from '../encoding/units.ts'
import { isRefusalCode, registry } from '../refusal/registry.ts'
import type { ControllerRef } from './inventory.ts'

/** The exit code of refusals of trust, and of what is lost and said to be (refusal/code.ts). */
const TRUST_EXIT = 20
const LOST_EXIT = 65

/** Why somebody should look: trust was refused, something failed or is unsafe, or something waits for a person. The worst first. */
export const LEVELS = ['trust', 'failed', 'attention'] as const
export type Level = (typeof LEVELS)[number]

/**
 * What it is about: an `alarm` of the fleet itself, a `break` in what a site tells, a `campaign`, controllers of a site that
 * `failed` in a campaign, that run their `golden` image, for which their site is `asking` whether a full image may come, that are `silent`, or
 * were `unheard` ever since they were enrolled.
 */
export const SUBJECTS = ['alarm', 'break', 'failed', 'golden', 'campaign', 'asking', 'silent', 'unheard'] as const
export type Subject = (typeof SUBJECTS)[number]

/**
 * Something that needs somebody. Controllers of a site with the same trouble are one: `controllers` says how many, `controller` names the
 * first of them. `code`: the refusal's code that explains it; null for none. `since`: when it began; null where nobody noted that.
 */
export type Attention = {
  readonly level: Level
  readonly subject: Subject
  readonly site: string | null
  readonly region: string | null
  readonly controller: string | null
  readonly controllers: number
  readonly campaign: string | null
  readonly code: string | null
  /** A clause behind the name of what it is about. */
  readonly text: string
  readonly since: Instant | null
}

/** A controller waits for a yes at its site to its full image, since when its gateway said so first; null: it does not any more. */
export type AskingRow = ControllerRef & { readonly since: Instant | null }

/** Behind how long somebody counts as silent: a controller that has not reported, a gateway that has not called. */
export type Silence = { readonly controllers: Millis; readonly gateways: Millis }

/**
 * Four reports of an agent that reports as often as it does unless it is told otherwise (wire/agent-config.ts), and many calls of
 * any gateway whose link stands.
 */
export const USUAL_SILENCE: Silence = { controllers: millis(3_600_000), gateways: millis(900_000) }

/** What a code stands for: a refusal of trust, or a failure. */
export const levelOf = (code: string | null): Level =>
  code !== null && isRefusalCode(code) && registry[code].exit === TRUST_EXIT ? 'trust' : 'failed'

/** What an alarm, or a break in what a site tells, stands for: what is lost and said to be lost waits for a person; the rest is about trust. */
export const alarmLevelOf = (code: string): Level =>
  isRefusalCode(code) && registry[code].exit === LOST_EXIT ? 'attention' : 'trust'

/** The key of an item: what lists of them are in order of. It is an item's own. */
export type AttentionKey = readonly [rank: number, name: string]

export const attentionKey = ({ level, subject, site, controller, campaign, code, text }: Attention): AttentionKey => [
  LEVELS.indexOf(level) * SUBJECTS.length + SUBJECTS.indexOf(subject),
  // An alarm and a break have no other name than what they say: there may be several of a code.
  [
    site ?? '',
    controller ?? '',
    campaign ?? '',
    code ?? '',
    subject === 'alarm' || subject === 'break' ? text : '',
  ].join(' '),
]

/** In the order of their keys, each once. */
export function inOrder(items: readonly Attention[]): readonly Attention[] {
  const keyed = items.map(item => ({ item, key: attentionKey(item) }))
  keyed.sort((a, b) => a.key[0] - b.key[0] || (a.key[1] < b.key[1] ? -1 : a.key[1] > b.key[1] ? 1 : 0))
  const same = (at: number): boolean => keyed[at - 1]?.key.join(' ') === keyed[at]?.key.join(' ')
  return keyed.filter((_, at) => !same(at)).map(({ item }) => item)
}

/** How many sites of each region there are, and at how many of them what is worst is of each level. */
export type RegionStanding = {
  readonly region: string
  readonly sites: number
  readonly controllers: number
  readonly trust: number
  readonly failed: number
  readonly attention: number
}

/** Regions as they are counted, with the sites of each by the worst that is said of them. */
export function standingsOf(
  regions: readonly { readonly region: string; readonly sites: number; readonly controllers: number }[],
  items: readonly Attention[],
): RegionStanding[] {
  const worst = new Map<string, { readonly region: string; readonly level: Level }>()
  for (const { site, region, level } of items) {
    if (site === null || region === null) continue
    const before = worst.get(site)
    if (before === undefined || LEVELS.indexOf(level) < LEVELS.indexOf(before.level)) worst.set(site, { region, level })
  }
  const counts = new Map(regions.map(one => [one.region, { ...one, trust: 0, failed: 0, attention: 0 }]))
  for (const { region, level } of worst.values()) {
    const count = counts.get(region)
    if (count !== undefined) count[level] += 1
  }
  return [...counts.values()]
}
