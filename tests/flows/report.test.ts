import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { fromUtf8 } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import type { AuditEntry } from '../../src/core/ledger/entry.ts'
import type { SentItem } from '../../src/core/ledger/own-log-rows.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import type { Report, ReportedAttempt } from '../../src/core/trust/report.ts'
import { giveTurns } from '../../src/flows/coordinate.ts'
import { flushOutbox } from '../../src/flows/hand-over.ts'
import type { FleetLink } from '../../src/flows/ports.ts'
import { assigned, refreshSite, workOf } from '../../src/flows/relay.ts'
import { acceptControllerReport } from '../../src/flows/report.ts'
import { judge, type Row } from '../bad-input/rows.ts'
import { ask, askCampaign, log } from '../worlds/people.ts'
import { image, QUAY } from '../worlds/quay.ts'
import { type Gateway, gatewayOf } from '../worlds/site-world.ts'
import { rest, started } from '../worlds/started.ts'
import { entryItem, handOver, type Item, lastReports, signedReport, speaker, takenIn } from '../worlds/upstream.ts'

/** A fleet that has ordered 1.1.0 for bms-1, and a site that does not answer: every report is the test's. */
async function fill(world: World): Promise<World> {
  await world.reported()
  await rest(world)
  await world.publish(await world.release('bms', '1.1.0', image(2)))
  await world.campaign('spring', ['bms/1.1.0/envelope.suit'])
  return world
}

type Said = { readonly code: string; readonly kind: string }
const said = (entries: readonly AuditEntry[]): Said[] => entries.map(({ kind, code }) => ({ kind, code: code ?? '' }))

