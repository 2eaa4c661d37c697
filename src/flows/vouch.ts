import type { PlanHead } from '../core/campaign/plan.ts'
import { canonicalJson } from '../core/encoding/canonical-json.ts'
import type { Account } from '../core/fleet/account.ts'
import { storedSite } from '../core/fleet/attested.ts'
import { FLEET, mayDo, mayDoAll, type Place } from '../core/fleet/roles.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { accountsOf } from './admit.ts'
import { Advance } from './campaign.ts'
import { about, type Opened, openCampaign, sitesOfPlan } from './opened.ts'
import { type By, person } from './persons.ts'
import type { FleetWorld } from './ports.ts'

/** The place of a site: an unknown one lies in no region. */
export async function placeOf(world: Pick<FleetWorld, 'store'>, site: string): Promise<Place> {
  const row = await world.store.site(site)
  const known = row === null ? null : storedSite(row.site, `site ${site}`)
  return { at: 'site', site, region: known === null || isRefusal(known) ? null : known.region }
}

/** The places of several sites. */
export async function placesOf(world: Pick<FleetWorld, 'store'>, sites: Iterable<string>): Promise<Place[]> {
  const places: Place[] = []
  for (const site of new Set(sites)) places.push(await placeOf(world, site))
  return places
}

/**
 * Whether this account may approve this plan with this key. The signature itself is judged elsewhere, here and by every
 * gateway; this is about who stands behind it. Refuses `approval-by-creator`, `approval-key-not-own`, `account-missing`,
 * `account-disabled`, `role-missing`.
 */
export async function refuseApprover(
  world: FleetWorld,
  { plan }: Opened,
  person: string,
  keyid: string,
): Promise<null | Refusal> {
  const accounts = await accountsOf(world)
  if (isRefusal(accounts)) return accounts
  const account = accounts.find(({ id }) => id === person)
  if (account === undefined) return refuse('account-missing', person, 'an account of this fleet', 'none of that name')
  const subject = `the approval of ${plan.id} by ${person}`
  if (!account.keys.includes(keyid)) {
    return refuse('approval-key-not-own', subject, `a key of ${person}`, `the key ${keyid.slice(0, 16)}`)
  }
  return refuseVoucher(world, plan, account, keyid, accounts)
}

/** Why the signature of this account's key does not stand for an approval of the plan; null: it does. */
async function refuseVoucher(
  world: FleetWorld,
  plan: PlanHead,
  account: Account,
  keyid: string,
  accounts: readonly Account[],
): Promise<null | Refusal> {
  const creator = plan.createdBy
  const subject = `the approval of ${plan.id} by ${account.id}`
  const other = 'somebody else than who drew it up'
  // Whoever approves has the key; with it in a second account, one person would be two.
  if (accounts.some(({ id, keys }) => id === creator && keys.includes(keyid))) {
    return refuse('approval-by-creator', subject, other, account.id === creator ? creator : `a key of ${creator} too`)
  }
  const holder = { ...account, disabled: account.standing.at === 'disabled', narrowed: null }
  if (mayDo(holder, 'approve', FLEET) === null) return null
  return mayDoAll(holder, 'approve', await placesOf(world, await sitesOfPlan(world, plan)))
}

/** Whether somebody whose signature counts already approves with another key of their own. Refuses `approval-twice`. */
export function refuseSecond({ id }: PlanHead, account: string, approvers: ReadonlySet<string>): null | Refusal {
  if (!approvers.has(account)) return null
  const actual = 'one by another of their keys'
  return refuse('approval-twice', `the approval of ${id} by ${account}`, 'one signature of each person', actual)
}

/**
 * Whether somebody could approve a plan that waits, whichever of their keys they took; `keys`: those of theirs that are among the
 * approvers'. Answered before anybody signs; a signature itself is judged when it comes. Refuses as `refuseApprover`,
 * `approval-key-unknown`, `approval-twice`.
 */
