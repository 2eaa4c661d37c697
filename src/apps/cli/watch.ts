import { setTimeout as pause } from 'node:timers/promises'
import { isRefusal, refuse } from '../../core/refusal/refusal.ts'
import type { CampaignView } from '../../wire/fleet-views.ts'
import { campaignAnswer } from './campaign-text.ts'
import { readCampaign } from './campaign-view.ts'
import type { Cli, Work } from './cli.ts'
import { exitOf } from './output.ts'
import type { Session } from './session.ts'

const EVERY_MILLIS = 250
/** How long a fleet server may be away before watching gives up, in milliseconds. */
const PATIENCE = 60_000

/**
 * Follows a campaign to its end: progress to stderr, the last view as the answer. Ends with exit 0 when every controller
 * is confirmed, with the code of `campaign-halted` when it was halted or a controller failed. Ctrl-C ends the watching
 * and not the campaign.
 */
export async function watchCampaign(cli: Cli, session: Session, id: string): Promise<Work> {
  const stop = cli.world.onStop()
  const progress = new Progress(cli)
  let lost = 0
  for (;;) {
    const view = await readCampaign(session, id)
    if (isRefusal(view)) {
      lost += EVERY_MILLIS
      if (view.code !== 'not-reachable' || lost > PATIENCE || stop.aborted) return view
      progress.say(`the fleet server is away: ${view.actual}; asks again for a minute`)
    } else {
      lost = 0
      progress.show(view)
      if (ended(view)) return result(cli, view)
      if (stop.aborted) {
        cli.output.progress('Stopped watching; the campaign goes on.')
        return { ...campaignAnswer(cli.output, view), exit: 75 }
      }
    }
    await pause(EVERY_MILLIS, undefined, { signal: stop }).catch(() => {})
  }
}

/** At its end, or where only a person can move it on. A halt is over when nobody is in the middle of an update. */
function ended(view: CampaignView): boolean {
  if (['paused', 'done', 'rolled-back'].includes(view.state)) return true
  return view.state === 'halted' && (view.counts.assigned ?? 0) === 0
}

function result(cli: Cli, view: CampaignView): Work {
  const answer = campaignAnswer(cli.output, view)
  const { confirmed = 0, overtaken = 0, total = 0 } = view.counts
  if (confirmed + overtaken === total) return answer
  const actual = `${view.state}, ${confirmed} of ${total} confirmed`
  return { ...answer, exit: exitOf(refuse('campaign-halted', view.id, 'every controller confirmed', actual)) }
}

/** Progress: a bar that is redrawn on a terminal, a line for each change elsewhere. */
class Progress {
  readonly #cli: Cli
  #states = new Map<string, string>()
  #stage = ''

  constructor(cli: Cli) {
    this.#cli = cli
  }

  say(text: string): void {
    if (text !== this.#stage) this.#cli.output.progress(text)
    this.#stage = text
  }

  show(view: CampaignView): void {
    const wave = view.wave === 0 ? '' : `, wave ${view.wave} of ${view.waves}`
    const reason = view.reason === null ? '' : `: ${view.reason}`
    this.say(`${bar(view)} ${view.id} is ${view.state}${wave}${reason}`)
    for (const one of view.controllers) {
      const key = `${one.site}/${one.controller}`
      const text = one.detail === null ? one.state : `${one.state}: ${one.detail}`
      if (this.#states.get(key) !== text && one.state !== 'waiting') this.#cli.output.progress(`  ${key} ${text}`)
      this.#states.set(key, text)
    }
  }
}

const WIDTH = 20

/** Where a turn is through, whatever came of it. */
const THROUGH = ['confirmed', 'failed', 'overtaken', 'withdrawn', 'returned', 'kept'] as const

/** `[######····]`: the share of controllers that are through. On the way back those that are confirmed are still to come. */
function bar({ state, counts }: CampaignView): string {
  const { total = 0 } = counts
  const over = THROUGH.filter(at => state !== 'rolling-back' || at !== 'confirmed')
  const through = over.reduce((sum, at) => sum + (counts[at] ?? 0), 0)
  const filled = Math.round((through / Math.max(1, total)) * WIDTH)
  return `[${'#'.repeat(filled)}${'·'.repeat(WIDTH - filled)}] ${through}/${total}`
}
