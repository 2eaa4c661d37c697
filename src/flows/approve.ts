import type { PlanBody } from '../core/campaign/plan.ts'
import { sameBytes, toHex } from '../core/encoding/bytes.ts'
import type { JsonObject } from '../core/encoding/canonical-json.ts'
import { type Instant, instant } from '../core/encoding/units.ts'
import { formatUtc } from '../core/encoding/utc-time.ts'
import type { Actor } from '../core/ledger/entry.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { isPasskey } from '../core/trust/keys.ts'
import { planPath } from '../core/trust/mapping.ts'
import type { Target } from '../core/trust/metadata.ts'
import { readMetadata, signableBytes } from '../core/trust/read-metadata.ts'
import { seal, withTargets } from '../core/trust/repository.ts'
import { judgeSignature, verifySigned, worthOf } from '../core/trust/signatures.ts'
import type { TrustedSet } from '../core/trust/trusted-set.ts'
import { type Event, record } from './audit.ts'
import { Advance } from './campaign.ts'
import { nextFiles, openRepository } from './keep.ts'
import { about, type Opened, openCampaign } from './opened.ts'
import { type By, nameOf, person } from './persons.ts'
import type { FleetWorld, RepoFile } from './ports.ts'
import { refuseApprover, refuseRejected, refuseSecond, type Standing, standingOf } from './vouch.ts'

/** An approval as it would become, for an approver to read and sign; `have` are the keys that signed it already. */
export type ApprovalDraft = {
  readonly signed: JsonObject
  readonly need: number
  readonly have: readonly string[]
  /** What they are worth together: passkeys make up all that are needed but one. */
  readonly counted: number
  /** Signatures that were given and count no more, each with the reason. */
  readonly void: readonly Refusal[]
}

/**
 * What an approver signs: the approval targets with this plan beside those that were approved before. The same until
 * something else is approved. Refuses `campaign-unknown`, `campaign-already-approved`, `campaign-rejected`, and what
 * `openRepository` refuses.
 */
export async function draftOf(world: FleetWorld, id: string): Promise<ApprovalDraft | Refusal> {
  const opened = await openCampaign(world, id)
  if (isRefusal(opened)) return opened
  const rejected = await refuseRejected(world, id)
  if (rejected !== null) return rejected
  if (opened.rollout.state.at !== 'created') {
    return refuse('campaign-already-approved', id, 'a plan that waits for approval', opened.rollout.state.at)
  }
  const vouched = await vouchedFor(world, opened)
  if (isRefusal(vouched)) return vouched
  const { signed, need, counted, standing } = vouched
  return { signed, need, have: standing.counting.map(({ keyid }) => keyid), counted, void: standing.void }
}

/** The draft of a plan that waits, whose signatures stand for it, and the keys of the approvers in the root. */
export type Vouched = {
  readonly signed: JsonObject
  readonly need: number
  /** What the signatures that stand are worth together. */
  readonly counted: number
  readonly keyids: readonly string[]
  readonly standing: Standing
}

/** Who has vouched so far for a plan that waits. Refuses what `openRepository` refuses. */
export async function vouchedFor(world: FleetWorld, opened: Opened): Promise<Vouched | Refusal> {
  const set = await openRepository(world, 'approval')
  if (isRefusal(set)) return set
  const signed = approvalOf(world, set, opened)
  if (isRefusal(signed)) return signed
  const { threshold, keyids } = set.root.signed.roles.targets
  const standing = await standingOf(world, opened, await gathered(world, opened.plan.id, signed))
  if (isRefusal(standing)) return standing
  const given = standing.counting.map(({ keyid }) => keyid)
  return { signed, need: threshold, counted: countOf(set, given), keyids, standing }
}

/** What signatures by these keys are worth: of passkeys alone, one less than are needed (`worthOf`). */
function countOf({ root }: TrustedSet, keyids: readonly string[]): number {
  const { keys, roles } = root.signed
  const known = keyids.map(id => keys.get(id) ?? null).filter(key => key !== null)
  return worthOf(known, roles.targets.threshold)
}

const DAY = 86_400_000

function approvalOf(world: FleetWorld, set: TrustedSet, { plan, row }: Opened): JsonObject | Refusal {
  const before = set.targets?.signed
  if (before === undefined) return refuse('store-without-root', 'approval', 'targets.json', 'none')
  const target: Target = {
    path: planPath(plan.id),
    length: row.plan.length,
    sha256: toHex(world.crypto.sha256(row.plan)),
    custom: null,
  }
  return withTargets(before, { add: [target] }, before.version + 1, approvalExpiry(before.expires, plan))
}