export async function couldApprove(
  world: FleetWorld,
  { plan }: Opened,
  person: string,
  approvers: { readonly keyids: readonly string[]; readonly standing: Standing },
): Promise<{ readonly keys: readonly string[]; readonly why: null | Refusal } | Refusal> {
  const accounts = await accountsOf(world)
  if (isRefusal(accounts)) return accounts
  const account = accounts.find(({ id }) => id === person)
  if (account === undefined) return refuse('account-missing', person, 'an account of this fleet', 'none of that name')
  const keys = account.keys.filter(key => approvers.keyids.includes(key))
  const subject = `the approval of ${plan.id} by ${person}`
  if (person === plan.createdBy) {
    return { keys, why: refuse('approval-by-creator', subject, 'somebody else than who drew it up', person) }
  }
  const why =
    (await refuseVoucher(world, plan, account, keys[0] ?? '', accounts)) ??
    (keys.length > 0
      ? null
      : refuse('approval-key-unknown', subject, 'a key of theirs among the approvers’', 'none')) ??
    refuseSecond(plan, person, approvers.standing.approvers)
  return { keys, why }
}

type Signed = { readonly keyid: string; readonly sig: string }

/** The signatures that count, the accounts that they are of, and why the others do not. */
export type Standing = {
  readonly counting: readonly Signed[]
  readonly approvers: ReadonlySet<string>
  readonly void: readonly Refusal[]
}

/**
 * Which of the signatures that were gathered for a plan still stand for somebody who may approve it, and why the others do
 * not. Judged each time: an approver whose account was disabled, who lost the role or whose key was taken away has not
 * approved what is not approved yet. Of the keys of one account the first counts: two of a threshold are two people.
 */
export async function standingOf(
  world: FleetWorld,
  { plan }: Opened,
  signatures: readonly Signed[],
): Promise<Standing | Refusal> {
  const accounts = await accountsOf(world)
  if (isRefusal(accounts)) return accounts
  const counting: Signed[] = []
  const voided: Refusal[] = []
  const approvers = new Set<string>()
  for (const signature of signatures) {
    const { keyid } = signature
    const owner = accounts.find(({ keys }) => keys.includes(keyid))
    const subject = `the signature of ${plan.id} by key ${keyid.slice(0, 16)}`
    const expected = 'the key of somebody who may approve it'
    if (owner === undefined) {
      voided.push(refuse('approval-void', subject, expected, 'the key of nobody any more'))
      continue
    }
    const why = (await refuseVoucher(world, plan, owner, keyid, accounts)) ?? refuseSecond(plan, owner.id, approvers)
    if (why === null) {
      counting.push(signature)
      approvers.add(owner.id)
    } else voided.push(refuse('approval-void', subject, expected, `${owner.id}: ${why.code}`))
  }
  return { counting, approvers, void: voided }
}

const REJECTED = 'rejected.json'

/** Refuses `campaign-rejected`. */
export async function refuseRejected(world: Pick<FleetWorld, 'store'>, id: string): Promise<null | Refusal> {
  if ((await world.store.file(`draft/${id}`, REJECTED)) === null) return null
  return refuse('campaign-rejected', id, 'a plan that nobody has rejected', 'a rejected one')
}

/**
 * Rejects a plan for good: its campaign ends, and signatures that were given for it are worth nothing. Durable on return, with
 * the reason in the log. Refuses `campaign-unknown`, `campaign-already-approved`, `campaign-rejected`.
 */
export function reject(world: FleetWorld, by: By, id: string, reason: string): Promise<null | Refusal> {
  return world.store.exclusive(async () => {
    const opened = await openCampaign(world, id)
    if (isRefusal(opened)) return opened
    const rejected = await refuseRejected(world, id)
    if (rejected !== null) return rejected
    const { at } = opened.rollout.state
    if (at !== 'created') return refuse('campaign-already-approved', id, 'a plan that waits for approval', at)
    const now = world.clock.now()
    const bytes = canonicalJson({ at: now, reason })
    const actor = person(by)
    const advance = new Advance(world, [{ ...about(opened.plan), kind: 'plan-rejected', actor, detail: { reason } }])
    // It ends here, and keeps its controllers from no other campaign.
    const halt = { kind: 'halt', now, reason: `rejected: ${reason}` } as const
    const decision = await advance.step(opened, halt, actor)
    if (isRefusal(decision)) return decision
    // If power fails before this commit, nobody has rejected it; after it, no signature approves it any more.
    await advance.commit({ files: [{ repo: `draft/${id}`, path: REJECTED, bytes }] })
    return null
  })
}
