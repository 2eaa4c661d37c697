import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import type { Answer } from '../../../src/adapters/link-https/client.ts'
import { fromUtf8, toBase64Url, utf8 } from '../../../src/core/encoding/bytes.ts'
import { MOST_PASSKEYS } from '../../../src/core/fleet/passkey.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { challengeFor, checkAssertion, writeAssertion } from '../../../src/core/trust/assertion.ts'
import { readPasskey } from '../../../src/core/trust/passkey.ts'
import { editAccount, signOutEverywhere } from '../../../src/flows/appoint.ts'
import { forget } from '../../../src/flows/forget.ts'
import type { AccountDetail } from '../../../src/wire/account-api.ts'
import { Browser } from '../../worlds/browser.ts'
import { PASSWORD, PeopleDoor, send } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'
import { SoftAuthenticator } from '../../worlds/soft-authenticator.ts'

const MINUTE = 60_000
const outcome = (answer: Answer | Refusal): string | number => (isRefusal(answer) ? answer.code : answer.status)

describe('passkeys, at the fleet’s door', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  before(async () => {
    fleet = await QuietFleet.make()
    door = await PeopleDoor.open(fleet)
    for (const name of ['ada', 'mallory', 'root']) {
      await door.account(name, [name === 'root' ? 'administrator@fleet' : 'auditor@fleet'])
      await door.password(name)
    }
  })
  after(async () => {
    await door?.close()
    fleet?.close()
  })
  beforeEach(async () => {
    door.reception.memory.attempts.clear()
    // An account has 32 sessions at most; of those of one moment any may be the one that goes.
    for (const name of ['ada', 'mallory', 'root']) {
      orThrow((await signOutEverywhere(fleet.world, await door.who('administrator'), name)) ?? true)
    }
  })

  /** Somebody at a browser of their own, signed in with their password. */
  async function at(account: string, device = new SoftAuthenticator()): Promise<Browser> {
    const browser = new Browser(door, device)
    orThrow(await browser.signIn(account, PASSWORD))
    return browser
  }
  /** The same, with a passkey added, and signed out. */
  async function withPasskey(account: string, device = new SoftAuthenticator()): Promise<Browser> {
    const browser = await at(account, device)
    await browser.mustAddPasskey('a key')
    browser.cookies.clear()
    return browser
  }
  const passkeysOf = async (account: string) =>
    (await (await at(account)).json<AccountDetail>('GET', `/v1/accounts/${account}`)).passkeys
  async function dropAll(account: string): Promise<void> {
    const browser = await at(account)
    for (const { id } of await passkeysOf(account)) {
      orThrow(await browser.ask('DELETE', `/v1/accounts/${account}/passkeys/${id}`))
    }
  }

  it('is added in a fresh session, signs in without a name, and says when it was used', async () => {
    const browser = await at('ada')
    const ways = await browser.json('GET', '/v1/sign-in/ways')
    assert.deepEqual(ways, { password: true, passkey: true, providers: [] })
    const made = await browser.mustAddPasskey('the blue key')
    assert.deepEqual([made.label, made.synced, made.usedAt], ['the blue key', false, null])
    browser.cookies.clear()
    fleet.clock.advance(MINUTE)
    orThrow(await browser.signInByPasskey())
    assert.equal(await browser.who(), 'ada')
    const [kept] = await passkeysOf('ada')
    assert.equal(kept?.usedAt, fleet.clock.now())
    const entries = await fleet.entries()
    const added = entries.findLast(({ detail }) => detail.event === 'passkey-added')
    assert.deepEqual(
      [added?.detail.account, added?.detail.label, added?.detail.passkey],
      ['ada', 'the blue key', made.id],
    )
    const [granted] = entries.filter(({ detail }) => detail.by === 'passkey')
    assert.deepEqual([granted?.kind, granted?.actor.id, granted?.detail.passkey], ['access-granted', 'ada', made.id])
    await dropAll('ada')
  })

  it('is handed out to its owner as a key for approvals, and to nobody else who may not see accounts', async () => {
    const device = new SoftAuthenticator()
    const browser = await at('ada', device)
    const { id } = await browser.mustAddPasskey('for approvals')
    const path = `/v1/accounts/ada/passkeys/${id}/key`
    const key = orThrow(readPasskey(orThrow(await browser.ask('GET', path)).body, 'the key'))
    const signed = device.get({ rpId: key.rpId, origin: key.origin, challenge: new Uint8Array(32) })
    assert.deepEqual([key.origin, key.credentialId], [browser.origin, toBase64Url(signed.id)])
    assert.deepEqual(key.spki, device.spki(signed.id))
    const message = utf8('a draft')
    const challenge = challengeFor(message, nodeCrypto)
    const answer = writeAssertion(device.get({ rpId: key.rpId, origin: key.origin, challenge }))
    assert.equal(checkAssertion(key, message, answer!, 'test', nodeCrypto), null)
    assert.equal(outcome(await browser.ask('GET', path.replace(id, '0'.repeat(64)))), 'not-found')
    assert.equal(outcome(await (await at('root')).ask('GET', path)), 200)
    await door.account('eve', ['planner@fleet'])
    await door.password('eve')
    assert.equal(outcome(await (await at('eve')).ask('GET', path)), 'role-missing')
    await dropAll('ada')
  })

  it('is called something else by its owner and by who manages accounts, and by nobody else', async () => {
    const browser = await at('ada')
    const { id } = await browser.mustAddPasskey('the blue key')
    const path = `/v1/accounts/ada/passkeys/${id}`
    const called = async () => (await passkeysOf('ada')).map(({ label }) => label)
    assert.equal(outcome(await browser.ask('POST', path, { label: 'the green key' })), 204)
    assert.deepEqual(await called(), ['the green key'])
    const { detail } = (await fleet.entries()).findLast(one => one.detail.event === 'passkey-renamed')!
    assert.deepEqual(
      [detail.account, detail.passkey, detail.labelBefore, detail.label],
      ['ada', id, 'the blue key', 'the green key'],
    )
    const { size } = await fleet.world.store.log()
    assert.equal(outcome(await browser.ask('POST', path, { label: 'the green key' })), 204)
    assert.equal((await fleet.world.store.log()).size, size, 'the same again is no change')
    assert.equal(outcome(await (await at('mallory')).ask('POST', path, { label: 'mine' })), 'role-missing')
    const elsewhere = path.replace('/ada/', '/mallory/')
    assert.equal(outcome(await (await at('mallory')).ask('POST', elsewhere, { label: 'mine' })), 'not-found')
    const bearer = door.client({ bearer: await door.token('ada') })
    assert.equal(outcome(await send(bearer, 'POST', path, { label: 'the token’s' })), 'token-manages-itself')
    assert.equal(outcome(await (await at('root')).ask('POST', path, { label: 'seen to' })), 204)
    assert.deepEqual(await called(), ['seen to'])
    browser.cookies.clear()
    orThrow(await browser.signInByPasskey())
    await dropAll('ada')
  })

  it('attack: a name that cannot be read back, which would take all passkeys of the account with it', async () => {
    const browser = await at('ada')
    const { id } = await browser.mustAddPasskey('a key')
    for (const label of ['two\nlines', 'a\u0007bell']) {
      const named = await browser.ask('POST', `/v1/accounts/ada/passkeys/${id}`, { label })
      assert.ok(isRefusal(named), label)
      assert.ok(isRefusal(await browser.addPasskey(label)), label)
    }
    assert.deepEqual(
      (await passkeysOf('ada')).map(({ label }) => label),
      ['a key'],
    )
    await dropAll('ada')
  })

  it('an authenticator that is synced and does not count signs in as often as it likes', async () => {
    const browser = await withPasskey('ada', new SoftAuthenticator({ counts: false, synced: true }))
    for (let n = 0; n < 3; n += 1) assert.equal(outcome(await browser.signInByPasskey()), 200)
    assert.equal((await passkeysOf('ada'))[0]?.synced, true)
    await dropAll('ada')
  })

  it('attack: a passkey added in a session that somebody left open, or by a token, a certificate or a service', async () => {
    const browser = await at('ada')
    fleet.clock.advance(5 * MINUTE)
    assert.equal(outcome(await browser.addPasskey('late')), 'session-not-fresh')
    // A challenge of when it was fresh does not make up for it.
    const fresh = await at('ada')
    const wanted = await fresh.json<{ challenge: string }>('POST', '/v1/passkeys/challenges', {})
    fleet.clock.advance(4 * MINUTE + 59_000)
    orThrow(await fresh.addPasskey('in time'))
    fleet.clock.advance(1000)
    const made = fresh.device.create({
      rpId: 'fleet.example',
      origin: fresh.origin,
      challenge: new Uint8Array(32),
      user: new Uint8Array(32),
    })
    const late = { credential: toBase64Url(made.id), clientDataJSON: '', attestationObject: '', label: 'late' }
    assert.equal(
      outcome(await fresh.ask('POST', '/v1/passkeys', { ...late, challenge: wanted.challenge })),
      'sign-in-over',
    )
    await door.account('robot', ['auditor@fleet'], 'service')
    for (const tls of [{ bearer: await door.token('ada') }, await door.certificate('ada')]) {
      assert.equal(outcome(await send(door.client(tls), 'POST', '/v1/passkeys/challenges', {})), 'session-not-fresh')
    }
    const robot = await send(door.client({ bearer: await door.token('robot') }), 'POST', '/v1/passkeys/challenges', {})
    assert.equal(outcome(robot), 'account-missing')
    await dropAll('ada')
  })

  it('attack: a challenge that is used twice, is too old, was never given, or was given to another account', async () => {
    const browser = await withPasskey('ada')
    const proof = await browser.assertion()
    const send = (one: object) => browser.ask('POST', '/v1/sign-in', { cookie: true, proof: one }).then(outcome)
    assert.equal(await send(proof), 200)
    assert.equal(await send(proof), 'sign-in-over', 'twice')
    const old = await browser.assertion()
    fleet.clock.advance(5 * MINUTE)
    assert.equal(await send(old), 'sign-in-over', 'old')
    const made = { ...(await browser.assertion()), challenge: toBase64Url(new Uint8Array(32)) }
    assert.equal(await send(made), 'sign-in-over', 'never given')
    // The answer to one challenge, sent with another that is in force.
    const { challenge } = await browser.challenge()
    assert.equal(await send({ ...(await browser.assertion()), challenge }), 'sign-in-wrong', 'of another')
    // What one account was given, another does not end.
    const ada = await at('ada')
    const mallory = await at('mallory')
    const wanted = await mallory.json<{ challenge: string }>('POST', '/v1/passkeys/challenges', {})
    assert.equal(outcome(await ada.addPasskey('taken', {}, { challenge: wanted.challenge })), 'sign-in-over')
    await dropAll('ada')
  })

  it('attack: an answer of another page, another host, a frame, another ceremony, and one without its person', async () => {
    const browser = await withPasskey('ada')
    const rows: [string, Parameters<Browser['signInByPasskey']>][] = [
      ['another host', [{ rpId: 'evil.example' }]],
      ['a frame', [{ crossOrigin: true }]],
      ['another ceremony', [{ type: 'webauthn.create' }]],
      ['nobody there', [{ present: false }]],
      ['nobody verified', [{ verified: false }]],
      ['another user', [{ user: new Uint8Array(32) }]],
      ['another signature', [{}, { signature: toBase64Url(new Uint8Array(70)) }]],
      ['another passkey', [{}, { credential: toBase64Url(new Uint8Array(16)) }]],
      ['no user', [{}, { userHandle: '' }]],
    ]
    for (const [what, asked] of rows) {
      door.reception.memory.attempts.clear()
      assert.equal(outcome(await browser.signInByPasskey(...asked)), 'sign-in-wrong', what)
    }
    const elsewhere = new Browser(door, browser.device, 'https://evil.example')
    assert.equal(outcome(await elsewhere.signInByPasskey()), 'sign-in-wrong', 'another page')
    assert.equal(outcome(await browser.signInByPasskey()), 200)
    await dropAll('ada')
    for (const bent of [
      { crossOrigin: true },
      { verified: false },
      { rpId: 'evil.example' },
      { type: 'webauthn.get' },
    ]) {
      assert.equal(outcome(await (await at('ada')).addPasskey('bent', bent)), 'passkey-refused', JSON.stringify(bent))
    }
    assert.deepEqual(await passkeysOf('ada'), [])
  })

  it('attack: a copy of an authenticator: its counter, or that of the original behind it, does not go forward', async () => {
    const browser = await withPasskey('ada')
    const thief = new Browser(door, browser.device.copy())
    assert.equal(outcome(await browser.signInByPasskey()), 200)
    const refused = await thief.signInByPasskey()
    assert.equal(outcome(refused), 'passkey-copied')
    // The thief has counted on: now it is the owner whose counter is behind, and learns of it.
    assert.equal(outcome(await thief.signInByPasskey()), 200)
    assert.equal(outcome(await browser.signInByPasskey()), 'passkey-copied')
    assert.equal(
      outcome(await browser.signInByPasskey({ counter: 0 })),
      'passkey-copied',
      'nor one that stops counting',
    )
    const told = (await fleet.entries()).filter(({ code }) => code === 'passkey-copied')
    assert.equal(told.length, 3)
    await dropAll('ada')
  })

  it('attack: two sign-ins at once with the same counter', async () => {
    const browser = await withPasskey('ada')
    const proofs = [await browser.assertion({ counter: 7 }), await browser.assertion({ counter: 7 })]
    const both = await Promise.all(proofs.map(proof => browser.ask('POST', '/v1/sign-in', { cookie: true, proof })))
    const [won, lost] = both.map(outcome).sort()
    assert.equal(won, 200)
    assert.match(String(lost), /^(?:sign-in-wrong|passkey-copied)$/)
    await dropAll('ada')
  })

  it('attack: another’s credential id, registered with one’s own key', async () => {
    const ada = new SoftAuthenticator()
    const owner = await withPasskey('ada', ada)
    const { credential } = await owner.assertion()
    const mallory = await at('mallory')
    const stolen = { id: Uint8Array.fromBase64(credential!, { alphabet: 'base64url' }) }
    assert.equal(outcome(await mallory.addPasskey('mine', stolen)), 'passkey-refused')
    // Nor under another name than the authenticator calls it by, taken or free.
    const free = toBase64Url(new Uint8Array(16))
    assert.equal(outcome(await mallory.addPasskey('mine', {}, { credential: free })), 'passkey-refused')
    assert.equal(outcome(await mallory.addPasskey('mine', {}, { credential: credential! })), 'passkey-refused')
    assert.equal(outcome(await owner.signInByPasskey()), 200)
    assert.equal(await owner.who(), 'ada')
    assert.deepEqual(await passkeysOf('mallory'), [])
    await dropAll('ada')
  })

  it('attack: passkeys without end, and challenges without end', async () => {
    const browser = await at('ada')
    for (let n = 0; n < MOST_PASSKEYS; n += 1) orThrow(await browser.addPasskey(`key ${n}`))
    assert.equal(outcome(await browser.addPasskey('one more')), 'passkeys-too-many')
    const user = new Set(
      (await fleet.world.store.passkeys('ada')).map(({ passkey }) => JSON.parse(fromUtf8(passkey)!).user),
    )
    assert.equal(user.size, 1, 'an authenticator knows the account by one handle')
    const first = await browser.assertion()
    for (let n = 0; n < 64; n += 1) await browser.challenge()
    const send = (proof: object) => browser.ask('POST', '/v1/sign-in', { cookie: true, proof }).then(outcome)
    assert.equal(await send(first), 'sign-in-over', 'who asks without end pushes out what they began themselves')
    assert.equal(await send(await browser.assertion()), 200)
    await dropAll('ada')
  })

  it('attack: a passkey of a disabled account, of a forgotten one, and one that was removed', async () => {
    await door.account('dora', ['auditor@fleet'])
    await door.password('dora')
    const browser = await withPasskey('dora')
    const root = await door.who('administrator')
    // Judged while it was in force, and disabled before the session begins.
    const proof = await browser.assertion()
    orThrow(await editAccount(fleet.world, root, 'dora', { disabled: 'left' }))
    assert.equal(outcome(await browser.ask('POST', '/v1/sign-in', { cookie: true, proof })), 'sign-in-wrong')
    orThrow(await editAccount(fleet.world, root, 'dora', { disabled: null }))
    assert.equal(outcome(await browser.signInByPasskey()), 'sign-in-wrong', 'nor when it is back in force')
    const again = await withPasskey('dora')
    const administrator = await at('root')
    const [one] = (await administrator.json<AccountDetail>('GET', '/v1/accounts/dora')).passkeys
    const path = `/v1/accounts/dora/passkeys/${one!.id}`
    assert.equal(outcome(await (await at('mallory')).ask('DELETE', path)), 'role-missing')
    const byToken = door.client({ bearer: await door.token('dora') })
    assert.equal(outcome(await send(byToken, 'DELETE', path)), 'token-manages-itself')
    assert.equal(outcome(await administrator.ask('DELETE', path)), 204)
    assert.equal(outcome(await administrator.ask('DELETE', path)), 'not-found')
    assert.equal(outcome(await again.signInByPasskey()), 'sign-in-wrong', 'removed')
    await withPasskey('dora')
    orThrow(await editAccount(fleet.world, root, 'dora', { disabled: 'gone' }))
    orThrow(await forget(fleet.world, root, 'dora'))
    assert.deepEqual(await fleet.world.store.passkeys('dora'), [])
    const removed = (await fleet.entries()).filter(({ detail }) => detail.event === 'passkey-removed')
    assert.ok(removed.some(({ detail, actor }) => detail.passkey === one!.id && actor.id === 'root'))
  })

  it('signs out everywhere: every session of the account ends, tokens and passkeys stay', async () => {
    const token = await door.token('ada')
    const browser = await withPasskey('ada')
    const others = [await at('ada'), await at('ada')]
    orThrow(await browser.signInByPasskey())
    assert.equal(outcome(await (await at('mallory')).ask('POST', '/v1/accounts/ada/sign-out', {})), 'role-missing')
    const byToken = await send(door.client({ bearer: token }), 'POST', '/v1/accounts/ada/sign-out', {})
    assert.equal(outcome(byToken), 'token-manages-itself')
    assert.equal(outcome(await browser.ask('POST', '/v1/accounts/ada/sign-out', {})), 204)
    for (const one of [browser, ...others]) assert.equal(await one.who(), 'credential-revoked')
    assert.equal(outcome(await send(door.client({ bearer: token }), 'GET', '/v1/whoami')), 200)
    assert.equal(outcome(await browser.signInByPasskey()), 200)
    await dropAll('ada')
  })
})
