import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import type { Signature } from '../../src/core/trust/metadata.ts'
import { signableBytes } from '../../src/core/trust/read-metadata.ts'
import { seal, signatureBy, withTargets, writeTargets } from '../../src/core/trust/repository.ts'
import { admit } from '../../src/flows/admit.ts'
import { addAccount } from '../../src/flows/appoint.ts'
import { approve, draftOf } from '../../src/flows/approve.ts'
import { command, tick } from '../../src/flows/campaign.ts'
import { flushOutbox } from '../../src/flows/hand-over.ts'
import { openRepository } from '../../src/flows/keep.ts'
import { askedOfPasskeys } from '../../src/flows/passkey-approval.ts'
import { assigned } from '../../src/flows/relay.ts'
import { ApproverPasskey, ORIGIN, RP_ID } from '../worlds/approver-passkey.ts'
import { grants } from '../worlds/people-door.ts'
import { sealedBy } from '../worlds/quiet-fleet.ts'
import type { Bent } from '../worlds/soft-authenticator.ts'
import { Bench, running } from './bench.ts'
import { exchange, forge, forgedPlan, online, ordering, serve } from './thief.ts'

/** Approvers of whom some sign in a browser: what their signatures are worth at the gateway, whatever the server says. */
describe('approvals by passkeys', () => {
  let bench: Bench
  let anna: ApproverPasskey
  let ben: ApproverPasskey

  beforeEach(async () => {
    bench = await Bench.make()
    anna = new ApproverPasskey()
    ben = new ApproverPasskey()
    await comeIn()
  })
  afterEach(() => bench?.close())

  /** The next root of the approvals: two of approver-0, approver-1, anna and ben; the approvals of before signed under it. */
  async function comeIn(): Promise<void> {
    const { fleet } = bench
    const people = [0, 1].map(n => fleet.key(`approver-${n}`))
    const { signed } = orThrow(await openRepository(fleet.world, 'approval')).targets!
    const targets = await sealedBy(orThrow(withTargets(signed, {}, signed.version + 1, bench.soon(30))), people)
    const keys = [...people.map(({ key }) => key), anna.key, ben.key]
    await exchange(bench, 'approval', { targets: { keys, threshold: 2 } }, { also: { targets } })
    const root = orThrow(await admit(fleet.world, { by: 'certificate', person: 'administrator' }))
    for (const [id, { keyid }] of [
      ['anna', anna],
      ['ben', ben],
    ] as const) {
      const account = { id, kind: 'person', name: id, grants: grants('approver@fleet'), keys: [keyid] } as const
      orThrow(await addAccount(fleet.world, root, account))
    }
    assert.equal(await bench.refresh(), 'taken')
  }

  const draft = async (id: string) => orThrow(await draftOf(bench.fleet.world, id)).signed
  const hand = (id: string, by: string, signature: Signature) => approve(bench.fleet.world, by, id, signature)

  async function planned(id: string): Promise<void> {
    orThrow(await command(bench.fleet.world, 'ada', 'spring', 'halt', 'another one comes'))
    await bench.plan(id, bench.releases['1.2.0'])
  }

  type Written = ReturnType<typeof writeTargets>

  /** Approvals of a plan that nobody drew up, as a server which was taken over writes and serves them, with these signatures. */
  async function serveApproval(id: string, sign: (signed: Written) => Promise<readonly Signature[]>): Promise<void> {
    const made = bench.releases['1.2.0']
    const { target } = await forgedPlan(bench, id, made)
    const version = ++bench.forgeries
    const written = writeTargets({ version, expires: bench.soon(1) }, [target], null)
    const file = seal(written, await sign(written))
    const approval = await forge(bench, 'approval', [], online(bench, 'approval'), { version, file })
    serve(bench, { approval, director: await ordering(bench, made, id) })
  }

  const byKey = async (signed: Written): Promise<Signature> => {
    const signer = bench.fleet.key('approver-0')
    return signatureBy(signer.key, orThrow(await signer.sign(signableBytes(signed), 'der')), crypto)
  }

  it('a plan that a key and a passkey approve is carried out at the site', async () => {
    await planned('summer')
    await bench.approve('summer', 'approver-0')
    const asked = orThrow(await askedOfPasskeys(bench.fleet.world, 'anna', await draft('summer')))
    assert.deepEqual(
      asked.map(({ keyid, rpId, origin, credentialId }) => [keyid, rpId, origin, credentialId]),
      [[anna.keyid, RP_ID, ORIGIN, anna.key.credentialId]],
      'of anna’s keys the one that is a passkey',
    )
    const signature = anna.sign(await draft('summer'))
    assert.deepEqual(await hand('summer', 'anna', signature), { need: 2, have: 2, approved: true })
    orThrow(await command(bench.fleet.world, 'ada', 'summer', 'start', null))
    // The site says that the halted campaign has left its controllers; then this one has its turn.
    assert.equal(await bench.refresh(), 'taken')
    orThrow(await flushOutbox(bench.site))
    bench.fleet.clock.advance(20_000)
    assert.equal(await tick(bench.fleet.world), null)
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.2.0')
  })

  it('attack: two passkeys are two signatures at the server, and approve nothing', async () => {
    await planned('summer')
    assert.deepEqual(await hand('summer', 'anna', anna.sign(await draft('summer'))), {
      need: 2,
      have: 1,
      approved: false,
    })
    assert.deepEqual(await hand('summer', 'ben', ben.sign(await draft('summer'))), {
      need: 2,
      have: 1,
      approved: false,
    })
    const open = orThrow(await draftOf(bench.fleet.world, 'summer'))
    assert.deepEqual([open.have.length, open.counted], [2, 1])
    await bench.approve('summer', 'approver-1')
    assert.equal(((await draftOf(bench.fleet.world, 'summer')) as { code?: string }).code, 'campaign-already-approved')
  })

  const forged: readonly (readonly [name: string, how: Bent & { readonly origin?: string }])[] = [
    ['for another origin', { origin: 'https://evil.example' }],
    ['for another RP id', { rpId: 'evil.example' }],
    ['without user verification', { verified: false }],
    ['of a registration', { type: 'webauthn.create' }],
    ['from a frame of another site', { crossOrigin: true }],
  ]
  for (const [name, how] of forged) {
    it(`attack: an assertion ${name} is refused by the server, and by the gateway where the server lets it through`, async () => {
      await planned('summer')
      await bench.approve('summer', 'approver-0')
      const refused = await hand('summer', 'anna', anna.sign(await draft('summer'), how))
      assert.ok(isRefusal(refused))
      assert.match(refused.code, /^assertion-/)
      await serveApproval('coup', async signed => [await byKey(signed), anna.sign(signed, how)])
      assert.equal(await bench.refresh(), 'metadata-below-threshold')
      assert.equal(running(bench.controllers[0]!), '1.0.0')
    })
  }

  it('the same approval with an honest assertion is taken: it is the assertion that was refused', async () => {
    await serveApproval('coup', async signed => [await byKey(signed), anna.sign(signed)])
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.2.0')
  })

  it('attack: a server that was taken over has two people sign in, and calls their answers approvals', async () => {
    // The challenge of a sign-in is the server's to choose: it is that of its own plan.
    await serveApproval('coup', async signed => [anna.sign(signed), ben.sign(signed)])
    assert.equal(await bench.refresh(), 'metadata-below-threshold')
    assert.deepEqual(await assigned(bench.site), [])
  })

  it('attack: an assertion for one plan, replayed onto a changed one of the same name', async () => {
    await planned('summer')
    const old = anna.sign(await draft('summer'))
    await serveApproval('summer', async signed => [await byKey(signed), old])
    assert.equal(await bench.refresh(), 'metadata-below-threshold')
    await serveApproval('summer', async signed => [await byKey(signed), anna.sign(signed)])
    assert.equal(await bench.refresh(), 'taken')
  })

  it('attack: an assertion for another draft, and another approver’s passkey', async () => {
    await planned('summer')
    const other = writeTargets({ version: 3, expires: bench.soon(9) }, [], null)
    const wrong = await hand('summer', 'anna', anna.sign(other))
    assert.equal(isRefusal(wrong) && wrong.code, 'assertion-wrong-challenge')
    const foreign = await hand('summer', 'anna', { ...ben.sign(await draft('summer')), keyid: anna.keyid })
    assert.equal(isRefusal(foreign) && foreign.code, 'assertion-signature-invalid')
    const notOwn = await hand('summer', 'anna', ben.sign(await draft('summer')))
    assert.equal(isRefusal(notOwn) && notOwn.code, 'approval-key-not-own')
    const stranger = await hand('summer', 'anna', new ApproverPasskey().sign(await draft('summer')))
    assert.equal(isRefusal(stranger) && stranger.code, 'approval-key-unknown')
    const raw = signatureBy(anna.key, utf8('no assertion'), crypto)
    const none = await hand('summer', 'anna', raw)
    assert.equal(isRefusal(none) && none.code, 'assertion-malformed')
  })
})
