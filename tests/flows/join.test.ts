import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import type { PlanBody } from '../../src/core/campaign/plan.ts'
import { tally } from '../../src/core/campaign/rollout-state.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import { canonicalJson, type Json } from '../../src/core/encoding/canonical-json.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { releaseTarget } from '../../src/core/firmware/release-facts.ts'
import type { Version } from '../../src/core/firmware/version.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { keyId } from '../../src/core/trust/keys.ts'
import { type Report, reportBytes, sealReport } from '../../src/core/trust/report.ts'
import { withTargets } from '../../src/core/trust/repository.ts'
import { batchDigest, sealSiteManifest, writeSiteManifest } from '../../src/core/trust/site-manifest.ts'
import { command, tick } from '../../src/flows/campaign.ts'
import { joinedBy } from '../../src/flows/join.ts'
import { openRepository } from '../../src/flows/keep.ts'
import { openCampaign } from '../../src/flows/opened.ts'
import { publishRelease, releaseAt, storeBlob } from '../../src/flows/publish.ts'
import { createRelease } from '../../src/flows/release.ts'
import { acceptUpstream } from '../../src/flows/report.ts'
import { signEnvelope } from '../../src/flows/sign.ts'
import { firstTurns, turnOf } from '../../src/flows/turns.ts'
import { turnOf as planned, planOfSheets, sheetOf } from '../core/campaign/plans.ts'
import { report as sample } from '../core/trust/report-sample.ts'
import { keyOf, signWith } from '../core/trust/simulated-repository.ts'
import { QuietFleet, sealedBy } from '../worlds/quiet-fleet.ts'
import { running } from '../worlds/running.ts'
import { heads } from '../worlds/site-log.ts'

const pair = () => keyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'ecdsa-p256')
const [gateway, c0, c1] = [pair(), pair(), pair()]

