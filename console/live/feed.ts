import type { CampaignView, ControllerView, ReleaseView, WatchedCheckpoint } from '../../src/wire/fleet-views.ts'
import { browserCrypto } from '../crypto-browser.ts'
import type { PlanGates } from '../picture/waves.ts'
import { ask, askFile } from './ask.ts'
import { type Codes, loadCodes } from './codes.ts'
import { LogReader, type LogStatus } from './log-reader.ts'
import { browserMemory } from './memory.ts'

/** All that the console knows. `heard`: when the last whole answer came, on the page's own clock (performance.now). */
export type Snapshot = {
  readonly controllers: readonly ControllerView[]
  readonly campaigns: readonly CampaignView[]
  readonly releases: readonly ReleaseView[]
  /** By campaign id. A plan never changes. */
  readonly plans: ReadonlyMap<string, PlanGates>
  readonly checkpoint: WatchedCheckpoint | null
  readonly log: LogStatus
  readonly serverNow: number
  readonly heard: number | null
  /** What refusal codes mean; null while it is not there yet. */
  readonly codes: Codes | null
  /** Why there is no answer; null when there is. */
  readonly fault: string | null
}

export const nothing: Snapshot = {
  controllers: [],
  campaigns: [],
  releases: [],
  plans: new Map(),
  checkpoint: null,
  log: { at: 'unread' },
  serverNow: 0,
  heard: null,
  codes: null,
  fault: null,
}

const PAUSE = 1000

/** Asks the server each second, as long as the page is seen, and tells every change; answers how to stop. */
export function follow(tell: (change: (before: Snapshot) => Snapshot) => void): () => void {
  const reader = new LogReader(browserCrypto, browserMemory)
  const plans = new Map<string, PlanGates>()
  let stopped = false
  let reading = false
  let timer = 0
  let explained = false

  const readLog = async (checkpoint: WatchedCheckpoint): Promise<void> => {
    if (reading) return
    reading = true
    const file = (path: string): Promise<Uint8Array | null> => askFile(`/log/${path}`)
    try {
      await reader.read(checkpoint, file, log => tell(before => ({ ...before, log })))
    } catch {
      // No answer: the badge says so, and the next round goes on where this one ended.
    } finally {
      reading = false
    }
  }

  /** Fetched behind the first picture, and again with the next one when it could not be had. */
  const explain = async (): Promise<void> => {
    if (explained) return
    explained = true
    try {
      const codes = await loadCodes()
      tell(before => ({ ...before, codes }))
    } catch {
      explained = false
    }
  }

  const round = async (): Promise<void> => {
    try {
      const [controllers, campaigns, releases, checkpoint] = await Promise.all([
        ask<ControllerView[]>('/v1/controllers'),
        ask<CampaignView[]>('/v1/campaigns'),
        ask<ReleaseView[]>('/v1/releases'),
        ask<WatchedCheckpoint>('/v1/audit/checkpoint'),
      ])
      for (const { id } of campaigns.value) {
        if (!plans.has(id)) plans.set(id, (await ask<PlanGates>(`/v1/campaigns/${id}/plan`)).value)
      }
      tell(before => ({
        ...before,
        controllers: controllers.value,
        campaigns: campaigns.value,
        releases: releases.value,
        plans: new Map(plans),
        checkpoint: checkpoint.value,
        serverNow: controllers.now,
        heard: performance.now(),
        fault: null,
      }))
      void readLog(checkpoint.value)
      void explain()
    } catch (error) {
      tell(before => ({ ...before, fault: (error as Error).message }))
    }
  }

  const next = async (): Promise<void> => {
    clearTimeout(timer)
    if (!document.hidden) await round()
    clearTimeout(timer)
    if (!stopped) timer = setTimeout(() => void next(), PAUSE)
  }
  const onSeen = (): void => {
    if (!document.hidden) void next()
  }
  document.addEventListener('visibilitychange', onSeen)
  void next()
  return () => {
    stopped = true
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', onSeen)
  }
}
