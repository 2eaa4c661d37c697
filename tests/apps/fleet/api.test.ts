import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../../sim/doors/world.ts'
import type { Authority } from '../../../src/adapters/certificates.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import type { Answer, ClientTls } from '../../../src/adapters/link-https/client.ts'
import { loadSigner } from '../../../src/adapters/signer-file.ts'
import { fromUtf8, toBase64 } from '../../../src/core/encoding/bytes.ts'
import type { JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { signableBytes } from '../../../src/core/trust/read-metadata.ts'
import { signatureBy } from '../../../src/core/trust/repository.ts'
import { ROUTES } from '../../../src/wire/fleet-routes.ts'
import type { CampaignSummary, ControllerView, ReleaseView } from '../../../src/wire/fleet-views.ts'
import type { WebhookView } from '../../../src/wire/webhook-api.ts'
import { accounts, enrolAgain, figures, logAsFiles, packs, siem, wraps } from '../../worlds/api-calls.ts'
import { API_SITE, fill, json, outcome, plan } from '../../worlds/api-world.ts'
import { seen } from '../../worlds/contract.ts'
import { type EventReader, openStream, reading } from '../../worlds/event-reader.ts'
import { kept, LEAVES, leaving } from '../../worlds/leaves.ts'
import { ask, call, fleetUrl, log, tls } from '../../worlds/people.ts'
import { image } from '../../worlds/quay.ts'
import { Receiver } from '../../worlds/receiver.ts'
import { settled, started } from '../../worlds/started.ts'
import { handOver, signedReport } from '../../worlds/upstream.ts'
import { BEGIN_LIST, filled, listOf, PACK } from './api-requests.ts'

/** Where the contract test brings what is in force already. */
const IN_FORCE = ['/v1/releases', '/v1/ceremonies/']

describe('the fleet’s API, over a real server', () => {
  let world: World
  let receivers: Authority
  let admin: ClientTls
  before(async () => {
    ;({ world, receivers } = await started({ ...API_SITE, patches: true }, fill))
    await settled(world)
    admin = tls.administrator(world)
  })
  after(() => world?.stop())

  const get = (path: string) => call(fleetUrl(world), admin, 'GET', path)
  /** Whatever is accepted must have left its entry in the log; `isNews`: unless it is in force already. */
  const postAs = (as: ClientTls, path: string, body: object, key?: string, isNews?: boolean) => {
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': `"${key}"` }
    return leaving(world, 'POST', path, () => call(fleetUrl(world), as, 'POST', path, body, headers), isNews)
  }
  const post = (path: string, body: object, key?: string) => postAs(admin, path, body, key)
  const remove = (as: ClientTls, path: string) =>
    leaving(world, 'DELETE', path, () => call(fleetUrl(world), as, 'DELETE', path))

  // --- Pages ---
  /** All pages of a list, each of so many items. */
  async function pages<T>(path: string, limit: number, between?: (page: number) => Promise<unknown>): Promise<T[][]> {
    const found: T[][] = []
    for (let next: string | null = `${path}?limit=${limit}`; next !== null; ) {
      const answer: Answer = orThrow(await get(next))
      const body = json<T[] | { entries: T[] }>(answer)
      found.push(Array.isArray(body) ? body : body.entries)
      next = /^<(.*)>; rel="next"$/.exec(`${answer.headers.link ?? ''}`)?.[1] ?? null
      await between?.(found.length)
    }
    return found
  }

  it('every list comes in pages, each item once and in the same order', async () => {
    const lists: readonly (readonly [path: string, limit: number])[] = [
      ['/v1/controllers', 2],
      ['/v1/releases', 3],
      ['/v1/campaigns', 1],
      ['/v1/controllers/quay/bms-1/history', 1],
      ['/v1/campaigns/dark/wraps', 1],
      ['/v1/campaigns/dark/controllers', 1],
      ['/v1/audit/entries', 7],
      ['/v1/webhooks/stuck/dead-letters', 1],
    ]
    for (const [path, limit] of lists) {
      const whole = (await pages(path, 1000)).flat()
      const parts = await pages(path, limit)
      assert.ok(parts.length > 1, path)
      assert.deepEqual(parts.flat(), whole, path)
      assert.ok(
        parts.every(({ length }) => length <= limit),
        path,
      )
    }
  })

  it('a list that changes while it is read gives what stays exactly once', async () => {
    const before = (await pages<ReleaseView>('/v1/releases', 1000)).flat().map(({ path }) => path)
    const listed = await pages<ReleaseView>('/v1/releases', 2, async page => {
      // One that comes before the page that was read last, and one behind it.
      if (page === 1) {
        await world.publish(
          await world.release('bms', '1.0.1', image(5)),
          await world.release('bms', '3.0.0', image(6)),
        )
        await settled(world)
      }
    })
    const paths = listed.flat().map(({ path }) => path)
    assert.equal(new Set(paths).size, paths.length)
    assert.deepEqual(
      paths.filter(path => before.includes(path)),
      before,
    )
    assert.ok(paths.includes('bms/3.0.0/envelope.suit'))
  })

  it('attack: a forged cursor', async () => {
    const first = orThrow(await get('/v1/controllers?limit=2'))
    const cursor = /cursor=([^&>]+)/.exec(`${first.headers.link}`)?.[1] as string
    const made = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const forged = [
      'x',
      '%00',
      'a'.repeat(512),
      `${cursor}A`,
      `${cursor}==`,
      made(['releases', 'a']),
      made(['controllers', 'quay']),
      made(['controllers', 'quay', 7]),
      made(['controllers', ['quay'], 'bms-1']),
      made({ 0: 'controllers', 1: 'quay', 2: 'bms-1', length: 3 }),
      Buffer.from('["controllers", "quay","bms-1"]').toString('base64url'),
    ]
    for (const one of forged) assert.equal(outcome(await get(`/v1/controllers?cursor=${one}`)), 'cursor-invalid', one)
    for (const path of [`/v1/campaigns?cursor=${cursor}`, `/v1/campaigns/dark/wraps?cursor=${cursor}`]) {
      assert.equal(outcome(await get(path)), 'cursor-invalid', path)
    }
    const elsewhere = `/v1/controllers/quay/bms-2/history?cursor=${made(['history quay/bms-1', 0])}`
    assert.equal(outcome(await get(elsewhere)), 'cursor-invalid')
    const negative = `/v1/audit/entries?cursor=${made(['entries', -5])}`
    assert.equal(outcome(await get(negative)), 'cursor-invalid')
    // One that is made well says where to go on, and shows nothing that the list does not.
    const well = json<ControllerView[]>(await get(`/v1/controllers?cursor=${made(['controllers', 'quay', 'bms-3'])}`))
    assert.deepEqual(
      well.map(({ id }) => id),
      ['bms-4', 'bms-5', 'bms-6', 'bms-7', 'bms-8', 'bms-9'],
    )
  })

  it('attack: an oversized or odd query', async () => {
    for (const query of [
      'limit=0',
      'limit=1001',
      'limit=-1',
      'limit=1e3',
      'limit=2&limit=3',
      'more=1',
      `cursor=${'a'.repeat(513)}`,
    ]) {
      assert.equal(outcome(await get(`/v1/controllers?${query}`)), 'request-malformed', query)
    }
    for (const size of [12_000, 20_000]) {
      const answer = await get(`/v1/controllers?cursor=${'a'.repeat(size)}`)
      assert.ok(isRefusal(answer), `${size}`)
      assert.match(answer.code, /^(?:request-malformed|answer-unexpected)$/)
    }
  })

  // --- Requests that are repeated ---
  const standing = async (): Promise<object> => ({
    campaigns: await ask(world, '/v1/campaigns?limit=1000'),
    releases: await ask(world, '/v1/releases'),
    log: (await log(world)).filter(({ kind }) => kind !== 'access-refused').length,
  })

  it('a request that is repeated under its key is carried out once, and answered as before', async () => {
    const key = randomUUID()
    const first = orThrow(await post('/v1/campaigns', plan('maple', 6), key))
    await world.approve('maple')
    const was = await standing()
    const again = orThrow(await post('/v1/campaigns', plan('maple', 6), key))
    assert.deepEqual(again.body, first.body)
    assert.equal(first.headers['idempotent-replayed'], undefined)
    assert.equal(again.headers['idempotent-replayed'], 'true')
    assert.deepEqual(await standing(), was)
    // Under no key, or another one, it is a request of its own: the name is taken.
    assert.equal(outcome(await post('/v1/campaigns', plan('maple', 6, { title: 'other' }))), 'campaign-exists')
  })

  it('the first answer is given also where a later one would be another', async () => {
    const { signed } = json<{ signed: JsonObject }>(await get('/v1/campaigns/cedar/draft'))
    for (const [name, approved] of [
      ['approver-0', false],
      ['approver-1', true],
    ] as const) {
      const signer = orThrow(loadSigner(world.at('keys', name)))
      const made = signatureBy(signer.key, orThrow(await signer.sign(signableBytes(signed), 'der')), nodeCrypto)
      const key = randomUUID()
      const to = (body: object, key?: string) =>
        postAs(tls.profile(world.profileOf(name)), '/v1/campaigns/cedar/approvals', body, key)
      const first = json<{ approved: boolean }>(await to(made, key))
      assert.equal(first.approved, approved)
      assert.deepEqual(json(await to(made, key)), first)
      // At the threshold the draft is gone: under no key, nobody would learn that it was this signature.
      if (approved) assert.equal(outcome(await to(made)), 'campaign-already-approved')
    }
  })

  it('many who repeat it at once get one answer', async () => {
    const key = randomUUID()
    const body = plan('rowan', 7)
    const answers = await Promise.all(Array.from({ length: 6 }, () => post('/v1/campaigns', body, key)))
    const texts = new Set(answers.map(answer => fromUtf8(orThrow(answer).body)))
    assert.equal(texts.size, 1)
    assert.equal(answers.filter(one => orThrow(one).headers['idempotent-replayed'] === undefined).length, 1)
    const made = (await log(world)).filter(({ kind, campaign }) => kind === 'campaign-created' && campaign === 'rowan')
    assert.equal(made.length, 1)
  })

  it('attack: a replayed idempotency key with another body', async () => {
    const key = randomUUID()
    orThrow(await post('/v1/campaigns', plan('hazel', 8), key))
    const was = await standing()
    for (const [path, body] of [
      ['/v1/campaigns', plan('hazel', 8, { title: 'another' })],
      ['/v1/campaigns', plan('other', 8)],
      ['/v1/campaigns/hazel/commands', { command: 'halt', reason: 'because I can' }],
    ] as const) {
      assert.equal(outcome(await post(path, body, key)), 'idempotency-key-reused', path)
    }
    assert.deepEqual(await standing(), was)
    for (const odd of [
      'short',
      'a'.repeat(129),
      'with a space in the midst',
      'a"b'.repeat(8),
      '<script>alert(1)</script>',
    ]) {
      assert.equal(outcome(await post('/v1/campaigns', plan('odd', 9), odd)), 'idempotency-key-malformed', odd)
    }
  })

  it('a refused request is not kept: what was wrong may be put right', async () => {
    const key = randomUUID()
    const bad = plan('willow', 9, { releases: ['bms/9.9.9/envelope.suit'] })
    assert.equal(outcome(await post('/v1/campaigns', bad, key)), 'plan-release-unknown')
    assert.equal(outcome(await post('/v1/campaigns', bad, key)), 'plan-release-unknown')
    assert.equal(outcome(await post('/v1/campaigns', plan('willow', 9), key)), 200)
  })

  // --- Events ---

  const stream = (path: string, work: (events: EventReader) => Promise<void>, last?: number) =>
    reading(`${fleetUrl(world)}${path}`, admin, last, work)

  it('a stream begins with how things stand, and goes on with what happens', async () => {
    await stream('/v1/events?site=quay', async events => {
      const first = await events.next()
      const { size, campaigns, controllers } = first.data as {
        size: number
        campaigns: object[]
        controllers: object[]
      }
      assert.equal(first.event, 'snapshot')
      assert.equal(first.id, size - 1)
      assert.ok(campaigns.length >= 4)
      assert.equal(controllers.length, 12)
    })
    await stream('/v1/events?campaign=oak', async events => {
      await events.next()
      orThrow(await post('/v1/campaigns', plan('ash', 10)))
      orThrow(await post('/v1/campaigns', plan('oak', 11)))
      const made = await events.next()
      assert.equal(made.event, 'campaign-created')
      assert.equal((made.data as { campaign: string }).campaign, 'oak')
    })
  })

  it('who comes back misses nothing and gets nothing twice, however often the line breaks', async () => {
    const entries = await log(world)
    const seenBy: number[] = []
    let last = 2
    while (last < entries.length - 1) {
      await stream(
        '/v1/events',
        async events => {
          for (let n = 0; n < 9 && last < entries.length - 1; n += 1) {
            const { id, event } = await events.next()
            assert.equal(event, entries[id as number]?.kind)
            seenBy.push(id as number)
            last = id as number
          }
        },
        last,
      )
    }
    assert.deepEqual(seenBy, entries.keys().drop(3).toArray())
  })

  it('attack: an event number that the log has not come to', async () => {
    const { size } = await ask<{ size: number }>(world, '/v1/audit/checkpoint')
    for (const last of [`${size}`, '999999999999', '-1', '1e3', 'x']) {
      const answer = await call(fleetUrl(world), admin, 'GET', '/v1/events', undefined, { 'last-event-id': last })
      assert.equal(outcome(answer), 'event-id-unknown', last)
    }
  })

  it('attack: more streams than one account may hold', async () => {
    const open = Array.from({ length: 8 }, () => openStream(`${fleetUrl(world)}/v1/events`, admin))
    await Promise.all(open.map(async one => (await one).next()))
    assert.equal(outcome(await get('/v1/events')), 'events-too-many')
    for (const one of open) (await one).close()
    await world.until('the streams are gone', async () => {
      const again = await openStream(`${fleetUrl(world)}/v1/events`, admin)
      again.close()
      return again.status === 200
    })
  })

  // --- Webhooks ---

  it('a webhook’s secret is shown once, to whoever made it, and to them again when the answer was lost', async () => {
    const [key, body] = [randomUUID(), { id: 'desk', url: 'https://desk.example/hook', events: ['wave-opened'] }]
    const first = json<{ secret: string }>(await post('/v1/webhooks', body, key))
    assert.deepEqual(json(await post('/v1/webhooks', body, key)), first)
    assert.equal(outcome(await post('/v1/webhooks', body)), 'webhook-exists')
    const secret = first.secret.slice('whsec_'.length)
    for (const shown of [await get('/v1/webhooks'), await get('/v1/audit/entries')]) {
      assert.ok(!(fromUtf8(orThrow(shown).body) ?? '').includes(secret))
    }
    const entries = (await log(world)).filter(({ kind }) => kind === 'webhook-created')
    assert.equal(entries.length, 1)
    assert.ok(!JSON.stringify(entries).includes(secret))
    const unknown = { id: 'odd', url: 'https://desk.example/hook', events: ['no-such-kind'] }
    assert.equal(outcome(await post('/v1/webhooks', unknown)), 'request-malformed')
    assert.equal(outcome(await post('/v1/webhooks', { id: 'odd', url: 'http://desk.example/' })), 'webhook-url-refused')
  })

  it('who is told over https: signed, in order, after what failed before', async () => {
    const receiver = await Receiver.start(world.host, receivers)
    try {
      const made = await post('/v1/webhooks', { id: 'near', url: receiver.url, events: ['campaign-created'] })
      receiver.secret = Buffer.from(json<{ secret: string }>(made).secret.slice('whsec_'.length), 'base64')
      orThrow(await post('/v1/campaigns/rowan/commands', { command: 'halt', reason: 'makes room' }))
      orThrow(await post('/v1/campaigns', plan('sorrel', 7)))
      await world.until('the receiver was told', () => receiver.got.length > 0)
      const [first] = receiver.got
      assert.equal(first?.type, 'campaign-created')
      assert.equal(first?.campaign, 'sorrel')
      assert.match(first?.id ?? '', /^near\.\d+$/)
      await world.until('it is known that it was', async () => (await hook('near')).failures === 0)
      assert.equal(receiver.got.length, 1)
      orThrow(await remove(admin, '/v1/webhooks/near'))
      assert.equal(outcome(await remove(admin, '/v1/webhooks/near')), 'not-found')
    } finally {
      receiver.close()
    }
  })

  const hook = async (id: string): Promise<WebhookView> =>
    json<WebhookView[]>(await get('/v1/webhooks')).find(one => one.id === id) as WebhookView

  it('the command line makes, shows and removes webhooks, and keeps the secret off the screen', async () => {
    const out = world.at('hook.secret')
    const url = 'https://desk.example/cli'
    const events = ['--event', 'wave-opened,campaign-halted', '--site', 'quay']
    const made = await world.must('webhook', 'create', 'cli', '--url', url, ...events, '--out', out)
    assert.deepEqual(made, { webhook: 'cli', url, file: out })
    assert.match(readFileSync(out, 'utf8'), /^whsec_[A-Za-z0-9+/]{43}=\n$/)
    assert.equal(statSync(out).mode & 0o777, 0o600)
    const hooks = (await world.must('webhook', 'list')) as WebhookView[]
    const { events: told, site } = hooks.find(({ id }) => id === 'cli') as WebhookView
    assert.deepEqual([told, site], [['wave-opened', 'campaign-halted'], 'quay'])
    const letters = (await world.must('webhook', 'letters', 'stuck')) as { index: number }[]
    assert.deepEqual(
      letters.map(({ index }) => index),
      [3, 5],
    )
    assert.deepEqual(await world.must('webhook', 'send-again', 'stuck', '5'), { webhook: 'stuck', index: 5 })
    assert.deepEqual(await world.must('webhook', 'remove', 'cli'), { webhook: 'cli' })
    assert.equal((await world.run('webhook', 'remove', 'cli')).exit, 66)
  })

  // --- Figures ---

  it('the figures are Prometheus text, tell the fleet in few lines, and name no device', async () => {
    await figures({ world, get })
  })

  // --- The contract ---

  it('every route answers as the API describes it', async () => {
    const gateway = tls.gateway(world.at('gateway'))
    const blob = json<ReleaseView[]>(await get('/v1/releases'))[0] as ReleaseView
    const checkIn = orThrow(await call(fleetUrl(world), gateway, 'GET', '/v1/check-in'))
    const tag = `${checkIn.headers.etag}`
    orThrow(await call(fleetUrl(world), gateway, 'GET', '/v1/check-in', undefined, { 'if-none-match': tag }))
    const plant = { fault: null, permissives: [], waits: [], more: 0 }
    const shows = () => call(fleetUrl(world), gateway, 'POST', '/v1/plant', plant)
    orThrow(await leaving(world, 'POST', '/v1/plant', shows))
    const report = await signedReport(world, 'bms-1')
    orThrow(await leaving(world, 'POST', '/v1/upstream', () => handOver(world, [{ kind: 'report', bytes: report }])))
    orThrow(await get(`/v1/blobs/${blob.sha256}`))
    orThrow(await call(fleetUrl(world), admin, 'GET', `/v1/blobs/${blob.sha256}`, undefined, { range: 'bytes=1-8' }))
    const bytes = new Uint8Array(64).fill(7)
    const name = Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('hex')
    orThrow(await call(fleetUrl(world), admin, 'PUT', `/v1/blobs/${name}`, bytes))
    const shown = ROUTES.filter(({ method, access }) => method === 'GET' && !access.for.startsWith('gateways'))
    const apart = /^(?:followEvents|signInReturn|readPasskeyKey|fetchPack)$/
    for (const one of shown) if (!apart.test(one.id)) orThrow(await get(filled(one)))
    await logAsFiles(world, gateway)
    await stream('/v1/events', async events => assert.equal((await events.next()).event, 'snapshot'))
    // Where a sign-in ends, a browser is sent elsewhere: openid.test.ts.
    for (const one of ['followEvents 200', 'signInReturn 303', 'fetchPack 200']) seen.add(one)
    orThrow(await get('/v1/repos/image/timestamp.json'))
    orThrow(await get('/v1/audit/entries?from=0&to=3'))
    await again('/v1/patches', { base: name, target: blob.sha256 })
    await again('/v1/releases', { metadata: await file('image') })
    await again('/v1/ceremonies/image', { root: toBase64(readFileSync(world.at('fleet', 'roots', 'image.root.json'))) })
    await again('/v1/campaigns/birch/commands', { command: 'halt', reason: 'no longer wanted' })
    await again('/v1/inventory/checks', {})
    await again('/v1/audit/evidence-packs', PACK)
    await again('/v1/webhooks/stuck/dead-letters/3/deliveries', {})
    const calls = { world, admin, get, post, postAs, remove }
    for (const those of [wraps, packs, siem, accounts]) await those(calls)
    const list = json<{ import: number }>(await post(BEGIN_LIST.path, BEGIN_LIST.body, randomUUID()))
    for (const [path, body] of listOf(list)) await again(path, body)
    await enrolAgain(calls)
    assert.equal(json<CampaignSummary>(await get('/v1/campaigns/cedar')).state, 'approved')
    const missing = ROUTES.filter(one => !Object.keys(one.answers).every(status => seen.has(`${one.id} ${status}`)))
    assert.deepEqual(
      missing.map(({ id }) => id),
      [],
    )
    // What these two brought was in force already. That they leave what they leave: tests/flows/attest.test.ts and close.test.ts.
    const silent = Object.keys(LEAVES).filter(id => typeof LEAVES[id] !== 'string' && !kept.has(id))
    assert.deepEqual(silent, ['publish', 'closeCeremony'])
  })

  const file = async (repo: string): Promise<string> =>
    toBase64(orThrow(await get(`/v1/repos/${repo}/targets.json`)).body)

  /** What is in force already is answered as before. */
  const again = async (path: string, body: object): Promise<void> =>
    void orThrow(
      await postAs(
        admin,
        path,
        body,
        randomUUID(),
        IN_FORCE.every(start => !path.startsWith(start)),
      ),
    )
})
