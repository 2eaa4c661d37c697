import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { openGatewayStore } from '../../src/adapters/store-sqlite/gateway.ts'
import { toBase64 } from '../../src/core/encoding/bytes.ts'
import { canonicalJson } from '../../src/core/encoding/canonical-json.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { type AuditEntry, entryBytes, parseEntry } from '../../src/core/ledger/entry.ts'
import type { SentItem } from '../../src/core/ledger/own-log-rows.ts'
import { firstHead, headBehind } from '../../src/core/ledger/site-chain.ts'
import { orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import {
  batchDigest,
  type SiteManifest,
  sealSiteManifest,
  writeSiteManifest,
} from '../../src/core/trust/site-manifest.ts'
import { note, record } from '../../src/flows/audit.ts'
import { acceptHistory } from '../../src/flows/fold.ts'
import { FoldedCopy } from '../../src/flows/fold-copy.ts'
import { continueByHand, goBack } from '../../src/flows/go-back.ts'
import { flushOutbox } from '../../src/flows/hand-over.ts'
import type { FleetWorld, SiteWorld } from '../../src/flows/ports.ts'
import { verifyStore } from '../../src/flows/prove.ts'
import { acceptUpstream } from '../../src/flows/report.ts'
import { Bench, codeOf } from '../threats/bench.ts'
import { say, stretch } from '../worlds/device-voice.ts'
import { heads } from '../worlds/site-log.ts'
import { Died, Interruptor } from './interruption/interruptor.ts'

/** What a gateway, or whoever has its key, can do to its own log and to its controllers' histories. */

let bench: Bench

const entry = (number: number, about: Partial<AuditEntry> = {}): SentItem['bytes'] =>
  orThrow(
    entryBytes({
      v: 1,
      kind: 'download-finished',
      at: instant(1_800_000_000_000),
      clock: 'simulated',
      actor: { kind: 'gateway', id: 'quay' },
      site: 'quay',
      detail: { number },
      ...about,
    }),
  )
const items = (from: number, count: number): SentItem[] =>
  Array.from({ length: count }, (_, n) => ({ sequence: from + n, kind: 'entry', bytes: entry(from + n) }))

/** The end of the gateway's log at the fleet. */
const there = async () => (await bench.fleet.world.store.site('quay'))!

/** Hands items over with the gateway's own key, as whoever has it can: with the heads that `before` leads to. */
async function send(
  batch: readonly SentItem[],
  before: Uint8Array,
  change: Partial<SiteManifest> = {},
): Promise<string> {
  const sequence = batch.at(-1)!.sequence
  const at = bench.fleet.clock.now()
  const batchOf = batchDigest(batch, crypto)
  const body = writeSiteManifest({
    site: 'quay',
    sequence,
    at,
    batch: batchOf,
    ...heads(before, batch),
    reports: [],
    ...change,
  })
  const manifest = sealSiteManifest(body, orThrow(await bench.site.signer.sign(canonicalJson(body), 'der')))
  return codeOf(await acceptUpstream(bench.fleet.world, 'quay', batch, manifest))
}

/** The breaks that the fleet knows, and those that whoever verifies its log finds said in it; they are the same. */
async function breaks(): Promise<string[]> {
  const { world } = bench.fleet
  const verdict = orThrow(await verifyStore(world.store, { name: world.name, key: world.auditSigner.key }, crypto))
  assert.deepEqual(verdict.findings, [])
  const shown = (one: { controller: string | null; code: string; from: number; to: number }): string =>
    `${one.controller || 'gateway'} ${one.code} ${one.from}-${one.to}`
  const found = verdict.breaks.map(shown)
  const stored = (await world.store.histories.breaks(0, 100)).map(shown)
  assert.deepEqual(stored.filter(one => !one.includes('forked')).toSorted(), found.toSorted())
  return stored
}

describe('a gateway’s own log', () => {
  before(async () => {
    bench = await Bench.make()
  })
  after(() => bench?.close())

  it('attack: an entry is left out, in front of the batch or within it', async () => {
    const { upstream, head } = await there()
    const [first, second, third] = items(upstream + 1, 3) as [SentItem, SentItem, SentItem]
    assert.equal(await send([second, third], headBehind(crypto, head, [first])), 'upstream-gap')
    assert.equal(await send([first, third], head), 'upstream-gap')
    assert.equal((await there()).upstream, upstream)
  })

  it('attack: entries are reordered, before they are handed over and after', async () => {
    const { upstream, head } = await there()
    const batch = items(upstream + 1, 3)
    assert.equal(await send(batch.toReversed(), head), 'upstream-gap')
    assert.equal(await send(batch, head), 'taken')
    assert.equal(await send(batch, head), 'taken', 'the same again does no harm')
    const [one, two, three] = batch as [SentItem, SentItem, SentItem]
    const swapped = [{ ...one, bytes: two.bytes }, { ...two, bytes: one.bytes }, three]
    assert.equal(await send(swapped, head), 'upstream-forked')
  })

  it('attack: what was handed over is told anew, and goes on', async () => {
    const { upstream, head } = await there()
    assert.equal(await send(items(upstream + 1, 2), head), 'taken')
    const other = items(upstream + 1, 1).map(item => ({ ...item, bytes: entry(99) }))
    const next = items(upstream + 3, 1)
    const rewritten = [...other, ...items(upstream + 2, 1)]
    assert.equal(await send([...rewritten, ...next], head), 'upstream-forked')
    assert.equal(await send(next, headBehind(crypto, head, rewritten)), 'upstream-forked', 'nor behind it')
  })

  it('attack: heads are signed that are not those of the items', async () => {
    const { upstream, head } = await there()
    const batch = items(upstream + 1, 1)
    assert.equal(await send(batch, head, { head: '00'.repeat(32) }), 'site-manifest-batch-differs')
  })

  it('attack: a gateway puts another gateway’s words into its log, or such as came through another log', async () => {
    const { upstream, head } = await there()
    const forged = [
      entry(1, { actor: { kind: 'gateway', id: 'harbour' }, site: 'harbour' }),
      entry(2, { actor: { kind: 'fleet', id: 'quiet' } }),
      entry(3, {
        origin: { gateway: 'harbour', sequence: 1, kind: 'entry', item: '00'.repeat(32), head: '00'.repeat(32) },
      }),
    ]
    const batch = forged.map((bytes, n) => ({ sequence: upstream + 1 + n, kind: 'entry', bytes }) as const)
    assert.equal(await send(batch, head), 'taken')
    const refused = (await bench.fleet.entries()).slice(-3)
    assert.deepEqual(
      refused.map(({ kind, code, actor, site }) => [kind, code, actor.id, site]),
      forged.map(() => ['report-refused', 'entry-author-foreign', 'quay', 'quay']),
    )
    // Nor does another gateway's key bring anything into this log.
    const mine = bench.site.signer
    bench.site = { ...bench.site, signer: bench.fleet.key('approver-0') }
    assert.equal(await send(items(upstream + 4, 1), (await there()).head), 'site-manifest-signature-invalid')
    bench.site = { ...bench.site, signer: mine }
  })

  it('what it has no more room for is said from-to, and the rest goes on', async () => {
    const { upstream, head } = await there()
    const lost = items(upstream + 1, 4)
    const rest = items(upstream + 5, 1)
    assert.equal(await send(rest, headBehind(crypto, head, lost), { lostFrom: upstream + 1 }), 'taken')
    assert.deepEqual((await breaks()).slice(-1), [`gateway upstream-lost ${upstream + 1}-${upstream + 4}`])
    assert.equal((await there()).upstream, upstream + 5)
  })

  it('a store keeps what it can, and tells which numbers are gone', async () => {
    const path = join(bench.fleet.folder, 'small.sqlite')
    const store = orThrow(openGatewayStore(path, { unsentBytes: 1000, sentBytes: 500 }))
    const put = (count: number) =>
      store.commit({ outbox: items(1, count).map(({ bytes }) => ({ kind: 'entry', bytes })) })
    await put(2)
    assert.equal((await store.ownLog()).lostFrom, undefined)
    await put(6)
    const full = await store.ownLog()
    assert.ok(full.unsentBytes <= 1000 && full.lostFrom === 1 && full.first > 1 && full.last === 8)
    await store.commit({ acknowledged: 8 })
    const told = await store.ownLog()
    assert.deepEqual(
      [told.lostFrom, told.unsentBytes, told.sentBytes <= 500, told.first > full.first],
      [undefined, 0, true, true],
    )
    store.close()
  })
})

describe('a gateway whose own log does not fit', () => {
  before(async () => {
    bench = await Bench.make()
  })
  after(() => bench?.close())

  it('is let go on by a person, and hands over what it had not yet', async () => {
    orThrow(await flushOutbox(bench.site))
    const { upstream, head } = await there()
    assert.equal(codeOf(await continueByHand(bench.site)), 'upstream-continues')
    // Another copy of the gateway has gone on; this one knows nothing of it.
    assert.equal(await send(items(upstream + 1, 2), head), 'taken')
    await note(bench.site, { kind: 'download-finished', detail: { number: 7 } })
    assert.equal(codeOf(await flushOutbox(bench.site)), 'site-manifest-replayed')
    const gone = orThrow(await continueByHand(bench.site))
    assert.deepEqual(gone, { behind: upstream + 2, acknowledged: upstream, given: upstream + 1 })
    assert.equal(await flushOutbox(bench.site), null)
    const last = (await bench.fleet.entries()).slice(-2)
    assert.deepEqual(
      last.map(({ kind, origin, detail }) => [kind, origin?.sequence, detail.behind ?? detail.number]),
      [
        ['site-log-continued', upstream + 3, upstream + 2],
        ['download-finished', upstream + 4, 7],
      ],
    )
    assert.deepEqual(await breaks(), [])
  })

  for (const mode of ['lost', 'unanswered'] as const) {
    const dying = () => ({ ...bench.site, store: new Interruptor(1, mode).store(bench.site.store) })
    const told = async (from: number) => (await bench.fleet.entries()).filter(one => (one.origin?.sequence ?? 0) > from)

    it(`power fails while it is let go on, ${mode}: it is let go on once`, async () => {
      orThrow(await flushOutbox(bench.site))
      const { upstream, head } = await there()
      assert.equal(await send(items(upstream + 1, 1), head), 'taken')
      await note(bench.site, { kind: 'download-finished', detail: { number: 8 } })
      await assert.rejects(continueByHand(dying()), Died)
      assert.equal(codeOf(await continueByHand(bench.site)), mode === 'lost' ? 'taken' : 'upstream-continues')
      assert.equal(await flushOutbox(bench.site), null)
      const kinds = (await told(upstream + 1)).map(({ kind }) => kind)
      assert.deepEqual(kinds, ['site-log-continued', 'download-finished'])
    })

    it(`power fails while it goes back to a restored fleet, ${mode}: everything is told again, once`, async () => {
      const earlier = await there()
      await note(bench.site, { kind: 'download-finished', detail: { number: 9 } })
      assert.equal(await flushOutbox(bench.site), null)
      const size = (await bench.fleet.entries()).length
      await bench.fleet.world.store.commit({ sites: [earlier], behind: ['quay'] })
      await note(bench.site, { kind: 'download-finished', detail: { number: 10 } })
      await assert.rejects(goBack(dying()), Died)
      assert.equal(await flushOutbox(bench.site), null)
      const again = (await bench.fleet.entries()).slice(size)
      assert.deepEqual(
        again.map(({ detail }) => detail.number),
        [9, 10],
      )
    })
  }

  it('is not let go on in front of what the fleet has acknowledged: that is told again', async () => {
    const older = {
      ...bench.site,
      fleet: { ...bench.site.fleet, upstream: async () => ({ sequence: 1, head: firstHead(), restored: false }) },
    }
    assert.equal(codeOf(await continueByHand(older)), 'upstream-forked')
  })

  it('goes again to a fleet that was restored, also when the gateway has not heard of that yet', async () => {
    const { store } = bench.fleet.world
    const tell = (number: number) => note(bench.site, { kind: 'download-finished', detail: { number } })
    const earlier = await there()
    for (const number of [11, 12]) await tell(number)
    assert.equal(await flushOutbox(bench.site), null)
    const { upstream } = await there()
    await store.commit({ sites: [earlier], behind: ['quay'] })
    await tell(13)
    assert.equal(await flushOutbox(bench.site), null)
    const last = (await bench.fleet.entries()).slice(-3)
    assert.deepEqual(
      last.map(({ kind, origin, detail }) => [kind, origin?.sequence, detail.number]),
      [11, 12, 13].map((number, at) => ['download-finished', upstream - 1 + at, number]),
    )
    assert.deepEqual(await store.upstream('quay'), { taken: upstream + 1, behind: false })
  })
})

describe('a controller’s own history', () => {
  const told = (world: SiteWorld, bytes: Uint8Array): Promise<{ next: number } | Refusal> =>
    acceptHistory(world, 'c0', bytes)
  const newest = (): number => bench.controllers[0]!.history().at(-1)!.decision
  const c0 = () => bench.controllers[0]!

  before(async () => {
    bench = await Bench.make()
    const { world } = bench.fleet
    const actor = { kind: 'person', id: 'ada' } as const
    const registered = bench.controllers.map(({ id, element }) => {
      const detail = { reportKey: toBase64(element.reportKey.spki) }
      return { kind: 'controller-registered', actor, site: 'quay', controller: id, detail } as const
    })
    await world.store.exclusive(() => record(world, {}, registered))
    for (let boot = 0; boot < 5; boot += 1) c0().powerUp()
    await say(() => bench.site, c0(), bench.fleet.clock)
    orThrow(await flushOutbox(bench.site))
  })
  after(() => bench?.close())

  it('attack: it is signed by another controller, is of another controller, or comes a second time', async () => {
    c0().powerUp()
    const from = newest()
    const [, c1] = bench.controllers
    const codes = [
      stretch(c0(), bench.fleet.clock, from, {}, c1),
      stretch(c0(), bench.fleet.clock, from, { controller: 'c1' }),
      stretch(c0(), bench.fleet.clock, from, { site: 'harbour' }),
      stretch(c0(), bench.fleet.clock, from, { sequence: 1 }),
    ]
    const answers = []
    for (const bytes of codes) answers.push(codeOf(await told(bench.site, bytes)))
    assert.deepEqual(answers, [
      'history-signature-invalid',
      'history-wrong-controller',
      'history-wrong-controller',
      'history-replayed',
    ])
    // Nor past the gateway: the fleet verifies for itself.
    const { upstream, head } = await there()
    orThrow(await flushOutbox(bench.site))
    const end = await there()
    assert.ok(end.upstream > upstream && end.head !== head)
    const batch = codes.map((bytes, n) => ({ sequence: end.upstream + 1 + n, kind: 'history', bytes }) as const)
    assert.equal(await send(batch, end.head), 'taken')
    const refused = (await bench.fleet.entries()).slice(-4).map(({ kind, code }) => `${kind} ${code}`)
    // Whose history it is, it says itself: to the fleet the second one is c1's, by another key.
    const [first, , ...others] = answers
    assert.deepEqual(
      refused,
      [first, first, ...others].map(code => `report-refused ${code}`),
    )
    assert.deepEqual(await breaks(), [])
    orThrow(await continueByHand(bench.site))
    orThrow(await flushOutbox(bench.site))
  })

  it('attack: its gateway drops a stretch: the next one leaves a gap that is said', async () => {
    const from = newest()
    c0().powerUp()
    c0().powerUp()
    orThrow(await told(bench.site, stretch(c0(), bench.fleet.clock, newest())))
    orThrow(await flushOutbox(bench.site))
    assert.deepEqual(await breaks(), [`c0 history-gap ${from}-${newest() - 1}`])
  })

  it('attack: its gateway drops every stretch: the reports attest what was not told', async () => {
    const known = newest()
    for (let boot = 0; boot < 2; boot += 1) {
      c0().powerUp()
      await bench.report(c0(), { event: 'boot' })
    }
    orThrow(await flushOutbox(bench.site))
    assert.deepEqual((await breaks()).slice(1), [`c0 history-withheld ${known + 1}-${known + 1}`])
    // It comes after all: then nothing is held back any more.
    await say(() => bench.site, c0(), bench.fleet.clock)
    orThrow(await flushOutbox(bench.site))
    assert.equal((await breaks()).length, 1)
  })

  it('attack: its ring is rewritten: what was told before reads otherwise now', async () => {
    c0().powerUp()
    const from = newest()
    orThrow(await told(bench.site, stretch(c0(), bench.fleet.clock, from, { before: 'ab'.repeat(32) })))
    orThrow(await flushOutbox(bench.site))
    assert.deepEqual((await breaks()).slice(1), [`c0 history-rewritten ${from - 1}-${from - 1}`])
  })

  it('attack: an older history is put back into it: its numbers went back', async () => {
    const before = newest()
    const older = { to: 3, decisions: [], lost: [{ from: 1, to: 3 }] }
    orThrow(await told(bench.site, stretch(c0(), bench.fleet.clock, 1, older)))
    orThrow(await flushOutbox(bench.site))
    assert.deepEqual((await breaks()).slice(2), [`c0 history-restarted 4-${before}`, 'c0 history-lost 1-3'])
  })
  it('a log that is brought back leads to the same places, and tells the same breaks', async () => {
    const { world } = bench.fleet
    // A store that knows the site and its controllers, and nothing that they told.
    const site = { ...(await there()), upstream: 0, head: firstHead() }
    const store = { sites: async () => [site], controller: world.store.controller.bind(world.store) }
    const empty = { ...store, histories: { history: async () => null } }
    const folded = await FoldedCopy.of({ ...world, store: empty as unknown as FleetWorld['store'] })
    const all = await world.store.entries(0, (await world.store.log()).size)
    for (const { index, bytes } of all) await folded.take(orThrow(parseEntry(bytes, `entry ${index}`)), index)
    const { sites, histories, breaks: found } = folded.change()
    assert.deepEqual(sites, [{ ...(await there()) }])
    for (const row of histories) {
      assert.deepEqual({ ...(await world.store.histories.history('quay', row.controller)) }, row)
    }
    assert.ok(histories.some(({ told: to }) => to > 0))
    const stored = await world.store.histories.breaks(0, 100)
    const plain = ({ controller, code, from, to }: (typeof found)[number]) => [controller, code, from, to]
    assert.deepEqual(found.map(plain), stored.filter(({ code }) => code !== 'upstream-forked').map(plain))
  })
})
