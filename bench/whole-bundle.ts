import { nodeCrypto as crypto } from '../src/adapters/crypto-node.ts'
import { checkPlan, parsePlan, planBytes } from '../src/core/campaign/plan.ts'
import { type ProvenSheet, proveSheets, sheetFile } from '../src/core/campaign/sheet.ts'
import { releasesAt } from '../src/core/campaign/site-plan.ts'
import { withSheets } from '../src/core/campaign/turns.ts'
import { toHex } from '../src/core/encoding/bytes.ts'
import type { Json } from '../src/core/encoding/canonical-json.ts'
import type { Crypto, PublicKey, SignatureForm } from '../src/core/encoding/crypto.ts'
import { type Instant, instant, millis } from '../src/core/encoding/units.ts'
import { agreesWithTarget } from '../src/core/firmware/acceptance.ts'
import { releaseTarget } from '../src/core/firmware/release-facts.ts'
import { type Anchor, inspectEnvelope, openEnvelope } from '../src/core/firmware/suit-open.ts'
import type { Version } from '../src/core/firmware/version.ts'
import { NO_RULES } from '../src/core/fleet/site-rules.ts'
import { orThrow } from '../src/core/refusal/refusal.ts'
import { findTarget } from '../src/core/trust/find-target.ts'
import { readImageTarget } from '../src/core/trust/image-target.ts'
import { keyId } from '../src/core/trust/keys.ts'
import { type Assignment, assignmentsOf, planPath, planTarget, wantedBy } from '../src/core/trust/mapping.ts'
import type { Target } from '../src/core/trust/metadata.ts'
import { readMetadata } from '../src/core/trust/read-metadata.ts'
import { type FileAnswer, type FileRequest, refresh } from '../src/core/trust/refresh.ts'
import { withTargets } from '../src/core/trust/repository.ts'
import { type CurrentSet, trustRoot } from '../src/core/trust/trusted-set.ts'
import { record } from '../src/flows/audit.ts'
import { directSites, ordersFor } from '../src/flows/direct.ts'
import { nextFiles, openRepository } from '../src/flows/keep.ts'
import { publishRelease, storeBlob } from '../src/flows/publish.ts'
import { createRelease } from '../src/flows/release.ts'
import { signEnvelope } from '../src/flows/sign.ts'
import { QuietFleet, sealedBy } from '../tests/worlds/quiet-fleet.ts'
import { running } from '../tests/worlds/running.ts'

const SITE = 'harbour'
const DAY = 86_400_000

/** One signature check, as it was asked for. */
export type Check = readonly [key: PublicKey, message: Uint8Array, signature: Uint8Array, form: SignatureForm]

/** A verification, the signature checks that it contains, and the bytes of all that it reads. */
export type Bundle = { verify(): unknown; readonly checks: readonly Check[]; readonly bytes: number }

/** A bundle of work that verifies, with its checks as it asks for them. */
export function recorded(verify: (by: Crypto) => unknown, bytes: number): Bundle {
  const checks: Check[] = []
  verify({
    ...crypto,
    verify: (...check) => {
      checks.push(check)
      return crypto.verify(...check)
    },
  })
  return { verify: () => verify(crypto), checks, bytes }
}

/**
 * The orders of a site as a gateway is given them, in memory: a director that orders one published and approved release for
 * every controller. Their verification is that of `takeOrders`, from the first roots on, without line and store.
 */
export async function bundleOf(controllers: number): Promise<Bundle> {
  const fleet = await QuietFleet.make({ approvers: 2, threshold: 2 })
  try {
    return await bundle(fleet, controllers)
  } finally {
    fleet.close()
  }
}

