import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { World } from '../../sim/doors/world.ts'
import { certificateRequest, generateTlsKey } from '../../src/adapters/certificates.ts'
import type { Answer, ClientTls } from '../../src/adapters/link-https/client.ts'
import { fromBase64, fromBase64Url, fromUtf8, toBase64, toBase64Url } from '../../src/core/encoding/bytes.ts'
import { wrapFor } from '../../src/core/encoding/cose-recipient.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import type { PasskeyView, PasskeyWantedView } from '../../src/wire/account-api.ts'
import type { CampaignSummary, WrapsView } from '../../src/wire/fleet-views.ts'
import type { SiemView } from '../../src/wire/siem-api.ts'
import { API_ORIGIN, json, plan } from './api-world.ts'
import { ask, call, configOf, fleetUrl, tls } from './people.ts'
import { SoftAuthenticator } from './soft-authenticator.ts'
import { TOOLS } from './wrapping.ts'

/** Calls by which routes are tried that want more than a path. */

type Called = Promise<Answer | Refusal>
export type Calls = {
  readonly world: World
  readonly admin: ClientTls
  readonly get: (path: string) => Called
  readonly post: (path: string, body: object, key?: string) => Called
  readonly postAs: (as: ClientTls, path: string, body: object, key?: string) => Called
  readonly remove: (as: ClientTls, path: string) => Called
}

export async function wraps({ world, get, post }: Calls): Promise<void> {
  const { controllers } = JSON.parse(readFileSync(world.at('site', 'enrolment.json'), 'utf8')) as {
    controllers: { id: string; decryption: { key: string } }[]
  }
  const missing = json<WrapsView>(await get('/v1/campaigns/dark/wraps'))
  const brought = missing.map(({ site, controller, envelope }) => {
    const key = fromBase64(controllers.find(({ id }) => id === controller)!.decryption.key) as Uint8Array
    return {
      site,
      controller,
      envelope,
      wrap: toBase64(orThrow(wrapFor(key, new Uint8Array(32), TOOLS, controller))),
    }
  })
  const key = randomUUID()
  const first = await post('/v1/campaigns/dark/wraps', { wraps: brought }, key)
  assert.deepEqual(json(first), { taken: 2, missing: 0 })
  assert.deepEqual(json(await post('/v1/campaigns/dark/wraps', { wraps: brought }, key)), json(first))
}

export async function accounts({ world, admin, post, postAs, remove }: Calls): Promise<void> {
  orThrow(await post('/v1/accounts', { id: 'ana', kind: 'person', name: 'Ana', roles: ['auditor@site:quay'] }))
  orThrow(await post('/v1/accounts/ana/changes', { roles: ['auditor@fleet'] }))
  const password = 'seven quiet harbours'
  orThrow(await post('/v1/accounts/ana/password', { password }))
  const { ca } = admin
  orThrow(await postAs({ ca }, '/v1/sign-in/challenges', { provider: 'local' }))
  const proof = { at: 'password', account: 'ana', password }
  const { secret } = json<{ secret: string }>(await postAs({ ca }, '/v1/sign-in', { proof }))
  const asked = { label: 'reads', lifeMillis: 60_000 }
  const ana = { ca, bearer: secret }
  const { id } = json<{ id: string }>(await postAs(ana, '/v1/accounts/ana/tokens', asked))
  orThrow(await remove(ana, `/v1/accounts/ana/credentials/${id}`))
  await passkeys(ana, { world, postAs, remove })
  orThrow(await postAs(ana, '/v1/sign-out', {}))
  const once = json<{ secret: string }>(await postAs({ ca }, '/v1/sign-in', { proof }))
  orThrow(await postAs({ ca, bearer: once.secret }, '/v1/accounts/ana/sign-out', {}))
  const csr = await certificateRequest(generateTlsKey())
  orThrow(await post('/v1/accounts/ana/certificates', { csr }))
  orThrow(await post('/v1/accounts/ana/changes', { disabled: 'left' }))
  orThrow(await post('/v1/accounts/ana/forget', {}))
  orThrow(await post('/v1/campaigns', plan('yew', 12)))
  orThrow(await postAs(tls.profile(world.profileOf('approver-0')), '/v1/campaigns/yew/rejections', { reason: 'no' }))
}

async function passkeys(
  ana: ClientTls,
  { world, postAs, remove }: Pick<Calls, 'world' | 'postAs' | 'remove'>,
): Promise<void> {
  const device = new SoftAuthenticator()
  const wanted = json<PasskeyWantedView>(await postAs(ana, '/v1/passkeys/challenges', {}))
  const [challenge, user] = [wanted.challenge, wanted.user].map(text => fromBase64Url(text)!) as [
    Uint8Array,
    Uint8Array,
  ]
  const made = device.create({ rpId: wanted.rpId, origin: API_ORIGIN, challenge, user })
  const added = await postAs(ana, '/v1/passkeys', {
    challenge: wanted.challenge,
    label: 'the blue key',
    credential: toBase64Url(made.id),
    clientDataJSON: toBase64Url(made.clientDataJSON),
    attestationObject: toBase64Url(made.attestationObject),
  })
  const { ca } = ana
  assert.equal(
    json<{ at: string }>(await postAs({ ca }, '/v1/sign-in/challenges', { provider: 'passkey' })).at,
    'passkey',
  )
  const { id } = json<PasskeyView>(added)
  orThrow(await call(fleetUrl(world), ana, 'GET', `/v1/accounts/ana/passkeys/${id}/key`))
  orThrow(await postAs(ana, `/v1/accounts/ana/passkeys/${id}`, { label: 'the green key' }))
  orThrow(await remove(ana, `/v1/accounts/ana/passkeys/${id}`))
}

