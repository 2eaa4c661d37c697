import { type PlanHead, parsePlan } from '../core/campaign/plan.ts'
import type { RolloutPlan } from '../core/campaign/rollout-plan.ts'
import { type Rollout, readRollout } from '../core/campaign/rollout-state.ts'
import { rolloutTerms } from '../core/campaign/rollout-terms.ts'
import { parseSheetFile, type Sheet } from '../core/campaign/sheet.ts'
import type { Actor } from '../core/ledger/entry.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { CampaignRow, FleetWorld, RepoFile } from './ports.ts'

/**
 * A campaign as it is stored, with its plan's head, the terms of it that the rollout goes by, and the head of its rollout.
 * Its sheets and its turns are not read for it: they are as many as it has sites and controllers.
 */
export type Opened = {
  readonly row: CampaignRow
  readonly plan: PlanHead
  readonly terms: RolloutPlan
  readonly rollout: Rollout
}

/** Opens a campaign by its name. Refuses `campaign-unknown`, and what `openRow` refuses. */
export async function openCampaign(world: FleetWorld, id: string): Promise<Opened | Refusal> {
  const row = await world.store.campaign(id)
  return row === null ? refuse('campaign-unknown', `campaign ${id}`, 'a campaign', 'none of that name') : openRow(row)
}

const plans = new WeakMap<Uint8Array, PlanHead>()
const rollouts = new WeakMap<CampaignRow, Rollout>()

/**
 * Parses a stored row, once for as long as the store answers the same one. Refuses what `parsePlan` and `readRollout`
 * refuse: the store is damaged.
 */
export function openRow(row: CampaignRow): Opened | Refusal {
  const plan = plans.get(row.plan) ?? parsePlan(row.plan, `campaign ${row.id}`)
  if (isRefusal(plan)) return plan
  plans.set(row.plan, plan)
  const rollout = rollouts.get(row) ?? readRollout(row.state, `campaign ${row.id}`)
  if (isRefusal(rollout)) return rollout
  rollouts.set(row, rollout)
  return { row, plan, terms: rolloutTerms(plan), rollout }
}

/** Where the sheets of a campaign lie in the store: `SITE.json` each. */
export const sheetsRepo = (campaign: string): string => `sheets/${campaign}`
/** Where what the dry run of a plan said lies in the store. */
export const previewFile = (campaign: string) => ({ repo: `draft/${campaign}`, path: 'preview.json' }) as const
const sheetName = /\.json$/

/** Sheets that one look at the store reads. */
const SHEETS = 500

/** The files of a campaign's sheets, in order of their names. */
async function* sheetFiles({ store }: Pick<FleetWorld, 'store'>, id: string): AsyncGenerator<Omit<RepoFile, 'repo'>> {
  for (let path = ''; ; ) {
    const files = await store.filesAfter(sheetsRepo(id), path, SHEETS)
    yield* files
    if (files.length < SHEETS) return
    path = files.at(-1)!.path
  }
}

/** The sheets of a campaign as they are stored, in order of site. Nothing vouches for them yet. Refuses `sheet-malformed`. */
export async function sheetsOf(world: FleetWorld, id: string): Promise<readonly Sheet[] | Refusal> {
  const sheets: Sheet[] = []
  for await (const file of sheetFiles(world, id)) {
    const read = parseSheetFile(file.bytes, `${sheetsRepo(id)}/${file.path}`)
    if (isRefusal(read)) return read
    sheets.push(read.sheet)
  }
  // A file's name is a little longer than its site's: their orders are not the same.
  return sheets.sort((a, b) => (a.site < b.site ? -1 : 1))
}

const sites = new WeakMap<PlanHead, readonly string[]>()

/**
 * The sites that a plan is about, for whoever decides about it: every site that has a sheet. One without a turn is among
 * them: there, controllers join a dynamic plan later. Worked out once for each plan, whose sheets never change.
 */
export async function sitesOfPlan(world: Pick<FleetWorld, 'store'>, plan: PlanHead): Promise<readonly string[]> {
  const known = sites.get(plan)
  if (known !== undefined) return known
  const found: string[] = []
  // Of a fixed plan each sheet has a turn, and those are read without the sheets.
  if (plan.membership === 'fixed') found.push(...(await world.store.turns.sites(plan.id)))
  else for await (const { path } of sheetFiles(world, plan.id)) found.push(path.replace(sheetName, ''))
  sites.set(plan, found)
  return found
}

/** What an entry says of the campaign that it belongs to. */
export const about = ({ id, changeRequest }: Pick<PlanHead, 'id' | 'changeRequest'>) =>
  changeRequest === undefined ? { campaign: id } : { campaign: id, changeRequest }

export const fleetActor = (world: FleetWorld): Actor => ({ kind: 'fleet', id: world.name })
