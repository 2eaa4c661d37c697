import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { SimElement } from '../../sim/secure-element/sim-element.ts'
import { certifyNewKey } from '../../src/adapters/certificates.ts'
import type { ClientTls } from '../../src/adapters/link-https/client.ts'
import { readAuthority } from '../../src/apps/fleet/enrolment.ts'
import { fleetFiles } from '../../src/apps/fleet/files.ts'
import { fromUtf8 } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { type Report, reportBytes, sealReport } from '../../src/core/trust/report.ts'
import type { Offer } from '../../src/wire/gateway-api.ts'
import { ask, call, fleetUrl, gatewayUrl, standing, tls } from '../worlds/people.ts'
import { image, QUAY } from '../worlds/quay.ts'
import { started } from '../worlds/started.ts'

/** The handshake ends without an answer: a server says no more to whom it does not know. */
const SHUT = /^(?:tls-refused|not-reachable)$/

const outcome = (answer: Awaited<ReturnType<typeof call>>): string =>
  isRefusal(answer) ? answer.code : String(answer.status)

/** Stolen: keys by which one speaks over the network, each alone. Over real mutual TLS. */
describe('theft of a TLS key', () => {
  let world: World
  let bms1: ClientTls
  before(async () => {
    world = await started(QUAY, async made => {
      await made.reported()
      await made.stopSite()
      await made.publish(await made.release('bms', '1.1.0', image(2)))
      await made.campaign('spring', ['bms/1.1.0/envelope.suit'])
      const offered = async () =>
        outcome(await call(gatewayUrl(made), tls.controller(made, 'bms-1'), 'GET', '/v1/offer'))
      await made.until('the gateway offers', async () => (await offered()) === '200')
      return made
    })
    bms1 = tls.controller(world, 'bms-1')
  })
  after(() => world?.stop())

  const get = async (origin: string, as: ClientTls, path: string) => outcome(await call(origin, as, 'GET', path))

  /** A report of a controller under its next number, signed by the element of `signer`. */
  function signedReport(id: string, signer: string): Uint8Array {
    const element = new SimElement({ file: world.at('site', 'controllers', signer, 'element.json') })
    const report: Report = {
      kind: 'voltseal-report',
      v: 1,
      site: 'quay',
      controller: id,
      sequence: 1_000_000 + (element.nextReport() as number),
      at: instant(Date.now()),
      event: 'confirmed',
      state: 'stable',
      running: { version: '1.1.0', sequence: 1_001_000, digest: 'a'.repeat(64), slot: 'b' },
      counter: 0,
      anchors: [],
      attempts: [],
    }
    return sealReport(report, element.signReport(orThrow(reportBytes(report))))
  }

  async function offerOf(as: ClientTls): Promise<Offer> {
    return JSON.parse(fromUtf8(orThrow(await call(gatewayUrl(world), as, 'GET', '/v1/offer')).body) ?? '') as Offer
  }

  it("the thief of a controller's TLS key can fetch what is meant for it", async () => {
    const { payload } = await offerOf(bms1)
    assert.equal(await get(gatewayUrl(world), bms1, `/v1/blobs/${payload.sha256}`), '200')
  })

  it("attack: a controller's stolen TLS key speaks for no other controller, makes no report, and opens no door of the fleet", async () => {
    const { payload } = await offerOf(bms1)
    const bms2 = tls.controller(world, 'bms-2')
    assert.equal(await get(gatewayUrl(world), bms2, `/v1/blobs/${payload.sha256}`), 'not-found', 'nor bms-2 for bms-1')
    const post = async (bytes: Uint8Array) => outcome(await call(gatewayUrl(world), bms1, 'POST', '/v1/reports', bytes))
    assert.equal(await post(signedReport('bms-2', 'bms-2')), 'report-signature-invalid')
    // Its report key lies in the element: a report by any other key is none.
    assert.equal(await post(signedReport('bms-1', 'bms-2')), 'report-signature-invalid')
    const { ca } = tls.administrator(world)
    assert.match(await get(fleetUrl(world), { ...bms1, ca }, '/v1/releases'), SHUT)
  })

  it("the thief of the gateway's TLS key can see what is ordered for its site", async () => {
    const gateway = tls.gateway(world.at('gateway'))
    assert.equal(await get(fleetUrl(world), gateway, '/v1/repos/director/timestamp.json'), '200')
  })

  it("attack: the gateway's stolen TLS key sees no other site, and does nothing that people do", async () => {
    const gateway = tls.gateway(world.at('gateway'))
    const was = await standing(world)
    const codes = [
      await get(fleetUrl(world), gateway, '/v1/repos/director%2Freef/timestamp.json'),
      await get(fleetUrl(world), gateway, '/v1/controllers'),
      outcome(
        await call(fleetUrl(world), gateway, 'POST', '/v1/campaigns/spring/commands', { command: 'halt', reason: 'x' }),
      ),
      outcome(await call(fleetUrl(world), gateway, 'POST', '/v1/releases', { metadata: 'AAAA' })),
    ]
    assert.deepEqual(codes, ['not-found', 'not-permitted', 'not-permitted', 'not-permitted'])
    assert.deepEqual(await standing(world), was)
  })

  it("attack: a person's stolen client key publishes nothing and approves nothing: both are signatures by other keys", async () => {
    const was = await standing(world)
    const approval = { keyid: 'a'.repeat(64), sig: 'aa'.repeat(64) }
    const who = tls.administrator(world)
    const publish = await world.run(
      'publish',
      await world.release('bms', '1.9.0', image(9)),
      '--key',
      world.at('keys', 'approver-0'),
    )
    assert.equal((publish.json as { code: string }).code, 'signer-not-in-role')
    const approve = outcome(await call(fleetUrl(world), who, 'POST', '/v1/campaigns/spring/approvals', approval))
    assert.notEqual(approve, '200')
    assert.deepEqual(await standing(world), was)
  })

  // --- The authority of a site ---

  const siteAuthority = () => orThrow(readAuthority(fleetFiles(world.at('fleet')).authority('site-quay')))

  it('the thief of the site authority can speak as any controller of the site, and play its gateway to them', async () => {
    const now = instant(Date.now())
    const identity = { kind: 'controller', site: 'quay', id: 'bms-1' } as const
    const forged = await certifyNewKey(siteAuthority(), { identity }, now)
    const offer = await offerOf({ ...forged, ca: bms1.ca })
    assert.equal(offer.activate, false)
    const played = await certifyNewKey(
      siteAuthority(),
      { identity: { kind: 'gateway', site: 'quay' }, hosts: [world.host] },
      now,
    )
    assert.ok(played.cert.includes('BEGIN CERTIFICATE'))
  })

  it('attack: a stolen site authority makes no report, no gateway to the fleet, and no member of another site', async () => {
    const now = instant(Date.now())
    const controller = { kind: 'controller', site: 'quay', id: 'bms-1' } as const
    const forged = { ...(await certifyNewKey(siteAuthority(), { identity: controller }, now)), ca: bms1.ca }
    const report = signedReport('bms-1', 'bms-2')
    assert.equal(
      outcome(await call(gatewayUrl(world), forged, 'POST', '/v1/reports', report)),
      'report-signature-invalid',
    )
    const { ca } = tls.administrator(world)
    for (const identity of [
      { kind: 'gateway', site: 'quay' } as const,
      { kind: 'person', id: 'administrator' } as const,
    ]) {
      const own = { ...(await certifyNewKey(siteAuthority(), { identity }, now)), ca }
      assert.match(await get(fleetUrl(world), own, '/v1/check-in'), SHUT, identity.kind)
    }
    const stranger = { kind: 'controller', site: 'reef', id: 'bms-1' } as const
    const other = { ...(await certifyNewKey(siteAuthority(), { identity: stranger }, now)), ca: bms1.ca }
    assert.equal(await get(gatewayUrl(world), other, '/v1/offer'), 'not-permitted')
  })

  // The last one: what it does stays done.
  it("the thief of a person's client key can halt a campaign", async () => {
    const halt = { command: 'halt', reason: 'because I can' }
    const answer = await call(fleetUrl(world), tls.administrator(world), 'POST', '/v1/campaigns/spring/commands', halt)
    assert.match(outcome(answer), /^20\d$/)
    const { state } = await ask<{ state: string }>(world, '/v1/campaigns/spring')
    assert.equal(state, 'halted')
  })
})
