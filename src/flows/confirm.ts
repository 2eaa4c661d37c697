import { isOpen } from '../core/campaign/rollout-state.ts'
import type { JsonObject } from '../core/encoding/canonical-json.ts'
import type { Instant } from '../core/encoding/units.ts'
import { formatUtc } from '../core/encoding/utc-time.ts'
import { accountBytes } from '../core/fleet/account.ts'
import type { AccountChange } from '../core/fleet/account-rows.ts'
import type { CopyMark } from '../core/fleet/backup.ts'
import { credentialBytes, parseCredential } from '../core/fleet/credential.ts'
import { type Checkpoint, openCheckpoint } from '../core/ledger/checkpoint.ts'
import type { Actor } from '../core/ledger/entry.ts'
import { personal } from '../core/ledger/telling.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { accountsOf } from './admit.ts'
import { type Event, record } from './audit.ts'
import { bringForward } from './bring-forward.ts'
import { Advance, goOn } from './campaign.ts'
import { directSites } from './direct.ts'
import { nextFiles, openRepository } from './keep.ts'
import { openCampaign } from './opened.ts'
import { person } from './persons.ts'
import type { FleetStore, FleetWorld, LogFiles, RepoFile } from './ports.ts'
import { verifyStore } from './prove.ts'

/**
 * A fleet's store that was restored goes on when a person says so. It is older than what others have seen: everything that was
 * decided since the backup is unknown to it, and comes back undone. So what it would do by itself is stopped, whatever could let
 * somebody in is taken back, and every number that it gives from now on is above those that it may have given since.
 */

/** What a person brings and decides. */
export type Confirmation = {
  /** Whose decision it is: an account of this fleet, which keeps its standing. */
  readonly by: string
  /** Signed checkpoints of this log, as witnesses, gateways and exports hold them. */
  readonly seen: readonly string[]
  /** A copy of the log that is further than the store: an export, or the archive; null: there is none. */
  readonly log: LogFiles | null
  /** Nobody holds a checkpoint of this log. */
  readonly unwitnessed: boolean
  /** Further accounts that keep their standing: a person knows that nothing was changed of them since the backup. */
  readonly keep: readonly string[]
}

export type Confirmed = {
  readonly copied: Instant
  /** Entries of the log as it goes on, and of the newest checkpoint that was seen. */
  readonly entries: number
  readonly seen: number
  /** Entries that were brought back into the log. */
  readonly forward: number
  /** Campaigns that were stopped: a person looks at each, and resumes or halts it. */
  readonly paused: readonly string[]
  /** Accounts that are disabled until an administrator has looked at them. */
  readonly disabled: readonly string[]
  /** Tokens and sessions that are revoked, passwords that are forgotten, and passkeys that are good no more. */
  readonly revoked: number
  readonly passwords: number
  readonly passkeys: number
  /** Above this number every version is that the fleet signs from now on. */
  readonly above: number
  readonly sites: readonly string[]
}

/** Refuses to go on from a store that is a copy. */
export async function refuseCopy(store: Pick<FleetStore, 'copied'>, subject: string): Promise<Refusal | null> {
  const mark = await store.copied()
  if (mark === null) return null
  const actual = `a copy of ${formatUtc(mark.made)}, at ${mark.given} entries of the log`
  return refuse('store-restored', subject, 'a store that a person has confirmed', actual)
}

/**
 * Confirms a restored store. Its log is brought forward by a copy that is further, when there is one (bring-forward.ts). The checkpoints that were seen must be heads of its log, and none of them may be further: entries that
 * others have seen must not come about a second time. Then campaigns that run are paused; every token and session is revoked,
 * every password forgotten, and every account disabled but those that are kept; what the fleet signs online is signed anew, above
 * the seconds since 1970, which no number that is counted up ever reaches; and each site's outbox may once be further than this
 * store knows. Durable on return; if power fails before, nothing is served, and the same again goes on.
 *
 * Refuses `store-not-restored`, `restore-unwitnessed`, `restore-behind`, `account-missing`, what `bringForward` and `openCheckpoint` refuse,
 * `log-forked` and the other findings of a log, and what the signers refuse.
 */
export function confirmRestored(world: FleetWorld, asked: Confirmation): Promise<Confirmed | Refusal> {
  return world.store.exclusive(async () => {
    const mark = await world.store.copied()
    if (mark === null) return refuse('store-not-restored', 'the store', 'one that was restored', 'one that was not')
    const forward = asked.log === null ? 0 : await bringForward(world, asked.log)
    if (isRefusal(forward)) return forward
    const seen = await judgeSeen(world, asked)
    if (isRefusal(seen)) return seen
    const people = await closeDoors(world, asked)
    if (isRefusal(people)) return people
    const actor = person(asked.by)
    const paused = await pauseAll(world, actor)
    if (isRefusal(paused)) return paused
    return goOnAbove(world, mark, { actor, seen, forward, people, paused })
  })
}

