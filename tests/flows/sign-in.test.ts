import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { TestProvider } from '../../sim/identity/test-provider.ts'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { scryptPasswords } from '../../src/adapters/passwords-scrypt.ts'
import { nodeRandom } from '../../src/adapters/random-node.ts'
import { millis } from '../../src/core/encoding/units.ts'
import type { Proof } from '../../src/core/fleet/proof.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import { admit, type Who } from '../../src/flows/admit.ts'
import {
  addAccount,
  credentialsOf,
  editAccount,
  MOST_TOKENS,
  makeToken,
  recoverAdministrator,
  setPassword,
} from '../../src/flows/appoint.ts'
import { Memory, MOST_REMEMBERED } from '../../src/flows/attempts.ts'
import { appendEntries } from '../../src/flows/audit.ts'
import { OpenIdIdentities } from '../../src/flows/openid-identities.ts'
import type { IdentityProvider } from '../../src/flows/people-ports.ts'
import { recall } from '../../src/flows/recall.ts'
import { localIdentities, MOST_SESSIONS, type Reception, signIn } from '../../src/flows/sign-in.ts'
import { grants } from '../worlds/people-door.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'

const cheap = scryptPasswords({ ln: 4, r: 8, p: 1 })
/** What the browser of a sign-in was given as it began. */
const BROWSER = 'what only this browser has'
const FROM = { address: '192.0.2.7', kind: 'session' } as const

