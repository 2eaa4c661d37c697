import { loadPublicKey } from '../../adapters/signer-file.ts'
import { type PlanHead, parsePlan } from '../../core/campaign/plan.ts'
import { checkSheets, readSheet, type Sheet } from '../../core/campaign/sheet.ts'
import { sameBytes, toHex } from '../../core/encoding/bytes.ts'
import type { JsonObject } from '../../core/encoding/canonical-json.ts'
import { isRefusal, type Refusal, refuse, sentence } from '../../core/refusal/refusal.ts'
import { readImageTarget } from '../../core/trust/image-target.ts'
import { planPath } from '../../core/trust/mapping.ts'
import type { Signature, Targets } from '../../core/trust/metadata.ts'
import { readSigned, signableBytes } from '../../core/trust/read-metadata.ts'
import { signatureBy, withTargets } from '../../core/trust/repository.ts'
import { approvalExpiry } from '../../flows/approve.ts'
import { requestMetadata, takeSignatures } from '../../flows/request.ts'
import type { Cli, Work } from './cli.ts'
import { planText } from './plan-text.ts'
import { type OpenedRepository, openRepository } from './repository.ts'
import type { Session } from './session.ts'
import { exportRequest, openRequestFile } from './signing-requests.ts'
import { listing } from './table.ts'

/**
 * With which key, or whose signature came back: `--key`, `--key` with `--export`, or `--import`. With `dryRun` everything is
 * verified and shown, and nothing signed: it needs no key.
 */
export type ApproveOptions = {
  readonly dryRun?: boolean
  readonly key?: string
  readonly export?: string
  readonly import?: string
  readonly reason?: string
}

type Draft = {
  readonly signed: JsonObject
  readonly need: number
  readonly have: readonly string[]
  readonly void: readonly Refusal[]
}

/**
 * Approves a plan. What is signed is not what the server says: the approver's own machine verifies the approval
 * repository from the root in the profile, reads the plan and all of its sheets, works out their root anew, and checks that
 * the draft is what was approved before with this plan beside it, and nothing else; and that the plan says of its releases
 * what the image repository says. Refuses `approval-draft-altered`, `sheets-not-all-seen`, what `checkSheets` and the repository's verification
 * refuse, and what the server refuses.
 */
export async function approveCampaign(cli: Cli, session: Session, id: string, options: ApproveOptions): Promise<Work> {
  const { key, export: exported, import: imported, dryRun = false } = options
  const ways = [key, imported, dryRun || undefined].filter(way => way !== undefined).length
  if (ways !== 1 || (exported !== undefined && key === undefined)) {
    const expected = 'one of --key, --key with --export, --import, and --dry-run'
    return refuse('usage-error', 'campaign approve', expected, ways === 0 ? 'none of them' : 'something else')
  }
  const bytes = await session.getBytes(`/v1/campaigns/${id}/plan`, 8 << 20)
  if (isRefusal(bytes)) return bytes
  const plan = parsePlan(bytes, `the plan of ${id}`)
  if (isRefusal(plan)) return plan
  if (plan.id !== id) return refuse('approval-draft-altered', id, `the plan of ${id}`, `that of ${plan.id}`)
  const sheets = await sheetsOf(session, id)
  if (isRefusal(sheets)) return sheets
  if (sheets.length < plan.sheets.sites) {
    const { sites } = plan.sheets
    return refuse(
      'sheets-not-all-seen',
      `the plan of ${id}`,
      `the sheets of ${sites} sites`,
      `${sheets.length} of them`,
    )
  }
  const altered = checkSheets(plan, sheets, cli.world.crypto, `the plan of ${id}`)
  if (altered !== null) return altered
  const draft = await session.get<Draft>(`/v1/campaigns/${id}/draft`)
  if (isRefusal(draft)) return draft
  for (const one of draft.void) cli.output.warn(sentence(one))
  const set = await openRepository(cli, session, 'approval')
  if (isRefusal(set)) return set
  const images = await openRepository(cli, session, 'image')
  if (isRefusal(images)) return images
  const fault = (await checkReleases(plan, images)) ?? checkDraft(cli, set.set.targets.signed, draft, plan, bytes)
  if (fault !== null) return fault
  const text = planText(cli.output, plan, sheets)
  if (dryRun) {
    cli.output.progress(`Verified, and nothing signed. Next: voltseal campaign approve ${id} --key KEY`)
    return { json: { campaign: id, dryRun, plan, sheets }, text }
  }
  cli.output.progress(text)
  if (exported !== undefined) return ask(cli, draft, set.set.targets.bytes, key as string, exported)
  const body = imported === undefined ? await signed(cli, draft, key as string) : taken(cli, draft, imported)
  if (isRefusal(body)) return body
  const result = await session.post<{ need: number; have: number; approved: boolean }>(
    `/v1/campaigns/${id}/approvals`,
    options.reason === undefined ? body : { ...body, reason: options.reason },
  )
  if (isRefusal(result)) return result
  if (result.approved) cli.output.progress(`Approved. Next: voltseal campaign start ${id}`)
  return {
    json: { campaign: id, ...result, keyid: body.keyid },
    text: listing(cli.output, [
      ['campaign', id],
      ['signatures', `${result.have} of ${result.need}`],
      ['approved', result.approved ? 'yes' : 'not yet'],
    ]),
  }
}

