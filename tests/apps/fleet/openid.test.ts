import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { editAccount } from '../../../src/flows/appoint.ts'
import { Browser } from '../../worlds/browser.ts'
import { CLIENT, LyingParty, OpenIdParty } from '../../worlds/openid-party.ts'
import { ORIGIN, PASSWORD, PeopleDoor } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'
import { SoftAuthenticator } from '../../worlds/soft-authenticator.ts'

const back = (name: string): string => `${ORIGIN}/v1/sign-in/return/${name}`
/** Where somebody goes whose sign-in was refused. */
const refused = (code: string): string => `/sign-in?refused=${code}`
const LIAR = '248289761001'

describe('sign-in by the word of another party', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  let party: OpenIdParty
  let liar: LyingParty
  before(async () => {
    fleet = await QuietFleet.make()
    party = await OpenIdParty.start([back('works')])
    liar = await LyingParty.start()
    const client = { clientId: CLIENT.id, secret: CLIENT.secret }
    const works = { name: 'works', label: 'The works', issuer: party.issuer, ca: party.ca, ...client }
    const lies = { name: 'lies', label: 'Liars', issuer: liar.issuer, ca: liar.ca, ...client }
    const dead = { name: 'dead', label: 'Nobody', issuer: 'https://localhost:1', ca: null, ...client }
    door = await PeopleDoor.open(fleet, { parties: [works, lies, dead] })
    for (const [id, provider, subject] of [
      ['ada', party.issuer, 'ada at the works'.replaceAll(' ', '-')],
      ['lee', liar.issuer, LIAR],
      ['dora', party.issuer, 'dora'],
    ] as const) {
      await door.account(id, ['auditor@fleet'])
      await link(id, provider, subject)
    }
  })
  after(async () => {
    await door?.close()
    party?.close()
    liar?.close()
    fleet?.close()
  })
  beforeEach(() => {
    door.reception.memory.attempts.clear()
    liar.lie = {}
  })

  const ADA = 'ada-at-the-works'
  const browser = (): Browser => new Browser(door, new SoftAuthenticator())
  async function link(id: string, provider: string, subject: string) {
    const externals = [{ provider, subject }]
    return editAccount(fleet.world, await door.who('administrator'), id, { externals })
  }
  const lastCode = async (): Promise<string | undefined> =>
    (await fleet.entries()).findLast(({ kind }) => kind === 'access-refused')?.code

  it('ends in a session of the linked account, where they wanted to go, and nothing of it reaches the page', async () => {
    const one = browser()
    assert.deepEqual(await one.json('GET', '/v1/sign-in/ways'), {
      password: true,
      passkey: true,
      providers: [
        { provider: party.issuer, label: 'The works' },
        { provider: liar.issuer, label: 'Liars' },
        { provider: 'https://localhost:1', label: 'Nobody' },
      ],
    })
    const page = await one.away(party.issuer, '/campaigns/alder?wave=2')
    const asked = new URL(page).searchParams
    const said = ['response_type', 'client_id', 'redirect_uri', 'scope', 'code_challenge_method'].map(n => asked.get(n))
    assert.deepEqual(said, ['code', CLIENT.id, back('works'), 'openid', 'S256'])
    assert.equal(await one.back(await party.visit(page, ADA)), '/campaigns/alder?wave=2')
    assert.equal(await one.who(), 'ada')
    assert.deepEqual([...one.cookies.keys()], ['__Host-voltseal'])
    const entry = (await fleet.entries()).findLast(({ kind }) => kind === 'access-granted')
    assert.deepEqual([entry?.actor.id, entry?.detail.by, entry?.detail.kind], ['ada', party.issuer, 'browser'])
    assert.equal(await one.back(await party.visit(await one.away(party.issuer), ADA)), '/', 'or to the first screen')
  })

  it('attack: a state that is replayed, and one that was never given', async () => {
    const one = browser()
    const address = await party.visit(await one.away(party.issuer), ADA)
    assert.equal(await one.back(address), '/')
    assert.equal(await one.back(address), refused('sign-in-over'))
    assert.equal(await lastCode(), 'sign-in-over')
    const made = `${back('works')}?code=x&state=made-up`
    assert.equal(await browser().back(made), refused('sign-in-over'))
  })

  it('attack: login CSRF: another browser is made to end the sign-in of its attacker', async () => {
    const attacker = browser()
    const address = await party.visit(await attacker.away(party.issuer), ADA)
    const victim = browser()
    assert.equal(await victim.back(address), refused('sign-in-over'), 'a browser that began none')
    const other = await party.visit(await attacker.away(party.issuer), ADA)
    const busy = browser()
    await busy.away(party.issuer)
    assert.equal(await busy.back(other), refused('sign-in-over'), 'one that began its own')
    for (const one of [victim, busy]) assert.equal(await one.who(), 'sign-in-required')
  })

  it('attack: a code that is used twice, one of another sign-in, and one of another party', async () => {
    const one = browser()
    const spent = new URL(await party.visit(await one.away(party.issuer), ADA))
    assert.equal(await one.back(spent.href), '/')
    one.cookies.clear()
    const put = async (code: string): Promise<string> => {
      const address = new URL(await party.visit(await one.away(party.issuer), ADA))
      address.searchParams.set('code', code)
      return one.back(address.href)
    }
    assert.equal(await put(spent.searchParams.get('code')!), refused('sign-in-wrong'), 'twice')
    const theirs = new URL(await party.visit(await browser().away(party.issuer), ADA))
    assert.equal(await put(theirs.searchParams.get('code')!), refused('sign-in-wrong'), 'PKCE: of another sign-in')
    // An address of one party, opened where another one's sign-ins end.
    const address = await party.visit(await one.away(party.issuer), ADA)
    assert.equal(await one.back(address.replace('/works?', '/lies?')), refused('sign-in-over'))
    assert.equal(await one.who(), 'sign-in-required')
  })

  it('attack: an ID token of another audience, issuer, nonce, key or time, and one that nobody signed', async () => {
    const now = Math.floor(Date.now() / 1000)
    const rows: [string, LyingParty['lie']][] = [
      ['another audience', { claims: { aud: 'another client' } }],
      ['several audiences, for another party', { claims: { aud: [CLIENT.id, 'other'], azp: 'other' } }],
      ['another issuer', { claims: { iss: party.issuer } }],
      ['the nonce of another sign-in', { claims: { nonce: 'of another sign-in' } }],
      ['no nonce', { claims: { nonce: undefined } }],
      ['over', { claims: { exp: now - 300, iat: now - 600 } }],
      ['of tomorrow', { claims: { nbf: now + 86_400 } }],
      ['another key', { stranger: true }],
      ['no signature', { alg: 'none' }],
      ['a subject that is no text', { claims: { sub: 7 } }],
      ['no subject', { claims: { sub: '' } }],
      ['a subject of two lines', { claims: { sub: 'a\nb' } }],
    ]
    for (const [what, lie] of rows) {
      door.reception.memory.attempts.clear()
      const one = browser()
      const address = liar.visit(await one.away(liar.issuer))
      liar.lie = lie
      assert.equal(await one.back(address), refused('sign-in-wrong'), what)
      assert.equal(await one.who(), 'sign-in-required', what)
      liar.lie = {}
    }
    const one = browser()
    assert.equal(await one.back(liar.visit(await one.away(liar.issuer))), '/', 'what is as it should be comes in')
    assert.equal(await one.who(), 'lee')
  })

  it('attack: a subject that no account is linked to, by the name of an account too; none is made', async () => {
    const before = (await fleet.world.store.accounts()).length
    for (const person of ['nobody', 'ada', 'administrator', LIAR]) {
      const one = browser()
      assert.equal(
        await one.back(await party.visit(await one.away(party.issuer), person)),
        refused('identity-unlinked'),
      )
      assert.equal(await one.who(), 'sign-in-required')
    }
    assert.equal((await fleet.world.store.accounts()).length, before)
    const told = (await fleet.entries()).findLast(({ code }) => code === 'identity-unlinked')
    assert.equal(told?.detail.actual, LIAR, 'whom to link is in the log')
    const taken = await link('dora', party.issuer, ADA)
    assert.ok(isRefusal(taken) && taken.code === 'account-external-taken', 'attack: one subject of two accounts')
  })

  it('attack: a disabled account, disabled while its person is at the other page', async () => {
    const one = browser()
    const address = await party.visit(await one.away(party.issuer), 'dora')
    orThrow(await editAccount(fleet.world, await door.who('administrator'), 'dora', { disabled: 'left' }))
    assert.equal(await one.back(address), refused('account-disabled'))
    assert.equal(await one.who(), 'sign-in-required')
  })

  it('attack: an open redirect: whatever is asked for, it is within the console', async () => {
    for (const to of [
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      '/%0d%0alocation:x y',
      'javascript:alert(1)',
    ]) {
      const one = browser()
      const address = new URL(await party.visit(await one.away(party.issuer, to), ADA))
      for (const name of ['to', 'next', 'redirect_uri']) address.searchParams.set(name, 'https://evil.example')
      assert.equal(await one.back(address.href), '/', to)
    }
    const one = browser()
    const error = new URLSearchParams({ error: 'https://evil.example/\r\nx: y', error_uri: 'https://evil.example' })
    const { searchParams } = new URL(await one.away(party.issuer))
    error.set('state', searchParams.get('state') ?? '')
    assert.equal(await one.back(`${back('works')}?${error}`), refused('sign-in-wrong'))
  })

  it('attack: the answer of a sign-in that somebody began too long ago, and states without end', async () => {
    const one = browser()
    const address = await party.visit(await one.away(party.issuer), ADA)
    fleet.clock.advance(10 * 60_000)
    assert.equal(await one.back(address), refused('sign-in-over'))
    fleet.clock.jump(-10 * 60_000)
    const first = await party.visit(await one.away(party.issuer), ADA)
    const { cookies } = one
    const kept = new Map(cookies)
    for (let n = 0; n < 64; n += 1) await one.away(party.issuer)
    for (const [name, value] of kept) cookies.set(name, value)
    assert.equal(await one.back(first), refused('sign-in-over'), 'who begins without end pushes out their own')
  })

  it('a party that is away, or is another than it says, keeps nobody from signing in another way', async () => {
    const one = browser()
    const away = await one.ask('POST', '/v1/sign-in/challenges', { provider: 'https://localhost:1' })
    assert.ok(isRefusal(away) && away.code === 'provider-unreachable')
    const address = liar.visit(await one.away(liar.issuer))
    liar.lie = { status: 500 }
    assert.match(await one.back(address), /refused=(?:provider-unreachable|sign-in-wrong)$/)
    await door.password('ada')
    orThrow(await one.signIn('ada', PASSWORD))
    assert.equal(await one.who(), 'ada')
  })
})