/** A campaign takes in who comes to match while it runs. Three sites; it has sheets for two, and turns for one. */
describe('a dynamic membership', () => {
  let fleet: QuietFleet
  let anchor: string
  let release: PlanBody['releases'][number]
  let upstream = 0
  const keys = { gateway: gateway.key.spki, reports: [c0.key.spki, c1.key.spki], power: '1MW' }

  before(async () => {
    fleet = await QuietFleet.make()
    for (const site of ['harbour', 'pier', 'quay']) await fleet.site(site, 2, keys)
    const signer = fleet.key('firmware')
    anchor = keyId(signer.key, crypto)
    release = await published()
  })
  after(() => fleet?.close())

  async function published(version = '2.3.0', sequence = 9): Promise<PlanBody['releases'][number]> {
    const facts = {
      vendor: 'voltworks.example',
      class: 'bms',
      hardware: ['r1'],
      version,
      sequence,
      counter: 3,
    }
    const made = orThrow(createRelease({ image: new Uint8Array(5_000).fill(sequence), facts }, { crypto }))
    const { envelope: bytes } = orThrow(
      await signEnvelope(made.envelope, anchor, { crypto, signer: fleet.key('firmware') }),
    )
    const sized = (all: Uint8Array) => ({ length: all.length, sha256: toHex(crypto.sha256(all)) })
    const payload = { path: `bms/${version}/payload.bin`, ...sized(made.payload), custom: null }
    const custom = releaseTarget(made.facts, payload.path) as unknown as Json
    const envelope = { path: `bms/${version}/envelope.suit`, ...sized(bytes), custom }
    for (const [target, body] of [
      [envelope, bytes],
      [payload, made.payload],
    ] as const) {
      const stream = async function* () {
        yield body
      }
      assert.equal(await storeBlob(fleet.world, target, 1 << 20, stream()), null)
    }
    const { signed } = orThrow(await openRepository(fleet.world, 'image')).targets!
    const expires = instant(fleet.clock.now() + 30 * 86_400_000)
    const written = orThrow(withTargets(signed, { add: [envelope, payload] }, signed.version + 1, expires))
    orThrow(
      await publishRelease(fleet.world, 'somebody', { metadata: await sealedBy(written, [fleet.key('release')]) }),
    )
    const { path, length, sha256 } = envelope
    return { path, length, sha256, class: 'bms', version: version as Version, counter: 3, criticality: 'security' }
  }

  const campaign = async (id: string, change: Partial<PlanBody>): Promise<void> => {
    const sheets = [sheetOf('harbour', [planned('c0')], id), sheetOf('quay', [], id)]
    const notAfter = instant(fleet.clock.now() + 30 * 86_400_000)
    const given = change.membership === undefined ? sheets.slice(0, 1) : sheets
    const { plan } = planOfSheets(given, { id, releases: [release], notAfter, ...change })
    await fleet.campaign(plan, running(plan))
  }
  const dynamic = (select: object): Partial<PlanBody> => ({ membership: { dynamic: true, select, wave: 0 } as never })
  const says = (site: string, controller: string, change: Partial<Report> = {}): Report => {
    const { assignment: _, ...rest } = sample
    const running = { version: '2.2.0', sequence: 8, digest: 'b'.repeat(64), slot: 'a' } as const
    upstream += 1
    return {
      ...rest,
      site,
      controller,
      sequence: upstream,
      attempts: [],
      running,
      counter: 2,
      anchors: [anchor],
      ...change,
    }
  }
  const joined = async (report: Report): Promise<string[]> => {
    const row = (await fleet.world.store.controller(report.site, report.controller))!
    return orThrow(await joinedBy(fleet.world, row, report)).map(
      ({ seat, opened }) => `${opened.plan.id} ${seat.watts}`,
    )
  }

  async function hand(site: string, sequence: number, ...reports: readonly Report[]): Promise<void> {
    const items = reports.map((report, index) => {
      const key = report.controller === 'c0' ? c0 : c1
      const bytes = sealReport(report, signWith(key, orThrow(reportBytes(report))))
      return { sequence: sequence + index, kind: 'report' as const, bytes }
    })
    const { head } = (await fleet.world.store.site(site))!
    const batch = { batch: batchDigest(items, crypto), ...heads(head, items) }
    const said = { sequence: items.at(-1)!.sequence, at: fleet.clock.now(), ...batch }
    const body = writeSiteManifest({ site, ...said, reports: [] })
    const manifest = sealSiteManifest(body, signWith(gateway, canonicalJson(body)))
    orThrow(await acceptUpstream(fleet.world, site, items, manifest))
  }

  it('takes in who fits, at the sites that it has a sheet for, and nobody else', async () => {
    await campaign('spring', dynamic({ classes: ['bms'], regions: ['nl'] }))
    await campaign('fixed', {})
    await campaign('elsewhere', dynamic({ regions: ['de'] }))
    const rows: [what: string, report: Report, campaigns: string[]][] = [
      ['one that has no turn yet', says('harbour', 'c1'), ['spring 1000000']],
      ['one of a site without turns', says('quay', 'c0'), ['spring 1000000']],
      ['one that has its turn', says('harbour', 'c0'), []],
      ['attack: one of a site that has no sheet', says('pier', 'c0'), []],
      [
        'one that runs something as new',
        says('quay', 'c0', { running: { version: '2.3.0', sequence: 9, digest: 'c'.repeat(64), slot: 'a' } }),
        [],
      ],
      [
        'attack: one that does not accept the key of the release',
        says('quay', 'c0', { anchors: ['0a'.repeat(32)] }),
        [],
      ],
      ['one whose floor is higher', says('quay', 'c0', { counter: 4 }), []],
    ]
    for (const [what, report, campaigns] of rows) assert.deepEqual(await joined(report), campaigns, what)
  })

  it('attack: one without a power of its own counts what is behind it, in a seat of the plan and in one that it gets later', async () => {
    await fleet.site('wharf', 3, { ...keys, power: '400kW', behind: true })
    const { plan } = planOfSheets([sheetOf('wharf', [planned('c0'), planned('c1')], 'first')], { id: 'first' })
    const rows = orThrow(await firstTurns(fleet.world, plan)).map(turnOf)
    assert.deepEqual(
      rows.map(({ controller, watts }) => `${controller} ${watts}`),
      ['c0 800000', 'c1 400000'],
    )
    const notAfter = instant(fleet.clock.now() + 30 * 86_400_000)
    const later = planOfSheets([sheetOf('wharf', [planned('c1')], 'late')], {
      id: 'late',
      releases: [release],
      notAfter,
      ...dynamic({ sites: ['wharf'] }),
    }).plan
    await fleet.campaign(later, running(later))
    assert.deepEqual(await joined(says('wharf', 'c0')), ['late 800000'])
  })

  it('with the report that shows it, in one transaction, once; and orders it with the next tick', async () => {
    const { world } = fleet
    await hand('quay', 1, says('quay', 'c0'), says('quay', 'c0'))
    const turns = (await world.store.turns.page('spring', null, 10)).map(turnOf)
    assert.deepEqual(
      turns.map(({ site, controller, at }) => `${site}/${controller} ${at}`),
      ['harbour/c0 assigned', 'quay/c0 waiting'],
    )
    const { rollout } = orThrow(await openCampaign(world, 'spring'))
    assert.deepEqual([tally(rollout).total, tally(rollout, 0).waiting], [2, 1])
    const entries = await fleet.entries()
    assert.equal(entries.filter(({ kind }) => kind === 'controllers-joined').length, 1)
  })

  /** A campaign over one controller of the pier, in its first wave. */
  const alone = async (id: string, controller: string, releases: PlanBody['releases']): Promise<void> => {
    const steps = releases.map((_, index) => ({ release: index, order: index }))
    const sheet = sheetOf('pier', [{ ...planned(controller), steps }], id)
    const notAfter = instant(fleet.clock.now() + 30 * 86_400_000)
    const { plan } = planOfSheets([sheet], { id, releases, notAfter })
    await fleet.campaign(plan, running(plan))
  }
  const turn = async (id: string) => turnOf((await fleet.world.store.turns.page(id, null, 1))[0]!)
  const told = async (id: string, verb: 'pause' | 'resume') =>
    assert.equal(await command(fleet.world, 'ada', id, verb, 'storm'), null)
  const built = async (of: PlanBody['releases'][number]) => {
    const { imageDigest: digest, sequence } = orThrow(await releaseAt(fleet.world, of)).facts
    return { version: of.version, sequence, digest }
  }

  it('an image that its controller holds over a pause is waited for, though it says so no second time', async () => {
    await alone('held', 'c0', [release])
    await hand('pier', 1, says('pier', 'c0', { event: 'staged', staged: await built(release) }))
    await told('held', 'pause')
    await told('held', 'resume')
    for (let hours = 0; hours < 9; hours += 3) {
      fleet.clock.advance(3 * 3_600_000)
      assert.equal(await tick(fleet.world), null)
    }
    const { at, attempt } = await turn('held')
    assert.deepEqual([at, attempt], ['assigned', 1])
  })

  it('a step that was begun counts also when its order was taken back, by the report that shows it', async () => {
    const next = await published('2.4.0', 10)
    await alone('stones', 'c1', [release, next])
    const runs = async (of: PlanBody['releases'][number]) =>
      says('pier', 'c1', { event: 'confirmed', running: { ...(await built(of)), slot: 'b' } })
    await hand('pier', 2, await runs(release))
    assert.equal(await tick(fleet.world), null)
    await told('stones', 'pause')
    assert.deepEqual([(await turn('stones')).at, (await turn('stones')).step], ['between', 0])
    await hand('pier', 3, await runs(next))
    assert.deepEqual([(await turn('stones')).at, (await turn('stones')).step], ['confirmed', 1])
  })
})
