import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { scryptPasswords } from '../../src/adapters/passwords-scrypt.ts'
import { nodeRandom } from '../../src/adapters/random-node.ts'
import { signInWays } from '../../src/apps/fleet/sign-in-ways.ts'
import { fromBase64Url, toBase64Url } from '../../src/core/encoding/bytes.ts'
import type { PasskeyAttestation, Proof } from '../../src/core/fleet/proof.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { admit, type Who } from '../../src/flows/admit.ts'
import { addAccount, credentialsOf, setPassword } from '../../src/flows/appoint.ts'
import { Memory } from '../../src/flows/attempts.ts'
import { type Passkeys, passkeysOf, removePasskey, renamePasskey } from '../../src/flows/passkeys.ts'
import { type Begun, type Reception, signIn } from '../../src/flows/sign-in.ts'
import { ORIGIN, PASSWORD } from '../worlds/people-door.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import { SoftAuthenticator } from '../worlds/soft-authenticator.ts'
import { Died, Interruptor, type Mode } from './interruption/interruptor.ts'

const bytes = (text: string): Uint8Array => fromBase64Url(text) as Uint8Array
const FROM = { address: '192.0.2.1', kind: 'browser', browser: '', to: null } as const

/** Of each write of a passkey: power fails before it is durable, and when it is and nobody was told. */
describe('the passkeys of people, and a power failure at each write', () => {
  let fleet: QuietFleet
  let reception: Reception
  let passkeys: Passkeys
  let ada: Who
  const passwords = scryptPasswords()

  /** Starts the server anew: what was begun in memory is gone. */
  function start(interruptor: Interruptor | null = null): void {
    fleet.open([], store => (interruptor === null ? store : interruptor.store(store)))
    const ways = signInWays(fleet.world, passwords, nodeRandom, { origin: ORIGIN, parties: [] })
    reception = { world: fleet.world, random: nodeRandom, providers: ways.providers, memory: new Memory() }
    passkeys = ways.passkeys as Passkeys
  }

  before(async () => {
    fleet = await QuietFleet.make()
    start()
    const root = orThrow(await admit(fleet.world, { by: 'certificate', person: 'administrator' }))
    orThrow(await addAccount(fleet.world, root, { id: 'ada', kind: 'person', name: 'ada', grants: [], keys: [] }))
    orThrow((await setPassword(reception, passwords, root, 'ada', { password: PASSWORD, current: null })) ?? true)
  })
  after(() => fleet?.close())

  /** Ada at a browser, signed in with her password a moment ago, and the server about to lose power at its next write. */
  async function about(mode: Mode): Promise<void> {
    start()
    const proof = { at: 'password', account: 'ada', password: PASSWORD } as const
    const { secret } = orThrow(await signIn(reception, 'local', proof, FROM))
    ada = orThrow(await admit(fleet.world, { by: 'cookie', secret }))
    start(new Interruptor(1, mode))
  }
  const dies = async (work: () => Promise<unknown>): Promise<void> => {
    await assert.rejects(work(), Died)
    start()
  }

  async function made(device: SoftAuthenticator): Promise<PasskeyAttestation & { challenge: string; label: string }> {
    const { challenge, rpId, user } = orThrow(await passkeys.begin(ada))
    const one = device.create({ rpId, origin: ORIGIN, challenge: bytes(challenge), user: bytes(user) })
    return {
      challenge,
      label: 'the key',
      credential: toBase64Url(one.id),
      clientDataJSON: toBase64Url(one.clientDataJSON),
      attestationObject: toBase64Url(one.attestationObject),
    }
  }
  async function assertion(device: SoftAuthenticator): Promise<Proof> {
    const asked = orThrow(await reception.providers.get('passkey')!.begin(FROM))
    assert.ok(asked.at === 'passkey')
    const said = device.get({ rpId: asked.rpId, origin: ORIGIN, challenge: bytes(asked.challenge) })
    return {
      at: 'passkey',
      challenge: asked.challenge,
      credential: toBase64Url(said.id),
      clientDataJSON: toBase64Url(said.clientDataJSON),
      authenticatorData: toBase64Url(said.authenticatorData),
      signature: toBase64Url(said.signature),
      userHandle: toBase64Url(said.userHandle),
    }
  }
  const enter = async (device: SoftAuthenticator): Promise<Begun | Refusal> =>
    signIn(reception, 'passkey', await assertion(device), FROM)
  const kept = async () => orThrow(await passkeysOf(fleet.world, 'ada'))
  const told = async (event: string): Promise<number> =>
    (await fleet.entries()).filter(({ detail }) => detail.event === event).length
  const codeOf = (answer: unknown): string | null => (isRefusal(answer as Refusal) ? (answer as Refusal).code : null)
  async function clear(): Promise<void> {
    for (const { id } of await kept()) orThrow((await removePasskey(fleet.world, ada, 'ada', id)) ?? true)
  }

  for (const mode of ['lost', 'unanswered'] as const) {
    it(`adding one, ${mode}: it is there or it is not, the log says which, and its owner gets on`, async () => {
      const before = await told('passkey-added')
      const device = new SoftAuthenticator()
      await about(mode)
      const answer = await made(device)
      await dies(() => passkeys.add(ada, answer))
      const there = mode === 'unanswered' ? 1 : 0
      assert.deepEqual([(await kept()).length, (await told('passkey-added')) - before], [there, there])
      // Its challenge went with the power: the same answer is worth nothing.
      assert.equal(codeOf(await passkeys.add(ada, answer)), 'sign-in-over')
      if (mode === 'unanswered') {
        // The browser is told which keys there are, so that the authenticator makes no second one that looks alike.
        assert.deepEqual(orThrow(await passkeys.begin(ada)).known, [answer.credential])
      } else orThrow(await passkeys.add(ada, await made(device)))
      assert.equal(orThrow(await enter(device)).account, 'ada')
      assert.deepEqual([(await kept()).length, (await told('passkey-added')) - before], [1, 1])
      await clear()
    })

    it(`renaming one, ${mode}: it has the one name or the other, and the log says it once`, async () => {
      const before = await told('passkey-renamed')
      const device = new SoftAuthenticator()
      await about(mode)
      start()
      const { id } = orThrow(await passkeys.add(ada, await made(device)))
      start(new Interruptor(1, mode))
      const rename = () => renamePasskey(fleet.world, ada, 'ada', id, 'another name')
      await dies(rename)
      assert.equal((await kept())[0]?.label, mode === 'lost' ? 'the key' : 'another name')
      assert.equal(await rename(), null)
      assert.deepEqual([(await kept())[0]?.label, (await told('passkey-renamed')) - before], ['another name', 1])
      assert.equal(orThrow(await enter(device)).account, 'ada', 'it is the same key')
      await clear()
    })

    it(`removing one, ${mode}: it is good or it is gone, and the log says it once`, async () => {
      const before = await told('passkey-removed')
      const device = new SoftAuthenticator()
      await about(mode)
      start()
      const { id } = orThrow(await passkeys.add(ada, await made(device)))
      start(new Interruptor(1, mode))
      const remove = () => removePasskey(fleet.world, ada, 'ada', id)
      await dies(remove)
      assert.equal(codeOf(await enter(device)), mode === 'lost' ? null : 'sign-in-wrong')
      assert.equal(codeOf(await remove()), mode === 'lost' ? null : 'not-found')
      assert.deepEqual([(await kept()).length, (await told('passkey-removed')) - before], [0, 1])
      assert.equal(codeOf(await enter(device)), 'sign-in-wrong')
    })

    it(`signing in with one, ${mode}: session and counter come together, and the next sign-in goes on`, async () => {
      const device = new SoftAuthenticator()
      await about(mode)
      start()
      orThrow(await passkeys.add(ada, await made(device)))
      const sessions = async (): Promise<number> => orThrow(await credentialsOf(fleet.world, 'ada')).length
      const before = await sessions()
      start(new Interruptor(1, mode))
      const proof = await assertion(device)
      await dies(() => signIn(reception, 'passkey', proof, FROM))
      const done = mode === 'unanswered' ? 1 : 0
      assert.deepEqual([(await kept())[0]?.counter, (await sessions()) - before], [done, done])
      assert.equal(codeOf(await signIn(reception, 'passkey', proof, FROM)), 'sign-in-over', 'the same answer again')
      assert.equal(orThrow(await enter(device)).account, 'ada')
      assert.deepEqual([(await kept())[0]?.counter, (await sessions()) - before], [2, done + 1])
      await clear()
    })
  }
})