export async function enrolAgain({ world, post }: Calls): Promise<void> {
  const key = randomUUID()
  const { controllers } = configOf(world.at('site', 'enrolment.json'))
  const gateway = configOf(world.at('gateway', 'enrolment.json'))
  const body = { site: world.options.site, gateway, controllers }
  const first = orThrow(await post('/v1/sites', body, key))
  // Certificates have random numbers: only the same answer is the same.
  assert.deepEqual(orThrow(await post('/v1/sites', body, key)).body, first.body)
}

/** What a gateway reads of the log: by the checkpoint that it has it is told whether there is a newer one. */
export async function logAsFiles(world: World, gateway: ClientTls): Promise<void> {
  const get = (path: string, headers = {}) => call(fleetUrl(world), gateway, 'GET', path, undefined, headers)
  for (const path of ['/log/checkpoint', '/log/checkpoint.witnessed']) {
    const signed = orThrow(await get(path))
    const same = orThrow(await get(path, { 'if-none-match': `${signed.headers.etag}` }))
    assert.equal(same.status, 304)
  }
  const tile = orThrow(await get('/log/tile/0/000.p/1'))
  assert.equal(tile.body.length, 32)
  assert.match(`${tile.headers['cache-control']}`, /immutable/)
  // What people and sites did is for auditors: a gateway proves with hashes alone.
  const entries = await get('/log/tile/entries/000.p/1')
  assert(isRefusal(entries) && entries.code === 'not-permitted', 'attack: a gateway reads the entries of all sites')
  for (const path of ['tile/0/001', 'tile/0/../../v1/status', 'tile/0/000.p/256', 'tile/64/000', 'tile/x/000']) {
    const none = await get(`/log/${path}`)
    assert(isRefusal(none), path)
  }
  // As a witness, by hand: what it is offered, and that it does not sign.
  const offered = orThrow(await get('/v1/witness?old=0'))
  const checkpoint = (fromUtf8(offered.body) ?? '').split('\n\n').slice(1).join('\n\n')
  const refused = { code: 'witness-proof-invalid', expected: 'a proof', actual: 'none' }
  const said = await call(fleetUrl(world), gateway, 'POST', '/v1/witness', { refused, kept: checkpoint })
  assert.equal(orThrow(said).status, 204)
}

/** A pack takes its time to be made: it is fetched in packs.test.ts, and here its making is stopped. */
export async function packs({ post }: Calls): Promise<void> {
  const { id } = json<{ id: string }>(await post('/v1/audit/packs', { query: { sites: ['quay'] } }))
  const { state } = json<{ state: string }>(await post(`/v1/audit/packs/${id}/cancel`, {}))
  assert.match(state, /^(?:cancelled|failed)$/)
}

/** Nobody listens where the log is to be forwarded: the receiver is behind, and the server says why. */
export async function siem({ get, post }: Calls): Promise<void> {
  orThrow(await post('/v1/siem/soc/tests', {}, randomUUID()))
  const [soc] = json<SiemView[]>(await get('/v1/siem')) as [SiemView]
  assert.deepEqual([soc.receiver, soc.connected, soc.sent, soc.fault?.code], ['soc', false, 0, 'siem-not-reachable'])
  assert.ok(soc.behind > 0 && soc.failures > 0)
  const unknown = await post('/v1/siem/nobody/tests', {})
  assert.equal(isRefusal(unknown) ? unknown.code : '', 'not-found')
  const text = fromUtf8(orThrow(await get('/metrics')).body) ?? ''
  assert.match(text, /^voltseal_siem_behind\{receiver="soc"\} [1-9]\d*$/m)
  assert.match(text, /^voltseal_siem_connected\{receiver="soc"\} 0$/m)
  assert.match(text, /^voltseal_siem_fault\{receiver="soc",code="siem-not-reachable"\} 1$/m)
}

/** The figures of a filled world, in the text that Prometheus reads. */
export async function figures({ world, get }: Pick<Calls, 'world' | 'get'>): Promise<void> {
  const answer = orThrow(await get('/metrics'))
  const text = fromUtf8(answer.body) ?? ''
  const sample = /^[a-z_]+(?:\{[a-z]+="[^"\n]*"(?:,[a-z]+="[^"\n]*")*\})? -?(?:\d+(?:\.\d+)?(?:e-?\d+)?)$/
  for (const line of text.trimEnd().split('\n'))
    assert.match(line, line.startsWith('# ') ? /^# (?:HELP|TYPE) / : sample)
  const value = (start: string): number =>
    Number(
      text
        .split('\n')
        .find(line => line.startsWith(start))
        ?.split(' ')
        .at(-1),
    )
  const campaigns = await ask<CampaignSummary[]>(world, '/v1/campaigns?limit=1000')
  const created = campaigns.filter(({ state }) => state === 'created').length
  assert.equal(value('voltseal_campaigns{state="created"}'), created)
  assert.equal(value('voltseal_controllers{class="bms",version="1.0.0"'), 12)
  assert.equal(value('voltseal_sites '), 1)
  assert.equal(value('voltseal_webhook_dead_letters{webhook="stuck"}'), 2)
  assert.ok(value('voltseal_store_commit_seconds_count ') > 0)
  assert.ok(value('voltseal_http_request_seconds_count{route="/v1/campaigns"') > 0)
  assert.doesNotMatch(text, /bms-\d|quay/)
}
