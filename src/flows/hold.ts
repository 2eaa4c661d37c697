import { type PlanHead, parsePlan } from '../core/campaign/plan.ts'
import { MAX_SHEET_BYTES, openSheet, type Sheet } from '../core/campaign/sheet.ts'
import { type PlannedStep, stepsOf, type Terms, termsOf } from '../core/campaign/terms.ts'
import { sameBytes, toHex } from '../core/encoding/bytes.ts'
import type { Instant } from '../core/encoding/units.ts'
import { parseVersion, type Version } from '../core/firmware/version.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import { planTarget } from '../core/trust/mapping.ts'
import type { CurrentSet } from '../core/trust/trusted-set.ts'
import type { GatewayControllerRow, RepoFile, SiteWorld } from './ports.ts'
import { reportAt } from './state.ts'

/**
 * What a gateway holds of the approved plans that it carries out: their heads, with the rules, and its own sheets, with the
 * order of things. By these a site goes on while the link is down. Only what the approval repository vouched for is held,
 * and only while somebody at the site has to do with it.
 */
const PLANS = 'plans'
const SHEETS = 'sheets'

const fileOf = (campaign: string): string => `${campaign}.json`

/**
 * A plan's sheet of this site: the one that is held, while it holds under the plan; else the fleet's, whatever it is: the
 * mapping judges it. Null when the fleet has none.
 */
export async function sheetOf(
  world: SiteWorld,
  campaign: string,
  head: Uint8Array,
): Promise<Uint8Array | null | Refusal> {
  const path = fileOf(campaign)
  const held = (await world.store.files(SHEETS)).get(path)
  const plan = held === undefined ? null : parsePlan(head, `campaign ${campaign}`)
  if (held !== undefined && plan !== null && !isRefusal(plan)) {
    if (!isRefusal(openSheet(held, plan, world.site.site, world.crypto))) return held
  }
  return world.fleet.file(SHEETS, path, MAX_SHEET_BYTES)
}

/**
 * Holds verified heads and sheets, by campaign, and forgets those that nobody here has to do with (`used`). Durable on
 * return. If power fails before the commit, the site waits with what it agreed on until the next look: without its rules
 * nobody gets a turn.
 */
export async function holdPlans(
  world: SiteWorld,
  plans: ReadonlyMap<string, Uint8Array>,
  sheets: ReadonlyMap<string, Uint8Array>,
  used: ReadonlySet<string>,
): Promise<void> {
  const files: RepoFile[] = []
  const forgotten: Pick<RepoFile, 'repo' | 'path'>[] = []
  const kept = new Set([...plans.keys(), ...used].map(fileOf))
  for (const [repo, verified] of [
    [PLANS, plans],
    [SHEETS, sheets],
  ] as const) {
    const held = await world.store.files(repo)
    for (const [campaign, bytes] of verified) {
      const path = fileOf(campaign)
      if (!sameBytes(held.get(path) ?? new Uint8Array(), bytes)) files.push({ repo, path, bytes })
    }
    for (const path of held.keys()) if (!kept.has(path)) forgotten.push({ repo, path })
  }
  if (files.length + forgotten.length > 0) await world.store.commit({ files, forgotten })
}

/**
 * Whether a campaign is approved still, by the plan that is held for it: approvers who withdraw an approval, or put another
 * one in its place, end what goes on by it. Of a plan that is not held it is enough that the campaign has one.
 */
export async function approvedOf(world: SiteWorld, approval: CurrentSet): Promise<(campaign: string) => boolean> {
  const held = await world.store.files(PLANS)
  return campaign => {
    const [target, head] = [planTarget(approval, campaign), held.get(fileOf(campaign))]
    if (target === null || head === undefined) return target !== null
    return target.sha256 === toHex(world.crypto.sha256(head))
  }
}

/** An approved plan that is held: its head with the SHA-256 of its bytes (hex), and this site's sheet. */
export type Held = { readonly plan: PlanHead; readonly sheet: Sheet; readonly sha256: string }
type Read = Held & { readonly bytes: readonly [head: Uint8Array, sheet: Uint8Array] }

/** Plans that were read, by campaign, with the bytes that they were read from. */
const read = new WeakMap<SiteWorld, Map<string, Read>>()

/** The plans of campaigns, as far as they are held and can be read: a damaged store holds their controllers back. */
export async function plansHeld(world: SiteWorld, campaigns: ReadonlySet<string>): Promise<Held[]> {
  if (campaigns.size === 0) return []
  const known = read.get(world) ?? new Map<string, Read>()
  read.set(world, known)
  const [heads, sheets] = [await world.store.files(PLANS), await world.store.files(SHEETS)]
  const out: Held[] = []
  for (const campaign of campaigns) {
    const [head, sheet] = [heads.get(fileOf(campaign)), sheets.get(fileOf(campaign))]
    if (head === undefined || sheet === undefined) continue
    const before = known.get(campaign)
    const same = before !== undefined && sameBytes(before.bytes[0], head) && sameBytes(before.bytes[1], sheet)
    const held = same ? before : readHeld(world, campaign, head, sheet)
    if (held === null) continue
    known.set(campaign, held)
    out.push(held)
  }
  return out
}

function readHeld(world: SiteWorld, campaign: string, head: Uint8Array, sheet: Uint8Array): Read | null {
  const plan = parsePlan(head, `campaign ${campaign}`)
  if (isRefusal(plan) || plan.id !== campaign) return null
  const opened = openSheet(sheet, plan, world.site.site, world.crypto)
  const sha256 = toHex(world.crypto.sha256(head))
  return isRefusal(opened) ? null : { plan, sheet: opened.sheet, sha256, bytes: [head, sheet] }
}

/** The terms of held plans at a moment, by campaign. */
export const termsAt = (held: readonly Held[], now: Instant): ReadonlyMap<string, Terms> =>
  new Map(held.map(({ plan }) => [plan.id, termsOf(plan, now)]))

/** The steps of held plans at this site, and which are confirmed by the controllers' own last reports. */
export function stepsAt(
  world: SiteWorld,
  held: readonly Held[],
  rows: readonly GatewayControllerRow[],
): readonly PlannedStep[] {
  const of = new Map(rows.map(row => [row.id, row]))
  const stable = (id: string): Version | null => {
    const row = of.get(id)
    return row === undefined ? null : runsForGood(world, row)
  }
  return held
    .filter(({ sheet }) => new Set(sheet.turns.flatMap(({ steps }) => steps.map(({ order }) => order))).size > 1)
    .flatMap(({ plan, sheet }) => stepsOf(plan, sheet, stable))
}

function runsForGood(world: SiteWorld, row: GatewayControllerRow): Version | null {
  const report = reportAt(world, row)
  if (report === null || report.state !== 'stable') return null
  const version = parseVersion(report.running.version, row.id)
  return isRefusal(version) ? null : version
}
