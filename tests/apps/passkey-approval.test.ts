import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { fromUtf8, toBase64Url } from '../../src/core/encoding/bytes.ts'
import type { JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { challengeFor } from '../../src/core/trust/assertion.ts'
import { writePasskey } from '../../src/core/trust/passkey.ts'
import { readMetadata, signableBytes } from '../../src/core/trust/read-metadata.ts'
import type { DraftView } from '../../src/wire/fleet-views.ts'
import { ApproverPasskey, ORIGIN, RP_ID } from '../worlds/approver-passkey.ts'
import { call, fleetUrl, gatewayUrl, log, tls, voltseal } from '../worlds/people.ts'
import { image, QUAY } from '../worlds/quay.ts'
import { started } from '../worlds/started.ts'

/** A passkey's way from the console's file into the root, and its signature's way to the gateway, over the real doors. */
describe('an approver with a passkey', () => {
  let world: World
  const anna = new ApproverPasskey()
  const path = '/v1/campaigns/spring'

  before(async () => {
    world = await started(QUAY, async made => {
      await made.reported()
      await made.stopSite()
      await made.publish(await made.release('bms', '1.1.0', image(2)))
      return made
    })
  })
  after(() => world?.stop())

  const must = async (...argv: string[]) => (await world.must(...argv)) as Record<string, unknown>
  const ask = (method: string, at: string, body?: object) =>
    call(fleetUrl(world), tls.profile(world.at('anna', 'profile.yaml')), method, at, body)
  const offered = async (): Promise<number> =>
    orThrow(await call(gatewayUrl(world), tls.controller(world, 'bms-1'), 'GET', '/v1/offer')).status
  async function draft(): Promise<DraftView> {
    const { body } = orThrow(await ask('GET', `${path}/draft`))
    return JSON.parse(fromUtf8(body) as string)
  }

  it('comes in by a ceremony, from what the console handed out', async () => {
    writeFileSync(world.at('anna.json'), writePasskey(anna.key))
    const shown = await must('key', 'passkey', world.at('anna.json'), '--public', world.at('anna.passkey'))
    assert.deepEqual([shown.kid, shown.alg, shown.origin, shown.rpId], [anna.keyid, 'webauthn-es256', ORIGIN, RP_ID])
    assert.equal(readFileSync(world.at('anna.passkey'), 'utf8').trim(), fromUtf8(writePasskey(anna.key)))
    const folder = world.at('passkeys')
    const add = ['--role', 'targets', '--add-signer', `anna=${world.at('anna.passkey')}`]
    await must('ceremony', 'start', folder, '--repository', 'approval', ...add)
    await must('ceremony', 'sign', folder, '--key', world.at('fleet', 'keys', 'approval-root'))
    await must('ceremony', 'close', folder)
    await must('account', 'add', 'anna', '--role', 'approver@fleet', '--key', world.at('anna.passkey'))
    await must('account', 'hand-over', 'anna', '--out', world.at('anna'), '--certificate')
    const { body } = orThrow(await ask('GET', '/v1/repos/approval/2.root.json'))
    const root = orThrow(readMetadata('root', body, 'approval: root')).signed
    assert.deepEqual(root.keys.get(anna.keyid), anna.key)
  })

  it('is told what to sign, signs it in the browser, and with a key of a file the gateway takes the plan', async () => {
    await must('campaign', 'create', '--id', 'spring', '--soak', '100ms', '--release', 'bms/1.1.0/envelope.suit')
    await world.approve('spring', 0)
    const { signed, passkeys, have, need, counted } = await draft()
    assert.deepEqual([have.length, counted, need], [1, 1, 2])
    const challenge = toBase64Url(challengeFor(signableBytes(signed as JsonObject), nodeCrypto))
    const { rpId, origin, credentialId } = anna.key
    assert.deepEqual(passkeys, [{ keyid: anna.keyid, credentialId, rpId, origin, challenge }])
    const unverified = await ask('POST', `${path}/approvals`, anna.sign(signed as JsonObject, { verified: false }))
    assert.equal(isRefusal(unverified) && unverified.code, 'assertion-user-not-verified')
    orThrow(await ask('POST', `${path}/approvals`, anna.sign(signed as JsonObject)))
    const told = (await log(world)).filter(({ kind }) => kind === 'approval-signed')
    assert.ok(told.some(({ actor }) => 'key' in actor && actor.key === anna.keyid))
    assert.notEqual(await offered(), 200)
    await must('campaign', 'start', 'spring')
    await world.until('the gateway offers what a passkey has approved', async () => (await offered()) === 200)
  })

  it('its approval is verified offline too, from the first roots', async () => {
    const folder = world.at('exported')
    await must('repository', 'export', folder)
    const first = (repo: string) => ['--root', `${repo}=${world.at('fleet', 'roots', `${repo}.root.json`)}`]
    const shown = await must('repository', 'verify', folder, ...first('image'), ...first('approval'))
    assert.match(JSON.stringify(shown), /campaigns\/spring\.json|approval/)
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    const signed = files.filter(name => name.includes('approval') && name.endsWith('.targets.json'))
    const holds = (name: string): boolean => readFileSync(join(folder, name), 'utf8').includes(anna.keyid)
    assert.ok(signed.some(holds), 'with the passkey’s signature in it')
  })

  it('attack: a passkey’s file in the place of a release key, or of a root’s', async () => {
    for (const [repository, role] of [
      ['image', 'targets'],
      ['approval', 'root'],
      ['director', 'targets'],
    ] as const) {
      const add = ['--repository', repository, '--role', role, '--add-signer', `anna=${world.at('anna.passkey')}`]
      const { refusal } = await voltseal(world, ['ceremony', 'start', world.at('bad'), '--threshold', '2', ...add])
      assert.equal(refusal?.code, 'passkey-not-allowed', `${repository} ${role}`)
    }
    for (const argv of [
      ['sign', world.at('bms-1.1.0.release'), '--key', world.at('anna.passkey')],
      ['publish', world.at('bms-1.1.0.release'), '--key', world.at('anna.passkey')],
      ['campaign', 'approve', 'spring', '--key', world.at('anna.passkey')],
    ]) {
      const { refusal } = await voltseal(world, argv)
      assert.match(refusal?.code ?? '', /^(?:key-malformed|campaign-already-approved)$/)
    }
    const plain = await voltseal(world, ['key', 'passkey', world.at('keys', 'firmware.pub')])
    assert.equal(plain.refusal?.code, 'key-malformed')
  })
})