/** The newest of the checkpoints that were seen; each must be a head of this log. */
async function judgeSeen(world: FleetWorld, { seen, unwitnessed }: Confirmation): Promise<number | Refusal> {
  const key = { name: world.name, key: world.auditSigner.key }
  const { size } = await world.store.log()
  if (seen.length === 0 && !unwitnessed) {
    return refuse('restore-unwitnessed', 'the log', 'the newest checkpoint that somebody has seen', 'none')
  }
  let newest: Checkpoint | null = null
  for (const text of seen) {
    const checkpoint = openCheckpoint(text, key, world.crypto)
    if (isRefusal(checkpoint)) return checkpoint
    if (newest === null || checkpoint.size > newest.size) newest = checkpoint
    if (checkpoint.size > size) continue
    const verdict = await verifyStore(world.store, key, world.crypto, checkpoint)
    const fault = isRefusal(verdict) ? verdict : verdict.findings[0]
    if (fault !== undefined) return fault
  }
  if (newest !== null && newest.size > size) {
    return refuse('restore-behind', 'the log', `the ${newest.size} entries that were seen`, `${size}`)
  }
  return newest?.size ?? 0
}

type People = { readonly change: AccountChange; readonly disabled: readonly string[] }

/** A token or a passkey that was ended since the backup is in force in it, and so is an account that was disabled. */
async function closeDoors(world: FleetWorld, { by, keep }: Confirmation): Promise<People | Refusal> {
  const now = world.clock.now()
  const all = await accountsOf(world)
  if (isRefusal(all)) return all
  const kept = new Set([by, ...keep])
  const missing = [...kept].find(id => !all.some(account => account.id === id))
  if (missing !== undefined) return refuse('account-missing', missing, 'an account of this fleet', 'none of that name')
  const credentials = []
  const passwords = []
  const droppedPasskeys: string[] = []
  for (const { id } of all) {
    for (const row of await world.store.credentials(id)) {
      const stored = parseCredential(row.credential, `credential ${row.id}`)
      if (isRefusal(stored)) return stored
      if (stored.revoked !== null) continue
      const credential = credentialBytes({ ...stored, revoked: { at: now, by } })
      credentials.push({ id: row.id, account: id, credential })
    }
    if ((await world.store.password(id)) !== null) passwords.push({ account: id, hash: null })
    for (const one of await world.store.passkeys(id)) droppedPasskeys.push(one.id)
  }
  const changed = all.filter(({ id, standing }) => !kept.has(id) && standing.at === 'active')
  const standing = { at: 'disabled', since: now, reason: 'the fleet was restored from a backup' } as const
  const accounts = changed.map(account => ({ id: account.id, account: accountBytes({ ...account, standing }) }))
  return { change: { accounts, credentials, passwords, droppedPasskeys }, disabled: changed.map(({ id }) => id) }
}

/** Pauses what runs. A campaign that was halted since the backup runs in it. */
async function pauseAll(world: FleetWorld, actor: Actor): Promise<readonly string[] | Refusal> {
  const paused: string[] = []
  for (const { id } of await world.store.campaigns()) {
    const opened = await openCampaign(world, id)
    if (isRefusal(opened)) return opened
    const { at } = opened.rollout.state
    if (isOpen(opened.rollout) && at !== 'created' && at !== 'approved') paused.push(id)
    if (at !== 'running' && at !== 'soaking' && at !== 'rolling-back') continue
    const advance = new Advance(world)
    const event = { kind: 'pause', now: world.clock.now(), reason: 'the fleet was restored from a backup' } as const
    const decision = await advance.step(opened, event, actor)
    if (isRefusal(decision)) return decision
    // If power fails between two of these, nothing is served, and the next confirmation pauses the others.
    await advance.commit()
    const more = await goOn(world, advance.more)
    if (more !== null) return more
  }
  return paused
}

type Decided = {
  readonly actor: Actor
  readonly seen: number
  readonly forward: number
  readonly people: People
  readonly paused: readonly string[]
}

/** Signs everything anew above every number that may have been given, and lets the store go on: all in one transaction. */
async function goOnAbove(
  world: FleetWorld,
  mark: CopyMark,
  { actor, seen, forward, people, paused }: Decided,
): Promise<Confirmed | Refusal> {
  const now = world.clock.now()
  const above = Math.floor(now / 1000)
  const files: RepoFile[] = []
  for (const repo of ['image', 'approval'] as const) {
    const set = await openRepository(world, repo)
    if (isRefusal(set)) return set
    if (set.targets === null) continue
    const next = await nextFiles(world, repo, set, set.targets, now, { taken: above })
    if (isRefusal(next)) return next
    files.push(...next.files)
  }
  const sites = (await world.store.sites()).map(({ id }) => id)
  // Nothing is ordered: whatever runs was paused.
  const directed = await directSites(world, new Map(sites.map(id => [id, []])), now, { above })
  if (isRefusal(directed)) return directed
  const { size } = await world.store.log()
  const { change, disabled } = people
  const [revoked, passwords] = [change.credentials?.length ?? 0, change.passwords?.length ?? 0]
  const passkeys = change.droppedPasskeys?.length ?? 0
  const detail: JsonObject = { copied: mark.made, entries: size, seen, forward, above, revoked, passwords, passkeys }
  const events: Event[] = [
    { kind: 'store-restored', actor, detail: { ...detail, campaigns: paused.length, accounts: disabled.length } },
    ...disabled.map(
      (account): Event => ({
        kind: 'account-changed',
        actor,
        detail: { event: 'disabled', account: personal(account) },
      }),
    ),
    ...directed.events,
  ]
  // If power fails before this commit, the store is still a copy, and nothing is served from it; after it, all of it holds.
  await record(world, { ...change, files: [...files, ...directed.files], behind: sites, copied: null }, events)
  return {
    copied: mark.made,
    entries: size + events.length,
    seen,
    forward,
    paused,
    disabled,
    revoked,
    passwords,
    passkeys,
    above,
    sites,
  }
}