async function bundle(fleet: QuietFleet, count: number): Promise<Bundle> {
  const { world } = fleet
  const now = fleet.clock.now()
  const year = instant(now + 365 * DAY)
  await fleet.site(SITE, count)
  const { envelope, targets } = await release(fleet, year)
  const ids = Array.from({ length: count }, (_, at) => `c${at}`).sort()
  const turnsAt = ids.map(controller => ({ controller, wave: 0, steps: [{ release: 0, order: 0 }] }))
  const sheet = { kind: 'voltseal-sheet', v: 1, campaign: 'bench', site: SITE, turns: turnsAt } as const
  const { proven, root: sheets } = proveSheets(crypto, [sheet])
  const body = {
    kind: 'voltseal-plan',
    v: 2,
    id: 'bench',
    title: 'Bench',
    criticality: 'security',
    createdAt: now,
    createdBy: 'bench',
    priority: 50,
    notAfter: instant(now + 30 * DAY),
    releases: [{ ...file(targets[0]), class: 'bms', version: '2.0.0' as Version, counter: 1, criticality: 'security' }],
    waves: [
      { name: 'all', soakMillis: millis(1000), gate: { minSuccessPercent: 100, maxFailures: 0 }, controllers: count },
    ],
    timeoutMillis: millis(3_600_000),
    retry: { retries: 0, backOffMillis: 0, maxBackOffMillis: 0 },
    abort: { maxFailures: 0, maxFailurePercent: 100 },
    rules: NO_RULES,
    membership: 'fixed',
    sheets,
  }
  const plan = orThrow(withSheets(orThrow(checkPlan(body, 'the plan')), [sheet], crypto, 'the plan'))
  const bytes = planBytes(plan)
  await approve(fleet, year, { path: planPath(plan.id), ...sized(bytes), custom: null })
  await fleet.campaign(plan, running(plan))
  const { orders } = await ordersFor(world, new Set([SITE]))
  const directed = orThrow(await directSites(world, orders, now))
  await record(world, { files: directed.files }, [])
  const repos = [
    await filesOf(fleet, 'director', `director/${SITE}`, SITE),
    await filesOf(fleet, 'image', 'image', null),
  ]
  repos.push(await filesOf(fleet, 'approval', 'approval', null))
  const firmware = fleet.key('firmware').key
  const anchors = [{ kid: keyId(firmware, crypto), key: firmware }]
  const known = new Map(ids.map(id => [id, { class: 'bms', hardware: 'r1' }]))
  const given: Given = { repos, plan: bytes, sheet: sheetFile(proven[0] as ProvenSheet), envelope, anchors, known }
  const files = repos.flatMap(one => [...one.files.values()])
  const total = [...files, bytes, given.sheet, envelope].reduce((sum, one) => sum + one.length, 0)
  return recorded(by => {
    const { length } = verifyBundle(given, now, by)
    if (length !== count) throw new Error(`${length} of ${count} controllers are assigned`)
  }, total)
}

type Repo = { readonly name: string; readonly site: string | null; readonly files: ReadonlyMap<string, Uint8Array> }
type Given = {
  readonly repos: readonly Repo[]
  readonly plan: Uint8Array
  readonly sheet: Uint8Array
  readonly envelope: Uint8Array
  readonly anchors: readonly Anchor[]
  readonly known: ReadonlyMap<string, { readonly class: string; readonly hardware: string }>
}

function verifyBundle(given: Given, now: Instant, by: Crypto): readonly Assignment[] {
  const [director, image, approval] = given.repos.map(({ name, site, files }) => {
    const trusted = orThrow(trustRoot(name, files.get('1.root.json')!, by, { site }))
    const refreshed = drive(refresh(trusted, now, by), files)
    if (refreshed.at !== 'current') throw new Error(refreshed.refusal.code)
    return { set: refreshed.set, files }
  }) as [Opened, Opened, Opened]
  const wanted = orThrow(wantedBy(director.set))
  const imageTargets = new Map<string, Target>()
  const look = (path: string): Target => {
    const { target } = orThrow(drive(findTarget(image.set, path, now, by), image.files))
    imageTargets.set(path, target!)
    return target!
  }
  for (const path of wanted.envelopes) look(orThrow(readImageTarget(look(path))).payload.path)
  const plans = new Map(wanted.campaigns.map(id => [id, given.plan]))
  if (planTarget(approval.set, wanted.campaigns[0]!) === null) throw new Error('not approved')
  const sheets = new Map(wanted.campaigns.map(id => [id, given.sheet]))
  const sets = { director: director.set, image: image.set, approval: approval.set, imageTargets, plans, sheets }
  const readSheet = releasesAt({ site: SITE, region: 'nl', controllers: [] }, by)
  const input = { site: SITE, controllers: given.known, ...sets, readPlan: parsePlan, readSheet }
  const assignments = orThrow(assignmentsOf(input, now, by))
  const opened = orThrow(openEnvelope(given.envelope, given.anchors, by))
  for (const release of new Set(assignments.map(one => one.release))) {
    const fault = agreesWithTarget(opened.facts, release)
    if (fault !== null) throw new Error(fault.code)
  }
  return assignments
}