describe('reports, from a controller over its gateway to the fleet', () => {
  let world: World
  before(async () => {
    world = await started(QUAY, fill)
  })
  after(() => world?.stop())

  const withGateway = async <T>(
    work: (gateway: Gateway) => Promise<T>,
    link?: (honest: FleetLink) => Partial<FleetLink>,
  ) => {
    const gateway = await gatewayOf(world, link === undefined ? {} : { link })
    try {
      return await work(gateway)
    } finally {
      gateway.close()
    }
  }

  // --- At the gateway ---

  type Bad = Pick<Row<World>, 'name' | 'code' | 'expected' | 'actual'> & {
    readonly exit?: number
    readonly bytes: (of: World) => Promise<Uint8Array>
  }
  const REPORTS: readonly Bad[] = [
    {
      name: 'attack: a changed byte in a report',
      code: 'report-signature-invalid',
      bytes: async of => {
        const text = fromUtf8(await signedReport(of, 'bms-1')) ?? ''
        return new TextEncoder().encode(text.replace('"counter":0', '"counter":1'))
      },
      expected: /^a signature by its report key$/,
      actual: /^one that does not hold$/,
    },
    {
      name: 'attack: a controller that reports as another',
      code: 'report-signature-invalid',
      bytes: of => signedReport(of, 'bms-1', {}, 'bms-2'),
      expected: /^a signature by its report key$/,
      actual: /^one that does not hold$/,
    },
    {
      name: 'attack: a report of its own key about another controller',
      code: 'report-wrong-controller',
      bytes: of => signedReport(of, 'bms-1', { controller: 'bms-2' }),
      expected: /^quay\/bms-1$/,
      actual: /^quay\/bms-2$/,
    },
    {
      name: 'attack: a report about another site',
      code: 'report-wrong-controller',
      bytes: of => signedReport(of, 'bms-1', { site: 'reef' }),
      expected: /^quay\/bms-1$/,
      actual: /^reef\/bms-1$/,
    },
    {
      name: 'a report cut short',
      code: 'report-malformed',
      exit: 65,
      bytes: async of => (await signedReport(of, 'bms-1')).slice(0, -9),
      expected: /./,
      actual: /./,
    },
    {
      name: 'attack: a report in another spelling',
      code: 'report-malformed',
      exit: 65,
      bytes: async of => new TextEncoder().encode(`${fromUtf8(await signedReport(of, 'bms-1'))} `),
      expected: /^canonical JSON$|./,
      actual: /./,
    },
  ]
  const AT_GATEWAY = REPORTS.map(row => ({
    exit: 20,
    subject: /^report of quay\/bms-1$/,
    meet: () => Promise.reject(new Error('met below')),
    ...row,
  }))

  for (const row of AT_GATEWAY) {
    it(`${row.name}: ${row.code}`, () =>
      withGateway(async ({ site, store, entries }) => {
        const refusal = await acceptControllerReport(site, 'bms-1', await row.bytes(world))
        assert.ok(isRefusal(refusal))
        judge(row, refusal)
        const known = await store.controller('bms-1')
        assert.deepEqual([known?.report, known?.sequence], [null, 0], 'nothing was taken in')
        assert.deepEqual(said(await entries()), [{ kind: 'report-refused', code: row.code }])
        assert.equal((await store.outbox(10)).length, 1, 'only the entry goes on to the fleet')
      }))
  }

  it('attack: a replayed report', () =>
    withGateway(async ({ site, store, entries }) => {
      const older = await signedReport(world, 'bms-1')
      const newer = await signedReport(world, 'bms-1')
      const { accepted } = orThrow(await acceptControllerReport(site, 'bms-1', newer))
      assert.deepEqual(
        await acceptControllerReport(site, 'bms-1', newer),
        { accepted },
        'the same again: its answer was lost',
      )
      const refusal = await acceptControllerReport(site, 'bms-1', older)
      assert.ok(isRefusal(refusal) && refusal.code === 'report-replayed')
      assert.deepEqual(said(await entries()), [{ kind: 'report-refused', code: 'report-replayed' }])
      assert.equal((await store.outbox(10)).filter(({ kind }) => kind === 'report').length, 1)
    }))

  it('a report of a controller that the site does not have', () =>
    withGateway(async ({ site }) => {
      const refusal = await acceptControllerReport(site, 'bms-9', await signedReport(world, 'bms-1'))
      assert.ok(isRefusal(refusal) && refusal.code === 'controller-unknown')
    }))

  it('staged, given its turn, lost, staged again, refused: the work follows the reports', () =>
    withGateway(async ({ site, store }) => {
      assert.equal(await refreshSite(site), null)
      const { id, payload } = [...(await assigned(site)).values()][0]!
      const staged = { version: '1.1.0', sequence: 1_001_000, digest: payload.sha256 }
      const at = async (): Promise<string> => workOf((await store.controller('bms-1'))!).at
      const say = async (changes: Partial<Report>): Promise<string> => {
        orThrow(await acceptControllerReport(site, 'bms-1', await signedReport(world, 'bms-1', changes)))
        return at()
      }
      assert.equal(await at(), 'staging')
      assert.deepEqual((await giveTurns(site)).granted, [], 'nothing is staged yet')
      assert.equal(await say({ event: 'staged', assignment: id, staged }), 'staged')
      assert.deepEqual((await giveTurns(site)).granted, ['bms-1'])
      assert.deepEqual((await giveTurns(site)).granted, [], 'the budget is one')
      assert.equal(await at(), 'granted')
      // It boots what it ran before and holds nothing: the staged image was damaged in flash.
      assert.equal(await say({ event: 'boot' }), 'staging')
      const refusal = { code: 'release-below-floor', subject: 'a', expected: 'b', actual: 'c' }
      assert.equal(await say({ event: 'refused', assignment: id, refusal }), 'done')
    }))

  // --- From the gateway to the fleet ---

  const AT_FLEET: readonly {
    readonly name: string
    readonly code: string
    readonly item: (of: World) => Promise<Item>
  }[] = [
    {
      name: 'attack: a gateway that invents a report',
      code: 'report-signature-invalid',
      item: async of => ({ kind: 'report', bytes: await signedReport(of, 'bms-1', { counter: 7 }, 'bms-2') }),
    },
    {
      name: 'attack: a gateway that plays an old report again',
      code: 'report-replayed',
      item: async of => ({ kind: 'report', bytes: (await lastReports(of)).get('bms-1')!.bytes }),
    },
    {
      name: 'attack: a gateway that brings a report of no controller of its site',
      code: 'controller-unknown',
      item: async of => ({ kind: 'report', bytes: await signedReport(of, 'bms-1', { controller: 'bms-9' }) }),
    },
    {
      name: 'attack: a gateway that writes in the name of a person',
      code: 'entry-author-foreign',
      item: async () => entryItem({ actor: { kind: 'person', id: `person:${'0'.repeat(64)}` } }),
    },
    {
      name: 'attack: a gateway that writes in the name of another gateway',
      code: 'entry-author-foreign',
      item: async () => entryItem({ actor: { kind: 'gateway', id: 'reef' } }),
    },
    {
      name: 'attack: a gateway that writes of another site',
      code: 'entry-author-foreign',
      item: async () => entryItem({ site: 'reef' }),
    },
    {
      name: 'attack: a gateway that writes what only the fleet decides',
      code: 'entry-kind-foreign',
      item: async () =>
        entryItem({ kind: 'controller-assigned', controller: 'bms-1', campaign: 'spring', detail: { from: '9.9.9' } }),
    },
    {
      name: 'a gateway whose entry cannot be read',
      code: 'entry-malformed',
      item: async () => ({ kind: 'entry', bytes: new TextEncoder().encode('{"v":1}') }),
    },
  ]

  for (const { name, code, item } of AT_FLEET) {
    it(`${name}: ${code}, recorded, and passed over`, async () => {
      const was = await askCampaign(world, 'spring')
      const controllers = await ask(world, '/v1/controllers')
      const before = (await log(world)).length
      const from = (await takenIn(world)) + 1
      const answer = orThrow(await handOver(world, [await item(world), entryItem()]))
      assert.deepEqual(JSON.parse(fromUtf8(answer.body) ?? ''), { acknowledged: from + 1 }, 'the outbox is not held up')
      const more = (await log(world)).slice(before)
      assert.deepEqual(said(more), [
        { kind: 'report-refused', code },
        { kind: 'download-finished', code: '' },
      ])
      assert.deepEqual(
        more.map(({ origin, actor }) => [origin?.gateway, origin?.sequence, actor.id]),
        [
          ['quay', from, 'quay'],
          ['quay', from + 1, 'quay'],
        ],
        'under its own name, in its own place',
      )
      assert.deepEqual(await ask(world, '/v1/controllers'), controllers, 'no controller is believed to be elsewhere')
      assert.deepEqual(await askCampaign(world, 'spring'), was, 'the campaign does not move')
    })
  }

  it('work on the spot, as the controller itself attests it: an entry beside the report; and none without work', async () => {
    const before = (await log(world)).length
    const speak = await speaker(world, 'bms-2')
    const staged = { version: '1.1.0', sequence: 1_001_000, digest: 'ab'.repeat(32) }
    const assignment = 'on the spot 0123456789abcdef'
    const said = [
      speak({ event: 'staged', assignment, staged }),
      speak({ event: 'boot', assignment }),
      speak({ event: 'staged', assignment: 'ordered by the fleet', staged }),
    ]
    orThrow(
      await handOver(
        world,
        said.map(bytes => ({ kind: 'report', bytes })),
      ),
    )
    const more = (await log(world)).slice(before)
    assert.deepEqual(
      more.map(({ kind }) => kind),
      ['controller-report', 'maintenance-seen', 'controller-report', 'controller-report'],
    )
    const [report, seen] = more
    assert.deepEqual(
      [seen?.actor, seen?.site, seen?.controller],
      [report?.actor, 'quay', 'bms-2'],
      'nobody else says so',
    )
    const detail = { event: 'staged', work: assignment, version: '1.0.0', report: report?.detail.sequence }
    assert.deepEqual(seen?.detail, detail)
  })

  const WHOLE: readonly {
    readonly name: string
    readonly code: string
    readonly with: (of: World) => Parameters<typeof handOver>[2]
  }[] = [
    {
      name: 'attack: a batch that another key signed',
      code: 'site-manifest-signature-invalid',
      with: of => ({ key: of.at('keys', 'firmware') }),
    },
    {
      name: 'attack: a batch of another site',
      code: 'site-manifest-wrong-site',
      with: () => ({ manifestSite: 'reef' }),
    },
    {
      name: 'attack: other items under a manifest that was signed for some',
      code: 'site-manifest-batch-differs',
      with: () => ({ signedFor: [entryItem({ kind: 'link-restored' })] }),
    },
    { name: 'attack: a batch from before', code: 'site-manifest-replayed', with: () => ({ from: 1 }) },
  ]

  for (const { name, code, with: how } of WHOLE) {
    it(`${name}: ${code}, nothing taken in`, async () => {
      const [taken, before] = [await takenIn(world), (await log(world)).length]
      const refusal = await handOver(world, [entryItem()], how(world))
      assert.ok(isRefusal(refusal))
      assert.equal(refusal.code, code)
      assert.equal(await takenIn(world), taken)
      assert.deepEqual(said((await log(world)).slice(before)), [{ kind: 'access-refused', code }])
    })
  }

  it('a gap in what a gateway hands over: upstream-gap, nothing taken in', async () => {
    const taken = await takenIn(world)
    const refusal = await handOver(world, [entryItem()], { from: taken + 2 })
    assert.ok(isRefusal(refusal) && refusal.code === 'upstream-gap')
    assert.equal(refusal.expected, String(taken + 1))
    assert.equal(await takenIn(world), taken)
  })

  it('a batch whose answer was lost is answered as before, and recorded once', async () => {
    const from = (await takenIn(world)) + 1
    const items = [entryItem(), entryItem({ kind: 'link-restored' })]
    for (let times = 0; times < 2; times += 1) {
      const answer = orThrow(await handOver(world, items, { from }))
      assert.deepEqual(JSON.parse(fromUtf8(answer.body) ?? ''), { acknowledged: from + 1 })
    }
    const mine = (await log(world)).filter(({ origin }) => (origin?.sequence ?? 0) >= from)
    assert.deepEqual(
      mine.map(({ kind }) => kind),
      ['download-finished', 'link-restored'],
    )
  })

  // --- The outbox ---

  it('attack: reports as large as they may be do not hold the outbox up', () => {
    const batches: number[] = []
    const link = (): Partial<FleetLink> => ({
      send: async items => {
        batches.push(items.reduce((sum, item) => sum + item.bytes.length, 0))
        return items.at(-1)!.sequence
      },
    })
    return withGateway(async ({ site, store }) => {
      const attempt: ReportedAttempt = {
        version: 'v'.repeat(64),
        sequence: 1,
        digest: '',
        at: instant(0),
        phase: 'p',
        cause: 'ü'.repeat(160),
      }
      const attempts = Array.from({ length: 16 }, () => attempt)
      const say = await speaker(world, 'bms-1')
      for (let n = 0; n < 120; n += 1) orThrow(await acceptControllerReport(site, 'bms-1', say({ attempts })))
      assert.equal(await flushOutbox(site), null)
      assert.deepEqual(await store.outbox(1), [])
      assert.ok(batches.length > 1 && Math.max(...batches) <= 512 * 1024, String(batches))
    }, link)
  })

  for (const [name, lie] of [
    ['more than it was given', (items: readonly SentItem[]) => items.at(-1)!.sequence + 5],
    ['nothing', () => 0],
  ] as const) {
    it(`attack: a fleet server that acknowledges ${name}: nothing is forgotten`, () =>
      withGateway(
        async ({ site, store }) => {
          for (let n = 0; n < 3; n += 1) {
            orThrow(await acceptControllerReport(site, 'bms-1', await signedReport(world, 'bms-1')))
          }
          const refusal: Refusal | null = await flushOutbox(site)
          assert.equal(refusal?.code, 'answer-unexpected')
          assert.equal((await store.outbox(10)).length, 3)
        },
        () => ({ send: async items => lie(items) }),
      ))
  }
})
