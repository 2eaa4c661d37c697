import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { canonicalJson } from '../../src/core/encoding/canonical-json.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { batchDigest, sealSiteManifest, writeSiteManifest } from '../../src/core/trust/site-manifest.ts'
import { flushOutbox } from '../../src/flows/hand-over.ts'
import { acceptUpstream } from '../../src/flows/report.ts'
import { heads } from '../worlds/site-log.ts'
import { Bench, codeOf, running } from './bench.ts'

describe("theft of a controller's report key", () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await Bench.make()
  })
  afterEach(() => bench?.close())

  it('the thief can lie about that one controller', async () => {
    const [c0] = bench.controllers
    const lie = { running: { version: '9.9.9', sequence: 99, digest: 'a'.repeat(64), slot: 'a' } } as const
    assert.equal(await bench.report(c0!, { event: 'asked', ...lie }), 'taken')
  })

  it('attack: a stolen report key speaks for no other controller, and says nothing twice', async () => {
    const [c0, c1] = bench.controllers
    const codes = [
      await bench.report(c1!, { event: 'confirmed' }, c0!),
      await bench.report(c1!, { event: 'confirmed', controller: 'c0' }, c0!),
      await bench.report(c0!, { event: 'confirmed', site: 'reef' }),
      await bench.report(c0!, { event: 'confirmed', sequence: 1 }),
    ]
    assert.deepEqual(codes, [
      'report-signature-invalid',
      'report-signature-invalid',
      'report-wrong-controller',
      'report-replayed',
    ])
  })

  it('attack: a stolen report key ends with the registration of another', async () => {
    const [c0, c1] = bench.controllers
    const row = (await bench.site.store.controller('c0'))!
    // c1's element stands for the new one of c0.
    await bench.site.store.commit({ controllers: [{ ...row, reportKey: c1!.element.reportKey.spki }] })
    assert.equal(await bench.report(c0!, { event: 'confirmed' }), 'report-signature-invalid')
    assert.equal(await bench.report(c0!, { event: 'confirmed' }, c1!), 'taken')
  })
})

describe("theft of the gateway's keys", () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await Bench.make()
  })
  afterEach(() => bench?.close())

  /** A batch as whoever has the gateway's key hands it over. */
  async function handOver(bytes: Uint8Array, { site = 'quay', sequence = 0 } = {}): Promise<string> {
    const { world } = bench.fleet
    const { upstream, head } = (await world.store.site('quay'))!
    const at = upstream + 1
    const items = [{ kind: 'report', bytes, sequence: sequence || at }] as const
    const batch = batchDigest(items, crypto)
    const body = writeSiteManifest({
      site,
      sequence: items[0].sequence,
      at: bench.fleet.clock.now(),
      batch,
      ...heads(head, items),
      reports: [],
    })
    const manifest = sealSiteManifest(body, orThrow(await bench.site.signer.sign(canonicalJson(body), 'der')))
    return codeOf(await acceptUpstream(world, 'quay', items, manifest))
  }

  it('the thief can give its controllers any authentic release that is newer, and hold their reports back', async () => {
    const [c0] = bench.controllers
    const { envelope, image } = bench.releases['1.2.0']
    assert.equal(bench.install(c0!, envelope, image), null, 'published, and planned by nobody')
    assert.equal(bench.start(c0!), '1.2.0')
    assert.equal((await bench.fleet.world.store.controller('quay', 'c0'))!.sequence < c0!.element.nextReport()!, true)
  })

  it('attack: a stolen gateway makes no controller run what its boot chain refuses', async () => {
    const [c0] = bench.controllers
    const good = bench.releases['1.1.0']
    const foreign = await bench.make('6.6.6', { signer: bench.fleet.newKey('thief') })
    const bare = await bench.make('6.6.6', { signer: null })
    const low = await bench.make('1.3.0', { counter: 0 })
    const codes = [
      bench.install(c0!, foreign.envelope, foreign.image),
      bench.install(c0!, bare.envelope, bare.image),
      bench.install(c0!, low.envelope, low.image),
      bench.install(c0!, bench.releases['1.0.0'].envelope, bench.releases['1.0.0'].image),
      bench.install(c0!, good.envelope, good.image.with(99, good.image[99]! ^ 1)),
    ]
    assert.deepEqual(codes, [
      'envelope-signature-invalid',
      'envelope-unsigned',
      'release-below-floor',
      'release-not-newer',
      'install-chunk-damaged',
    ])
    assert.equal(running(c0!), '1.0.0')
  })

  it("attack: a stolen gateway forges no controller's report, and speaks for no other site", async () => {
    orThrow(await flushOutbox(bench.site))
    const [c0, c1] = bench.controllers
    const before = (await bench.fleet.world.store.controller('quay', 'c0'))!.sequence
    const codes = [
      await handOver(bench.signedReport(c0!, { event: 'confirmed' }, c1!)),
      await handOver(bench.signedReport(c0!, { event: 'confirmed', site: 'reef' })),
      await handOver(bench.signedReport(c0!, { event: 'confirmed' }), { site: 'reef' }),
      await handOver(bench.signedReport(c0!, { event: 'confirmed' }), { sequence: 9_999 }),
    ]
    assert.deepEqual(codes.slice(2), ['site-manifest-wrong-site', 'upstream-gap'])
    const after = (await bench.fleet.world.store.controller('quay', 'c0'))!.sequence
    assert.equal(after, before, `nothing of it was believed: ${codes.join(', ')}`)
    const refused = (await bench.fleet.entries())
      .filter(({ kind }) => kind === 'report-refused')
      .map(({ code }) => code)
    assert.deepEqual(refused, ['report-signature-invalid', 'report-wrong-controller'])
  })
})