/** All sheets of a plan, as the server has them. Refuses what the server refuses, and `sheet-malformed`. */
async function sheetsOf(session: Session, id: string): Promise<readonly Sheet[] | Refusal> {
  const listed = await session.list<unknown>(`/v1/campaigns/${id}/sheets`)
  if (isRefusal(listed)) return listed
  const sheets: Sheet[] = []
  for (const [index, one] of listed.entries()) {
    const sheet = readSheet(one, `sheet ${index} of ${id}`)
    if (isRefusal(sheet)) return sheet
    sheets.push(sheet)
  }
  return sheets.sort((a, b) => (a.site < b.site ? -1 : 1))
}

async function signed(cli: Cli, draft: Draft, reference: string): Promise<Signature | Refusal> {
  const signer = await cli.openSigner(reference)
  if (isRefusal(signer)) return signer
  const signature = await signer.sign(signableBytes(draft.signed), 'der')
  return isRefusal(signature) ? signature : signatureBy(signer.key, signature, cli.world.crypto)
}

/** The approver's key is on another machine: it gets the draft that was checked here. */
function ask(cli: Cli, draft: Draft, before: Uint8Array, reference: string, path: string): Work {
  const key = loadPublicKey(reference)
  if (isRefusal(key)) return key
  const request = requestMetadata([{ name: 'targets', signed: draft.signed, before }], key, cli.world)
  return isRefusal(request) ? request : exportRequest(cli, path, request)
}

/** The signature of a request that came back, over exactly the draft of now. */
function taken(cli: Cli, draft: Draft, path: string): Signature | Refusal {
  const opened = openRequestFile(cli, path)
  if (isRefusal(opened)) return opened
  const taken = takeSignatures([{ name: 'targets', signed: draft.signed }], opened, path, cli.world)
  return isRefusal(taken) ? taken : (taken[0] as Signature)
}

/** What the plan says of its releases is what their makers signed: an approver reads a version and believes it. */
async function checkReleases(plan: PlanHead, published: OpenedRepository): Promise<Refusal | null> {
  for (const { path, sha256, length, class: of, version, counter } of plan.releases) {
    const target = await published.target(path)
    if (isRefusal(target)) return target
    if (target === null) return refuse('approval-draft-altered', path, 'a published release', 'none of that path')
    const release = readImageTarget(target)
    if (isRefusal(release)) return release
    const says = JSON.stringify([sha256, length, of, version, counter])
    const is = JSON.stringify([target.sha256, target.length, release.class, release.version, release.counter])
    if (says !== is) return refuse('approval-draft-altered', `${plan.id}: ${path}`, is, says)
  }
  return null
}

/** The draft is the approvals of today with this plan beside them: computed here, and compared. */
function checkDraft(cli: Cli, before: Targets, draft: Draft, plan: PlanHead, bytes: Uint8Array): Refusal | null {
  const { crypto } = cli.world
  const subject = `the approval of ${plan.id}`
  const target = { path: planPath(plan.id), length: bytes.length, sha256: toHex(crypto.sha256(bytes)), custom: null }
  const expires = approvalExpiry(before.expires, plan)
  const expected = withTargets(before, { add: [target] }, before.version + 1, expires)
  if (isRefusal(expected)) return expected
  const signed = readSigned('targets', draft.signed, subject)
  if (!isRefusal(signed) && sameBytes(signableBytes(expected), signableBytes(draft.signed))) return null
  return refuse('approval-draft-altered', subject, 'this plan beside the earlier approvals', 'something else')
}