type Opened = { readonly set: CurrentSet; readonly files: ReadonlyMap<string, Uint8Array> }

function drive<T>(workflow: Generator<FileRequest, T, FileAnswer>, files: ReadonlyMap<string, Uint8Array>): T {
  let step = workflow.next()
  while (!step.done) step = workflow.next(files.get(step.value.path) ?? null)
  return step.value
}

async function filesOf(fleet: QuietFleet, name: string, repo: string, site: string | null): Promise<Repo> {
  const set = orThrow(await fleet.refreshed(await fleet.client(repo)))
  const files = new Map([
    ['1.root.json', set.root.bytes],
    ['timestamp.json', set.timestamp.bytes],
    [`${set.snapshot.signed.version}.snapshot.json`, set.snapshot.bytes],
    [`${set.targets.signed.version}.targets.json`, set.targets.bytes],
  ])
  return { name, site, files }
}

const sized = (bytes: Uint8Array) => ({ length: bytes.length, sha256: toHex(crypto.sha256(bytes)) })
const file = ({ path, length, sha256 }: Target) => ({ path, length, sha256 })

async function release(fleet: QuietFleet, expires: Instant) {
  const signer = fleet.key('firmware')
  const facts = {
    vendor: 'voltworks.example',
    class: 'bms',
    hardware: ['r1'],
    version: '2.0.0',
    sequence: 2,
    counter: 1,
  }
  const made = orThrow(createRelease({ image: new Uint8Array(4096).fill(7), facts }, { crypto }))
  const kid = keyId(signer.key, crypto)
  const { envelope } = orThrow(await signEnvelope(made.envelope, kid, { crypto, signer }))
  const payload: Target = { path: 'bms/2.0.0/payload.bin', ...sized(made.image), custom: null }
  const custom = releaseTarget(orThrow(inspectEnvelope(envelope, crypto)).facts, payload.path) as unknown as Json
  const targets = [{ path: 'bms/2.0.0/envelope.suit', ...sized(envelope), custom }, payload] as const
  for (const [at, bytes] of [envelope, made.image].entries()) {
    const fault = await storeBlob(fleet.world, targets[at]!, 1 << 20, once(bytes))
    if (fault !== null) throw new Error(fault.code)
  }
  const before = orThrow(await openRepository(fleet.world, 'image')).targets!.signed
  const written = orThrow(withTargets(before, { add: targets }, before.version + 1, expires))
  const metadata = await sealedBy(written, [fleet.key('release')])
  orThrow(await publishRelease(fleet.world, 'bench', { metadata }))
  return { envelope, targets }
}

async function approve(fleet: QuietFleet, expires: Instant, target: Target): Promise<void> {
  const { world } = fleet
  const set = orThrow(await openRepository(world, 'approval'))
  const before = set.targets!.signed
  const written = orThrow(withTargets(before, { add: [target] }, before.version + 1, expires))
  const bytes = await sealedBy(written, [fleet.key('approver-0'), fleet.key('approver-1')])
  const targets = orThrow(readMetadata('targets', bytes, 'approval'))
  const { files } = orThrow(await nextFiles(world, 'approval', set, targets, fleet.clock.now()))
  await record(world, { files }, [])
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