describe('signing in with another party’s word', () => {
  let fleet: QuietFleet
  let party: TestProvider
  let provider: OpenIdIdentities
  let reception: Reception
  before(async () => {
    fleet = await QuietFleet.make()
    party = new TestProvider(crypto, nodeRandom)
    provider = new OpenIdIdentities(fleet.world, nodeRandom, { issuer: party.issuer, label: 'A party', party })
    const local = localIdentities(fleet.world, cheap)
    const providers = new Map<string, IdentityProvider>([local, provider].map(one => [one.name, one]))
    reception = { world: fleet.world, random: nodeRandom, providers, memory: new Memory() }
    const root = orThrow(await admit(fleet.world, { by: 'certificate', person: 'administrator' }))
    const ada = { id: 'ada', kind: 'person', name: 'Ada', grants: grants('auditor@fleet'), keys: [] } as const
    orThrow(await addAccount(fleet.world, root, ada))
    const externals = [{ provider: provider.name, subject: '248289761001' }]
    orThrow(await editAccount(fleet.world, root, 'ada', { externals }))
  })
  after(() => fleet?.close())

  async function begun(): Promise<{ url: string; state: string }> {
    const challenge = orThrow(await provider.begin({ address: FROM.address, browser: BROWSER, to: null }))
    assert.equal(challenge.at, 'redirect')
    return challenge as { url: string; state: string }
  }
  const finish = (state: string, parameters: Readonly<Record<string, string>>, browser = BROWSER) =>
    signIn(reception, provider.name, { at: 'redirect', state, parameters, browser }, FROM)
  const codeOf = (result: unknown): string => (isRefusal(result) ? (result as Refusal).code : 'in')

  it('the provider says who it is, and the fleet’s own roles what they may do', async () => {
    const { url, state } = await begun()
    const session = orThrow(await finish(state, party.visit(url, '248289761001')))
    const who = orThrow(await admit(fleet.world, { by: 'bearer', secret: session.secret }))
    assert.deepEqual([who.id, who.by, who.grants], ['ada', 'session', grants('auditor@fleet')])
  })

  it('attack: somebody whom the provider knows and the fleet does not, by another’s name too', async () => {
    for (const subject of ['999', 'ada', 'administrator']) {
      const { url, state } = await begun()
      assert.equal(codeOf(await finish(state, party.visit(url, subject))), 'identity-unlinked', subject)
    }
  })

  it('attack: a redirect that is finished twice, late, with another state, or with the code of another', async () => {
    const first = await begun()
    const parameters = party.visit(first.url, '248289761001')
    assert.equal(codeOf(await finish(first.state, parameters)), 'in')
    assert.equal(codeOf(await finish(first.state, parameters)), 'sign-in-over', 'twice')
    const mine = await begun()
    const theirs = await begun()
    const code = party.visit(theirs.url, '248289761001')
    assert.equal(
      codeOf(await finish(mine.state, { ...code, state: mine.state })),
      'sign-in-wrong',
      'a code that was stolen',
    )
    const late = await begun()
    const answer = party.visit(late.url, '248289761001')
    fleet.clock.advance(11 * 60_000)
    assert.equal(codeOf(await finish(late.state, answer)), 'sign-in-over', 'late')
    assert.equal(codeOf(await finish('made-up', { state: 'made-up', code: 'x' })), 'sign-in-over')
  })

  it('attack: a password for an account of another provider, and a provider that nobody knows', async () => {
    reception.memory.attempts.clear()
    const password = { at: 'password', account: 'ada', password: 'seven quiet harbours' } as const
    assert.equal(codeOf(await signIn(reception, 'local', password, FROM)), 'sign-in-wrong')
    assert.equal(codeOf(await signIn(reception, provider.name, password, FROM)), 'sign-in-wrong')
    assert.equal(codeOf(await signIn(reception, 'https://evil.example', password, FROM)), 'sign-in-wrong')
  })

  it('attack: a hundred guesses at once are a hundred guesses', async () => {
    reception.memory.attempts.clear()
    const guess = (n: number) =>
      signIn(reception, 'local', { at: 'password', account: 'ada', password: `guess number ${n}` }, FROM)
    const codes = (await Promise.all(Array.from({ length: 100 }, (_, n) => guess(n)))).map(codeOf)
    assert.equal(codes.filter(code => code === 'sign-in-wrong').length, 5)
    assert.equal(codes.filter(code => code === 'sign-in-locked').length, 95)
  })

  it('attack: failures at another party from many addresses, to keep everybody else from signing in there', async () => {
    reception.memory.attempts.clear()
    const fail = async (address: string): Promise<string> => {
      const { state } = await begun()
      const proof = { at: 'redirect', state, parameters: { state, code: 'made up' }, browser: BROWSER } as const
      return codeOf(await signIn(reception, provider.name, proof, { address, kind: 'browser' }))
    }
    for (let n = 0; n < 60; n += 1) assert.equal(await fail(`198.51.100.${n}`), 'sign-in-wrong')
    const { url, state } = await begun()
    assert.equal(codeOf(await finish(state, party.visit(url, '248289761001'))), 'in')
    for (let n = 0; n < 4; n += 1) assert.equal(await fail('198.51.100.7'), 'sign-in-wrong')
    assert.equal(await fail('198.51.100.7'), 'sign-in-locked', 'who fails is locked out alone')
  })

  it('attack: thousands of names, tried to push out the lock of one', async () => {
    const { attempts } = reception.memory
    attempts.clear()
    const guess = (account: string) =>
      signIn(reception, 'local', { at: 'password', account, password: 'guess' }, FROM).then(codeOf)
    for (let n = 0; n < 5; n += 1) assert.equal(await guess('ada'), 'sign-in-wrong')
    assert.equal(await guess('ada'), 'sign-in-locked')
    // Filled as many names would fill it, without their passwords: each costs the server, and here the test.
    const one = { failures: 1, last: fleet.clock.now(), until: fleet.clock.now() }
    for (let n = 0; attempts.size < MOST_REMEMBERED; n += 1) attempts.set(`name-${n}`, one)
    for (let n = 0; n < 40; n += 1) assert.equal(await guess(`other-${n}`), 'sign-in-wrong')
    assert.equal(attempts.size, MOST_REMEMBERED)
    assert.equal(await guess('ada'), 'sign-in-locked')
    attempts.clear()
  })

  it('attack: guessing as if for the first time, when the server has started anew', async () => {
    const at = (memory: Memory, password: string) =>
      signIn({ ...reception, memory }, 'local', { at: 'password', account: 'rex', password }, FROM).then(codeOf)
    const root = orThrow(await admit(fleet.world, { by: 'certificate', person: 'administrator' }))
    const rex = { id: 'rex', kind: 'person', name: 'Rex', grants: grants('auditor@fleet'), keys: [] } as const
    orThrow(await addAccount(fleet.world, root, rex))
    const password = 'seven quiet harbours'
    orThrow((await setPassword(reception, cheap, root, 'rex', { password, current: null })) ?? true)
    const before = new Memory()
    for (let n = 0; n < 3; n += 1) assert.equal(await at(before, 'guess'), 'sign-in-wrong')
    assert.equal(await at(before, password), 'in')
    const second = new Memory()
    await recall(fleet.world, second)
    for (let n = 0; n < 5; n += 1)
      assert.equal(await at(second, 'guess'), 'sign-in-wrong', 'what was right wiped it out')
    const third = new Memory()
    await recall(fleet.world, third)
    assert.equal(await at(third, password), 'sign-in-locked')
  })

  it('attack: a hacked gateway tells of wrong passwords at the fleet, so that somebody is kept out behind its next start', async () => {
    const detail = { attempt: 'sign-in', account: 'zed', address: FROM.address }
    const entry = { kind: 'access-refused', actor: { kind: 'gateway', id: 'quay' }, site: 'quay', detail } as const
    const origin = { gateway: 'quay', sequence: 1, kind: 'entry', item: '0'.repeat(64), head: '0'.repeat(64) } as const
    const told = Array.from({ length: 9 }, () => ({ ...entry, code: 'sign-in-wrong', origin }))
    await appendEntries(fleet.world, told)
    const memory = new Memory()
    await recall(fleet.world, memory)
    assert.equal(memory.attempts.has('zed'), false)
  })

  it('attack: names that are turned away unjudged are not counted, or they would fill the memory for nothing', async () => {
    const { memory } = reception
    memory.attempts.clear()
    const busy = {
      name: 'local',
      label: 'Password',
      way: 'password' as const,
      begin: async () => ({ at: 'password' }) as const,
      finish: async () => refuse('sign-in-busy', 'a sign-in', 'at most 16 who wait', 'more'),
    }
    const crowded = { ...reception, providers: new Map([['local', busy]]) }
    for (let n = 0; n < 9; n += 1) {
      const proof = { at: 'password', account: 'ada', password: 'guess' } as const
      assert.equal(codeOf(await signIn(crowded, 'local', proof, FROM)), 'sign-in-busy')
    }
    assert.equal(memory.attempts.size, 0)
  })

  it('attack: an old password, or a disabled account, in a sign-in that began before and ends behind the change', async () => {
    reception.memory.attempts.clear()
    const root = orThrow(await admit(fleet.world, { by: 'certificate', person: 'administrator' }))
    const person = { id: 'mel', kind: 'person', name: 'Mel', grants: grants('auditor@fleet'), keys: [] } as const
    orThrow(await addAccount(fleet.world, root, person))
    const set = async (password: string, editor: Who = root, current: string | null = null) =>
      codeOf(await setPassword(reception, cheap, editor, 'mel', { password, current }))
    const [before, behind] = ['seven quiet harbours', 'eight loud lighthouses']
    assert.equal(await set(before), 'in')
    /** Signs in with a password; `meanwhile` happens when it has been judged right, and nothing has come of it yet. */
    const slow = (meanwhile: () => Promise<unknown>) => {
      const local = reception.providers.get('local')!
      const finish = async (proof: Proof) => {
        const finished = await local.finish(proof)
        await meanwhile()
        return finished
      }
      const providers = new Map([['local', { ...local, finish }]])
      const proof = { at: 'password', account: 'mel', password: before } as const
      return signIn({ ...reception, providers }, 'local', proof, FROM).then(codeOf)
    }
    assert.equal(await slow(async () => null), 'in')
    assert.equal(await slow(() => set(behind)), 'sign-in-wrong')
    assert.equal(await set(before), 'in')
    assert.equal(await slow(() => editAccount(fleet.world, root, 'mel', { disabled: 'left' })), 'account-disabled')
    orThrow(await editAccount(fleet.world, root, 'mel', { disabled: null }))
    // And who found a session, and knows the old password, does not have the last word either.
    const session = orThrow(
      await signIn(reception, 'local', { at: 'password', account: 'mel', password: before }, FROM),
    )
    const thief = orThrow(await admit(fleet.world, { by: 'bearer', secret: session.secret }))
    const late = {
      hash: async (password: string) => {
        const made = await cheap.hash(password)
        assert.equal(await set(behind), 'in')
        return made
      },
      matches: cheap.matches,
    }
    const stolen = { password: 'nine stolen anchorages', current: before }
    assert.equal(codeOf(await setPassword(reception, late, thief, 'mel', stolen)), 'sign-in-wrong')
    assert.ok(await cheap.matches(behind, await fleet.world.store.password('mel')))
  })

  it('attack: somebody who signs in, or makes tokens, until the store is full', async () => {
    reception.memory.attempts.clear()
    const root = orThrow(await admit(fleet.world, { by: 'certificate', person: 'administrator' }))
    const robot = { id: 'robot', kind: 'service', name: 'Robot', grants: grants('auditor@fleet'), keys: [] } as const
    orThrow(await addAccount(fleet.world, root, robot))
    const asked = { label: 'one of many', grants: null, lifeMillis: millis(86_400_000) }
    for (let n = 0; n < MOST_TOKENS; n += 1) orThrow(await makeToken(reception, root, 'robot', asked))
    assert.equal(codeOf(await makeToken(reception, root, 'robot', asked)), 'tokens-too-many')
    fleet.clock.advance(86_400_000)
    orThrow(await makeToken(reception, root, 'robot', asked))

    for (let n = 0; n < MOST_SESSIONS + 2; n += 1) {
      const { url, state } = await begun()
      orThrow(await finish(state, party.visit(url, '248289761001')))
      fleet.clock.advance(1)
    }
    assert.equal((await sessionsOfAda()).length, MOST_SESSIONS)
  })

  /** The ids of ada's sessions that are in force. */
  async function sessionsOfAda(): Promise<string[]> {
    const now = fleet.clock.now()
    const all = orThrow(await credentialsOf(fleet.world, 'ada'))
    return all
      .filter(({ kind, revoked, expiresAt }) => kind !== 'token' && revoked === null && now < expiresAt)
      .map(({ id }) => id)
  }

  it('a disabled account is not let in by anybody’s word, until it is recovered on the server’s own machine', async () => {
    reception.memory.attempts.clear()
    const root = orThrow(await admit(fleet.world, { by: 'certificate', person: 'administrator' }))
    orThrow(await editAccount(fleet.world, root, 'ada', { disabled: 'left' }))
    const { url, state } = await begun()
    assert.equal(codeOf(await finish(state, party.visit(url, '248289761001'))), 'account-disabled')
    orThrow(await recoverAdministrator(fleet.world, 'ada'))
    const entry = (await fleet.entries()).findLast(({ kind }) => kind === 'account-changed')
    assert.deepEqual([entry?.actor.kind, entry?.detail.event, entry?.detail.account], ['fleet', 'recovered', 'ada'])
    const again = await begun()
    reception.memory.attempts.clear()
    assert.equal(codeOf(await finish(again.state, party.visit(again.url, '248289761001'))), 'in')
  })
})