/**
 * When the approvals expire: the same for all who sign, from the plan and not from the clock. A year, so that approvals
 * outlive their campaigns. Approvers compute it themselves: who could choose it could make an approval hold for ever.
 */
export function approvalExpiry(before: Instant, plan: Pick<PlanBody, 'notAfter'>): Instant {
  return instant(Math.max(before, Math.ceil((plan.notAfter + 365 * DAY) / 1000) * 1000))
}

/** Signatures that were given over exactly this draft. They are void as soon as the draft is another one. */
async function gathered(
  world: FleetWorld,
  id: string,
  draft: JsonObject,
): Promise<readonly { keyid: string; sig: string }[]> {
  const file = await world.store.file(`draft/${id}`, 'targets.json')
  if (file === null) return []
  const document = readMetadata('targets', file, `draft ${id}`)
  if (isRefusal(document)) return []
  return sameBytes(signableBytes(document.signed.raw), signableBytes(draft)) ? document.signatures : []
}

/**
 * Adds one approver's signature. At the threshold the plan is approved: the approval repository's new targets, snapshot
 * and timestamp and the campaign's state become durable together. Below it the signature is kept. Refuses as `draftOf`,
 * `approval-key-unknown`, `approval-signature-invalid` (of a passkey what `checkAssertion` refuses), `approval-twice`, `campaign-expired`, and what `refuseApprover` refuses. `reason` is kept
 * in the log.
 */
export function approve(
  world: FleetWorld,
  by: By,
  id: string,
  { reason, ...signature }: { readonly keyid: string; readonly sig: string; readonly reason?: string },
): Promise<{ need: number; have: number; approved: boolean } | Refusal> {
  return world.store.exclusive(async () => {
    const draft = await draftOf(world, id)
    if (isRefusal(draft)) return draft
    const opened = await openCampaign(world, id)
    if (isRefusal(opened)) return opened
    const now = world.clock.now()
    if (now >= opened.plan.notAfter) {
      return refuse('campaign-expired', id, `a time before ${formatUtc(opened.plan.notAfter)}`, formatUtc(now))
    }
    const set = await openRepository(world, 'approval')
    if (isRefusal(set)) return set
    const { keys, roles } = set.root.signed
    const key = roles.targets.keyids.includes(signature.keyid) ? (keys.get(signature.keyid) ?? null) : null
    const subject = `the approval of ${id} by key ${signature.keyid.slice(0, 16)}`
    if (key === null) return refuse('approval-key-unknown', subject, 'a key of the approvers', 'another one')
    const invalid = judgeSignature(key, signableBytes(draft.signed), signature, subject, world.crypto)
    if (invalid !== null) {
      // A passkey's says what is wrong with it; of other keys there is no more to say.
      if (isPasskey(key)) return invalid
      return refuse('approval-signature-invalid', subject, 'a signature over the draft', 'one that does not hold')
    }
    const unfit = await refuseApprover(world, opened, nameOf(by), signature.keyid)
    if (unfit !== null) return unfit
    const standing = await standingOf(world, opened, await gathered(world, id, draft.signed))
    if (isRefusal(standing)) return standing
    const before = standing.counting
    const counted = (keyids: readonly string[]): number => countOf(set, keyids)
    // The same approver again: the first answer was lost, and nothing is counted or recorded twice.
    if (before.some(({ keyid }) => keyid === signature.keyid)) {
      return { need: draft.need, have: counted(before.map(({ keyid }) => keyid)), approved: false }
    }
    const second = refuseSecond(opened.plan, nameOf(by), standing.approvers)
    if (second !== null) return second
    const signatures = [...before, signature]
    const file = seal(draft.signed, signatures)
    const targets = readMetadata('targets', file, 'approval: targets')
    if (isRefusal(targets)) return targets
    const have = counted(targets.signatures.map(({ keyid }) => keyid))
    const actor: Actor = { ...person(by), key: signature.keyid }
    const { need } = draft
    const said: JsonObject = reason === undefined ? {} : { reason }
    const held: RepoFile = { repo: `draft/${id}`, path: 'targets.json', bytes: file }
    const signedNow: Event = { ...about(opened.plan), kind: 'approval-signed', actor, detail: { have, need, ...said } }
    if (verifySigned(targets, keys, roles.targets, 'approval: targets', world.crypto) !== null) {
      await record(world, { files: [held] }, [signedNow])
      return { need, have, approved: false }
    }
    const written = await nextFiles(world, 'approval', set, targets, now)
    if (isRefusal(written)) return written
    const advance = new Advance(world, [signedNow])
    const decision = await advance.step(opened, { kind: 'approve', now }, actor)
    if (isRefusal(decision)) return decision
    await advance.commit({ files: [held, ...written.files] })
    return { need, have, approved: true }
  })
}
