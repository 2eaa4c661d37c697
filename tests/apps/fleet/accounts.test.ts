import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import {
  certificateRequest,
  certifyNewKey,
  createAuthority,
  generateTlsKey,
} from '../../../src/adapters/certificates.ts'
import type { Answer } from '../../../src/adapters/link-https/client.ts'
import { PAGE_HEADER } from '../../../src/apps/process/page-requests.ts'
import { fromUtf8 } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import type { Account } from '../../../src/core/fleet/account.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { accountsOf } from '../../../src/flows/admit.ts'
import { editAccount } from '../../../src/flows/appoint.ts'
import { cookieOf, grants, ORIGIN, PASSWORD, PeopleDoor, send } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

const MINUTE = 60_000
const outcome = (answer: Answer | Refusal): string | number => (isRefusal(answer) ? answer.code : answer.status)
/** The parts of a secret: the last one may have underscores of its own. */
const partsOf = (token: string): string[] => {
  const [head, kind, id, ...secret] = token.split('_')
  return [head!, kind!, id!, secret.join('_')]
}
const json = <T>(answer: Answer | Refusal): T => JSON.parse(fromUtf8(orThrow(answer).body) ?? '') as T

describe('coming in at the fleet’s door', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site('quay')
    await fleet.site('reef', 1, { region: 'uk' })
    door = await PeopleDoor.open(fleet)
    await door.account('ada', ['operator@region:nl'])
    await door.account('root', ['administrator@fleet'])
    await door.password('ada')
    await door.password('root')
  })
  after(async () => {
    await door?.close()
    fleet?.close()
  })

  const get = (tls: object, path: string, headers = {}) => send(door.client(tls), 'GET', path, undefined, headers)
  const refusals = async (): Promise<string[]> =>
    (await fleet.entries()).flatMap(({ kind, code }) => (kind === 'access-refused' ? [code ?? ''] : []))

  // --- One credential, and one that holds ---

  it('with a certificate, a token or a session, and not with two of them', async () => {
    const certificate = await door.certificate('ada')
    const token = await door.token('ada')
    for (const who of [certificate, { bearer: token }]) {
      assert.equal(json<{ account: string }>(await get(who, '/v1/whoami')).account, 'ada')
    }
    assert.equal(outcome(await get({}, '/v1/whoami')), 'sign-in-required')
    assert.equal(outcome(await get({ ...certificate, bearer: token }, '/v1/whoami')), 'credential-twice')
    const cookie = cookieOf(orThrow(await door.signIn('ada', PASSWORD, true)))
    assert.equal(outcome(await get({ bearer: token }, '/v1/whoami', { cookie })), 'credential-twice')
    assert.equal(outcome(await get({}, '/v1/whoami', { cookie: `${cookie}; ${cookie}` })), 'credential-twice')
  })

  it('attack: another method, another spelling, a long body, by who has not said who they are', async () => {
    const stranger = door.client()
    const head = await send(stranger, 'HEAD', '/v1/accounts')
    assert.match((head as Refusal).actual, /status 401/)
    for (const path of [
      '/v1/accounts/',
      '/v1//accounts',
      '/V1/ACCOUNTS',
      '/v1/%61ccounts',
      '/v1/accounts;x',
      '/v1/accounts?x=/v1/sign-in',
    ]) {
      assert.match(String(outcome(await send(stranger, 'GET', path))), /^(?:not-found|sign-in-required)$/, path)
    }
    const proof = { at: 'password', account: 'ada', password: 'x'.repeat(100_000) }
    assert.equal(outcome(await send(stranger, 'POST', '/v1/sign-in', { proof })), 'request-malformed')
  })

  it('attack: certificates of another authority, and of nobody, where none is needed', async () => {
    const now = instant(Date.now())
    const other = await createAuthority('Voltseal fleet', now)
    const stranger = await certifyNewKey(other, { identity: { kind: 'person', id: 'ada' } }, now)
    const shut = /^(?:tls-refused|not-reachable)$/
    assert.match(String(outcome(await get(stranger, '/v1/whoami'))), shut)
    assert.match(String(outcome(await send(door.client(stranger), 'POST', '/v1/sign-in', {}))), shut)
    assert.equal(outcome(await get(await door.certificate('nobody'), '/v1/whoami')), 'account-missing')
  })

  it('attack: a resumed TLS session brings nobody’s name along', async () => {
    const { port } = new URL(door.url)
    const shake = (session?: Buffer) =>
      new Promise<{ text: string; session: Buffer | undefined; reused: boolean }>((resolve, reject) => {
        let kept: Buffer | undefined
        const more = session === undefined ? {} : { session }
        const socket: TLSSocket = connect({ host: '127.0.0.1', port: Number(port), ca: door.ca, ...more }, () =>
          socket.write('GET /v1/whoami HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'),
        )
        let text = ''
        let reused = false
        socket.on('session', fresh => {
          kept = fresh
        })
        socket.on('data', data => {
          text += data.toString()
          reused ||= socket.isSessionReused()
        })
        socket.on('error', reject)
        socket.on('close', () => resolve({ text, session: kept, reused }))
      })
    const first = await shake()
    const second = await shake(first.session)
    assert.ok(second.reused, 'the session was resumed')
    for (const { text } of [first, second]) assert.match(text, /sign-in-required/)
  })

  it('attack: a token of another scope, at places and for actions that are not its own', async () => {
    await door.account('ops', ['operator@fleet', 'auditor@fleet'], 'person')
    const narrow = await door.token('ops', ['operator@site:quay'])
    const client = door.client({ bearer: narrow })
    const at = (path: string) => send(client, 'GET', path).then(outcome)
    assert.equal(await at('/v1/controllers/quay/c0'), 200)
    assert.equal(await at('/v1/sites/quay/director/timestamp.json'), 200)
    assert.equal(await at('/v1/controllers/reef/c0'), 'token-too-narrow')
    assert.equal(await at('/v1/audit/checkpoint'), 'token-too-narrow')
    const listed = json<{ site: string }[]>(await send(client, 'GET', '/v1/controllers'))
    assert.deepEqual(new Set(listed.map(({ site }) => site)), new Set(['quay']), 'a list shows no more')
    // Whoever has less cannot give it away.
    assert.equal(outcome(await send(client, 'POST', '/v1/accounts/ops/tokens', ask())), 'token-manages-itself')
    const beyond = ask(['administrator@fleet'])
    const certificate = await door.certificate('ops')
    const own = door.client(certificate)
    assert.equal(outcome(await send(own, 'POST', '/v1/accounts/ops/tokens', beyond)), 'token-exceeds-account')
    // What the account loses, its tokens lose.
    orThrow(await editAccount(fleet.world, await door.who('administrator'), 'ops', { grants: grants('auditor@fleet') }))
    assert.equal(await at('/v1/sites/quay/director/timestamp.json'), 'role-missing')
  })

  const ask = (roles?: readonly string[], lifeMillis = 60_000): object => ({
    label: 'more',
    lifeMillis,
    ...(roles === undefined ? {} : { roles }),
  })

  it('attack: a found token of an administrator makes a certificate, for its own account and for another', async () => {
    const found = door.client({ bearer: await door.token('root') })
    const csr = await certificateRequest(generateTlsKey())
    for (const id of ['root', 'ada']) {
      assert.equal(
        outcome(await send(found, 'POST', `/v1/accounts/${id}/certificates`, { csr })),
        'token-manages-itself',
        id,
      )
    }
    assert.ok(!(await fleet.entries()).some(({ detail }) => detail.event === 'certificate'))
  })

  it('attack: an expired token, and one that asks to live for ever', async () => {
    const token = await door.token('ada', null, 5 * MINUTE)
    const client = door.client({ bearer: token })
    assert.equal(outcome(await send(client, 'GET', '/v1/whoami')), 200)
    fleet.clock.advance(5 * MINUTE)
    assert.equal(outcome(await send(client, 'GET', '/v1/whoami')), 'credential-expired')
    fleet.clock.jump(-20 * MINUTE)
    assert.equal(outcome(await send(client, 'GET', '/v1/whoami')), 'credential-expired', 'nor with the clock set back')
    fleet.clock.jump(20 * MINUTE)
    const own = door.client(await door.certificate('ada'))
    const years = ask(undefined, 401 * 86_400_000)
    assert.equal(outcome(await send(own, 'POST', '/v1/accounts/ada/tokens', years)), 'token-exceeds-account')
  })

  it('attack: a revoked token, at once and for good', async () => {
    const token = await door.token('ada')
    const client = door.client({ bearer: token })
    assert.equal(outcome(await send(client, 'GET', '/v1/whoami')), 200)
    const [, , id] = partsOf(token)
    const own = door.client(await door.certificate('ada'))
    assert.equal(outcome(await send(own, 'DELETE', `/v1/accounts/ada/credentials/${id}`)), 204)
    assert.equal(outcome(await send(client, 'GET', '/v1/whoami')), 'credential-revoked')
    const others = await send(own, 'DELETE', `/v1/accounts/root/credentials/${id}`)
    assert.equal(outcome(others), 'role-missing', 'not those of others')
  })

  it('attack: a guessed prefix tells nothing, nor does one that is there', async () => {
    const token = await door.token('ada')
    const [head, kind, id, secret] = partsOf(token) as [string, string, string, string]
    const flip = `${secret[0] === 'A' ? 'B' : 'A'}${secret.slice(1)}`
    const said = new Set<string>()
    for (const guess of [
      [head, kind, id, flip].join('_'),
      [head, kind, '0'.repeat(16), secret].join('_'),
      [head, 's', id, secret].join('_'),
      'x'.repeat(100),
      `${token}A`,
    ]) {
      const answer = await get({ bearer: guess }, '/v1/whoami')
      assert.equal(outcome(answer), 'credential-unknown', guess)
      said.add((answer as Refusal).actual)
    }
    assert.equal(said.size, 1, 'one answer for all of them')
    assert.equal(outcome(await get({ bearer: token }, '/v1/whoami')), 200)
  })

  it('attack: the secret of a token, or a password, out of the database or the log', async () => {
    const token = await door.token('ada')
    const secret = partsOf(token)[3]!
    await fleet.world.store.exclusive(async () => undefined)
    const file = join(fleet.folder, 'fleet', 'fleet.sqlite')
    const bytes = Buffer.concat([readFileSync(file), readFileSync(`${file}-wal`)])
    assert.ok(!bytes.includes(secret) && !bytes.includes(PASSWORD), 'neither is kept anywhere')
    // Nor under a key that makes a request repeatable: its answer would be kept.
    const own = door.client(await door.certificate('ada'))
    const keyed = { 'idempotency-key': '"a-key-of-sixteen-letters"' }
    const first = json<{ secret: string }>(await send(own, 'POST', '/v1/accounts/ada/tokens', ask(), keyed))
    const again = json<{ secret: string }>(await send(own, 'POST', '/v1/accounts/ada/tokens', ask(), keyed))
    assert.notEqual(first.secret, again.secret)
    const later = Buffer.concat([readFileSync(file), readFileSync(`${file}-wal`)])
    assert.ok(!later.includes(partsOf(first.secret)[3]!))
  })

  // --- Sessions ---

  it('a session ends when its person signs out, after half a day, and in a browser after half an hour of silence', async () => {
    const { secret } = json<{ secret: string }>(await door.signIn('ada', PASSWORD))
    const client = door.client({ bearer: secret })
    assert.equal(outcome(await send(client, 'POST', '/v1/sign-out', {})), 204)
    assert.equal(outcome(await send(client, 'GET', '/v1/whoami')), 'credential-revoked')
    const cookie = cookieOf(orThrow(await door.signIn('ada', PASSWORD, true)))
    for (let n = 0; n < 3; n += 1) {
      fleet.clock.advance(29 * MINUTE)
      assert.equal(outcome(await get({}, '/v1/whoami', { cookie })), 200)
    }
    fleet.clock.advance(31 * MINUTE)
    assert.equal(outcome(await get({}, '/v1/whoami', { cookie })), 'credential-expired')
    const line = json<{ secret: string }>(await door.signIn('ada', PASSWORD))
    fleet.clock.advance(11 * 60 * MINUTE)
    assert.equal(outcome(await get({ bearer: line.secret }, '/v1/whoami')), 200)
    fleet.clock.advance(60 * MINUTE)
    assert.equal(outcome(await get({ bearer: line.secret }, '/v1/whoami')), 'credential-expired')
  })

  it('sessions that have been over for a month are forgotten, and tokens are not', async () => {
    await door.account('mia', ['auditor@fleet'])
    await door.password('mia')
    const token = await door.token('mia')
    orThrow(await door.signIn('mia', PASSWORD))
    const kept = async () => (await fleet.world.store.credentials('mia')).length
    assert.equal(await kept(), 2)
    fleet.clock.advance(31 * 86_400_000)
    orThrow(await door.signIn('mia', PASSWORD))
    assert.equal(await kept(), 2, 'the token and the new one')
    assert.equal(outcome(await get({ bearer: token }, '/v1/whoami')), 'credential-expired')
    fleet.clock.jump(-31 * 86_400_000)
  })

  it('attack: session fixation: a session that was there before the sign-in is not the one after it', async () => {
    const planted = cookieOf(orThrow(await door.signIn('root', PASSWORD, true)))
    const answer = await send(
      door.client(),
      'POST',
      '/v1/sign-in',
      { proof: { at: 'password', account: 'ada', password: PASSWORD }, cookie: true },
      { cookie: planted },
    )
    const mine = cookieOf(orThrow(answer))
    assert.notEqual(mine, planted)
    assert.equal(json<{ account: string }>(await get({}, '/v1/whoami', { cookie: mine })).account, 'ada')
    assert.equal(json<{ account: string }>(await get({}, '/v1/whoami', { cookie: planted })).account, 'root')
    const made = `${mine.split('=')[0]}=voltseal_b_${'0'.repeat(16)}_${'A'.repeat(43)}`
    assert.equal(outcome(await get({}, '/v1/whoami', { cookie: made })), 'credential-unknown')
  })

  it('attack: CSRF: another page that lets the browser send its cookie along', async () => {
    const set = orThrow(await door.signIn('root', PASSWORD, true))
    for (const part of ['Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict']) {
      assert.ok(`${set.headers['set-cookie']}`.split('; ').includes(part), part)
    }
    assert.ok(cookieOf(set).startsWith('__Host-'), 'no other host sets it')
    const cookie = cookieOf(set)
    const body = { id: 'eve', kind: 'person', name: 'Eve', roles: ['administrator@fleet'] }
    const post = (headers: object) =>
      send(door.client(), 'POST', '/v1/accounts', body, { cookie, ...headers }).then(outcome)
    const own = { [PAGE_HEADER]: '1', origin: ORIGIN, 'sec-fetch-site': 'same-origin' }
    assert.equal(await post({}), 'request-forged')
    assert.equal(await post({ ...own, [PAGE_HEADER]: '' }), 'request-forged')
    assert.equal(await post({ ...own, origin: 'https://evil.example' }), 'request-forged')
    assert.equal(await post({ ...own, origin: 'null' }), 'request-forged')
    assert.equal(await post({ ...own, 'sec-fetch-site': 'cross-site' }), 'request-forged')
    assert.equal(await post({ ...own, 'sec-fetch-site': 'same-site' }), 'request-forged')
    assert.equal(await fleet.world.store.account('eve'), null, 'nothing was done')
    assert.equal(await post(own), 200)
    // A cookie is no bearer, and a bearer no cookie.
    assert.equal(outcome(await get({ bearer: cookie.split('=')[1]! }, '/v1/whoami')), 'credential-unknown')
    const { secret } = json<{ secret: string }>(await door.signIn('root', PASSWORD))
    const asCookie = { cookie: `${cookie.split('=')[0]}=${secret}` }
    assert.equal(outcome(await get({}, '/v1/whoami', asCookie)), 'credential-unknown')
  })

  // --- Passwords ---

  it('attack: password guessing is slowed down, then locked out, and looks the same for who is not there', async () => {
    await door.account('bob', ['auditor@fleet'])
    await door.password('bob')
    for (const name of ['bob', 'nobody-of-that-name']) {
      for (let n = 0; n < 5; n += 1) assert.equal(outcome(await door.signIn(name, `guess ${n}`)), 'sign-in-wrong')
      assert.equal(outcome(await door.signIn(name, PASSWORD)), 'sign-in-locked', name)
    }
    fleet.clock.advance(61_000)
    assert.equal(outcome(await door.signIn('bob', 'one more')), 'sign-in-wrong')
    fleet.clock.advance(61_000)
    assert.equal(outcome(await door.signIn('bob', PASSWORD)), 'sign-in-locked', 'twice as long')
    // Who has a certificate or a token is not concerned.
    assert.equal(outcome(await get(await door.certificate('bob'), '/v1/whoami')), 200)
    fleet.clock.advance(61_000)
    assert.equal(outcome(await door.signIn('bob', PASSWORD)), 200)
    const wrong = (await refusals()).filter(code => code === 'sign-in-wrong')
    assert.ok(wrong.length >= 11, 'each is in the log')
  })

  it('a password is long, and one’s own is changed with the one of before', async () => {
    const { secret } = json<{ secret: string }>(await door.signIn('ada', PASSWORD))
    const client = door.client({ bearer: secret })
    const set = (body: object) => send(client, 'POST', '/v1/accounts/ada/password', body).then(outcome)
    assert.equal(await set({ password: 'short', current: PASSWORD }), 'password-weak')
    assert.equal(await set({ password: 'aaaaaaaaaaaaaaaaaaaa', current: PASSWORD }), 'password-weak')
    assert.equal(await set({ password: 'ada likes quiet harbours', current: PASSWORD }), 'password-weak')
    assert.equal(await set({ password: 'eight loud harbours', current: 'not the one' }), 'sign-in-wrong')
    assert.equal(await set({ password: 'eight loud harbours' }), 'sign-in-wrong')
    assert.equal(await set({ password: 'eight loud harbours', current: PASSWORD }), 204)
    assert.equal(outcome(await send(client, 'GET', '/v1/whoami')), 'credential-revoked', 'its sessions have ended')
    assert.equal(outcome(await door.signIn('ada', PASSWORD)), 'sign-in-wrong')
    const own = door.client(await door.certificate('ada'))
    assert.equal(outcome(await send(own, 'POST', '/v1/accounts/ada/password', { password: PASSWORD })), 204)
    const token = door.client({ bearer: await door.token('ada') })
    const byToken = await send(token, 'POST', '/v1/accounts/ada/password', { password: PASSWORD })
    assert.equal(outcome(byToken), 'token-manages-itself')
  })

  // --- Who says who may do what ---

  it('attack: role escalation: by an edit of one’s own account, and by who may not edit', async () => {
    const root = door.client(await door.certificate('root'))
    const ada = door.client(await door.certificate('ada'))
    const more = { roles: ['administrator@fleet'] }
    assert.equal(outcome(await send(ada, 'POST', '/v1/accounts/ada/changes', more)), 'role-missing')
    const made = { id: 'ada-2', kind: 'person', name: 'Ada', ...more }
    assert.equal(outcome(await send(ada, 'POST', '/v1/accounts', made)), 'role-missing')
    for (const change of [{ roles: ['administrator@fleet', 'auditor@fleet'] }, { keys: ['a'.repeat(64)] }]) {
      assert.equal(outcome(await send(root, 'POST', '/v1/accounts/root/changes', change)), 'account-own-edit')
    }
    assert.equal(outcome(await get(await door.certificate('ada'), '/v1/accounts/root')), 'role-missing')
    assert.equal(json<{ id: string }>(await send(ada, 'GET', '/v1/accounts/ada')).id, 'ada', 'their own they may see')
  })

  it('attack: the last administrator removed, by others or by themselves', async () => {
    const isOne = ({ grants }: Account): boolean => grants.some(({ role }) => role === 'administrator')
    const others = orThrow(await accountsOf(fleet.world)).filter(isOne)
    await door.account('second', ['administrator@fleet'])
    await door.account('robot', ['administrator@fleet'], 'service')
    const second = door.client(await door.certificate('second'))
    const change = (id: string, body: object) => send(second, 'POST', `/v1/accounts/${id}/changes`, body).then(outcome)
    assert.ok(others.length > 0)
    for (const { id } of others) assert.equal(await change(id, { disabled: 'left' }), 200, 'one is left')
    assert.equal(await change('second', { disabled: 'all of us' }), 'account-own-edit')
    const gone = await editAccount(fleet.world, await door.who('second'), 'second', { disabled: 'all of us' })
    assert.ok(isRefusal(gone) && gone.code === 'account-own-edit')
    // Nor by somebody who could edit without being one: a token of a service.
    const robot = { ...(await door.who('robot')), id: 'robot' }
    const last = await editAccount(fleet.world, robot, 'second', { grants: [] })
    assert.ok(isRefusal(last) && last.code === 'account-last-administrator', 'a service is nobody who can be asked')
    for (const { id } of others) assert.equal(await change(id, { disabled: null }), 200)
  })

  it('attack: a disabled account with a live session, a token, a certificate and an open connection', async () => {
    await door.account('dora', ['auditor@fleet'])
    await door.password('dora')
    const { secret } = json<{ secret: string }>(await door.signIn('dora', PASSWORD))
    const cookie = cookieOf(orThrow(await door.signIn('dora', PASSWORD, true)))
    const token = await door.token('dora')
    const open = [
      door.client(await door.certificate('dora')),
      door.client({ bearer: token }),
      door.client({ bearer: secret }),
    ]
    for (const client of open) assert.equal(outcome(await send(client, 'GET', '/v1/audit/checkpoint')), 200)
    const administrator = await door.who('administrator')
    orThrow(await editAccount(fleet.world, administrator, 'dora', { disabled: 'left the firm' }))
    const codes: (string | number)[] = []
    for (const client of open) codes.push(outcome(await send(client, 'GET', '/v1/audit/checkpoint')))
    assert.deepEqual(codes, ['account-disabled', 'credential-revoked', 'credential-revoked'])
    assert.equal(outcome(await send(open[0]!, 'GET', '/v1/whoami')), 'account-disabled', 'not even who they are')
    assert.equal(outcome(await get({}, '/v1/whoami', { cookie })), 'credential-revoked')
    assert.equal(outcome(await door.signIn('dora', PASSWORD)), 'account-disabled')
    // Back in force, what was out stays out.
    orThrow(await editAccount(fleet.world, administrator, 'dora', { disabled: null }))
    assert.equal(outcome(await send(open[1]!, 'GET', '/v1/audit/checkpoint')), 'credential-revoked')
    assert.equal(outcome(await send(open[0]!, 'GET', '/v1/audit/checkpoint')), 200)
  })

  it('maker and operator in one account are refused, unless the fleet says that they are one firm', async () => {
    const root = door.client(await door.certificate('root'))
    const both = (id: string, ...roles: string[]) =>
      send(root, 'POST', '/v1/accounts', { id, kind: 'person', name: id, roles })
    assert.equal(outcome(await both('mixed', 'release-manager@fleet', 'planner@region:nl')), 'organisations-mixed')
    assert.equal(outcome(await both('twice', 'auditor@fleet', 'auditor@fleet')), 'account-malformed')
    assert.equal(outcome(await both('odd', 'emperor@fleet')), 'account-malformed')
    assert.equal(outcome(await both('odd', 'planner@galaxy')), 'account-malformed')
    assert.equal(outcome(await both('maker', 'release-manager@fleet', 'auditor@fleet')), 200)
  })

  it('refused attempts are in the log, and whoever knocks without end does not fill it', async () => {
    const ada = door.client(await door.certificate('ada'))
    const count = async (): Promise<number> => (await refusals()).filter(code => code === 'role-missing').length
    const before = await count()
    for (let n = 0; n < 130; n += 1)
      assert.equal(outcome(await send(ada, 'GET', '/v1/audit/checkpoint')), 'role-missing')
    const written = (await count()) - before
    assert.ok(written >= 90 && written <= 100, `${written} entries`)
    fleet.clock.advance(11 * MINUTE)
    await send(ada, 'GET', '/v1/audit/checkpoint')
    const last = (await fleet.entries()).findLast(({ kind }) => kind === 'access-refused')
    assert.ok(Number(last?.detail.leftOut) >= 30, 'the next one tells how many there were')
  })
})
