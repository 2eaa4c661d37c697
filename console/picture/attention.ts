import type { CampaignControllerView, CampaignView, ControllerView, StatusView } from '../../src/wire/fleet-views.ts'
import type { Codes } from '../live/codes.ts'
import type { LogStatus } from '../live/log-reader.ts'

/** Why somebody should look: trust was refused, something failed or is unsafe, or something waits for a person. */
export type Level = 'trust' | 'failed' | 'attention'

export type Attention = {
  readonly level: Level
  readonly subject: string
  readonly text: string
  /** What to do, as the registry of refusals says it. */
  readonly advice: string | null
}

const ORDER: readonly Level[] = ['trust', 'failed', 'attention']
/** The exit code of refusals of trust (core/refusal/code.ts). */
const TRUST_EXIT = 20
/** Of what is lost, and said to be. */
const LOST_EXIT = 65

/**
 * All that asks for attention, the worst first. Empty is the ordinary state. `codes`: what refusal codes mean; null while
 * that is not there yet: the codes stand for themselves.
 */
export function attentionOf(
  controllers: readonly ControllerView[],
  campaigns: readonly CampaignView[],
  log: LogStatus,
  codes: Codes | null,
  alarms: StatusView['alarms'] = [],
): readonly Attention[] {
  const out = [
    ...ofLog(log),
    ...alarms.map(alarm => ofAlarm(alarm, codes)),
    ...controllers.flatMap(ofController),
    ...latest(campaigns).flatMap(open => ofCampaign(open, codes)),
  ]
  return out.toSorted((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level))
}

/** How much of each level, worst first, in words: what a screen reader is told when it changes. */
export function attentionWords(items: readonly Attention[]): string {
  const count = (level: Level): number => items.filter(item => item.level === level).length
  const words = [
    [count('trust'), 'refused trust'],
    [count('failed'), 'failed'],
    [count('attention'), 'waiting'],
  ] as const
  const said = words.filter(([some]) => some > 0).map(([some, word]) => `${some} ${word}`)
  return said.length === 0 ? 'Nothing needs attention' : said.join(', ')
}

function ofLog(log: LogStatus): Attention[] {
  if (log.at !== 'unsound') return []
  const advice = 'Keep a copy of it and find out who changed it. Below is what was found.'
  return [{ level: 'trust', subject: 'The audit log', text: 'does not verify', advice }]
}

/** What the witnesses of the log say, and where what sites tell does not go on. */
function ofAlarm({ code, subject, actual }: StatusView['alarms'][number], codes: Codes | null): Attention {
  if (codes === null || !codes.isRefusalCode(code))
    return { level: 'trust', subject, text: `${code}: ${actual}`, advice: null }
  const { title, fix, exit } = codes.registry[code]
  return { level: exit === LOST_EXIT ? 'attention' : 'trust', subject, text: `${title} (${actual})`, advice: fix }
}

function ofController({ site, id, state, version }: ControllerView): Attention[] {
  const subject = `${site}/${id}`
  if (version === null) {
    const advice = 'It was enrolled. Check its power and its link to the gateway.'
    return [{ level: 'attention', subject, text: 'has never reported', advice }]
  }
  if (state !== 'golden') return []
  const advice = 'Neither slot could be run. See why in its history, then give it a release.'
  return [{ level: 'failed', subject, text: `runs its recovery image, ${version}`, advice }]
}

type Open = { readonly campaign: CampaignView; readonly controllers: readonly CampaignControllerView[] }

/** Each campaign with the controllers for which no later campaign speaks; campaigns come in the order of their making. */
function latest(campaigns: readonly CampaignView[]): readonly Open[] {
  const spoken = new Set<string>()
  const out: Open[] = []
  for (const campaign of campaigns.toReversed()) {
    const controllers = campaign.controllers.filter(one => !spoken.has(`${one.site}/${one.controller}`))
    for (const { site, controller } of controllers) spoken.add(`${site}/${controller}`)
    if (controllers.length > 0) out.push({ campaign, controllers })
  }
  return out.reverse()
}

function ofCampaign({ campaign, controllers }: Open, codes: Codes | null): Attention[] {
  const failed = controllers.filter(({ state }) => state === 'failed').map(one => ofFailure(one, codes))
  const { id, state, reason, approvals } = campaign
  const subject = `campaign ${id}`
  const because = reason === null ? '' : `: ${reason}`
  const said = (level: Level, text: string, advice: string | null): Attention[] => [
    { level, subject, text, advice },
    ...failed,
  ]
  if (state === 'halted') return said('failed', `was halted${because}`, codes?.registry['campaign-halted'].fix ?? null)
  if (state === 'paused') return said('attention', `is paused${because}`, 'Look into it, then resume or halt it.')
  if (state === 'created') {
    return said('attention', `waits for approval: ${approvals.have} of ${approvals.need} signed`, null)
  }
  if (state === 'approved') return said('attention', 'is approved and waits for its start', null)
  return failed
}

function ofFailure({ site, controller, to, detail }: CampaignControllerView, codes: Codes | null): Attention {
  const [result = 'failed', code = ''] = (detail ?? '').split(': ')
  const subject = `${site}/${controller}`
  const words: Readonly<Record<string, string>> = {
    reverted: `went back from ${to}`,
    refused: `refused ${to}`,
    timeout: `did not confirm ${to} in time`,
  }
  const text = words[result] ?? `failed with ${to}`
  if (codes === null || !codes.isRefusalCode(code))
    return { level: 'failed', subject, text: code === '' ? text : `${text}: ${code}`, advice: null }
  const { title, fix, exit } = codes.registry[code]
  return { level: exit === TRUST_EXIT ? 'trust' : 'failed', subject, text: `${text}: ${title}`, advice: fix }
}
