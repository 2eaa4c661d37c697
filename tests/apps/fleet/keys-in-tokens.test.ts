import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { World } from '../../../sim/doors/world.ts'
import { CKA, CKK, CKO } from '../../../src/adapters/signer-pkcs11/constants.ts'
import { voltseal } from '../../worlds/people.ts'
import { image, QUAY } from '../../worlds/quay.ts'
import { SoftToken } from '../../worlds/soft-token.ts'

/** The fleet server with its own keys in a token: a thief of the server may use them while he is there, and has no copy. */
describe('a fleet server whose keys are in a token', () => {
  let token: SoftToken
  let world: World
  const NAMES = ['image-snapshot', 'image-timestamp', 'audit']

  before(async () => {
    token = new SoftToken()
    token.use()
    world = await World.make(QUAY)
    for (const name of NAMES) {
      move(world.at('fleet', 'keys', name), name)
      writeFileSync(world.at('fleet', 'keys', name), `${token.uri(`token=Release;object=${name}`)}\n`)
    }
    await world.startFleet()
    for (const version of ['1.1.0', '1.2.0']) await world.release('bms', version, image(2))
  })
  after(async () => {
    await world?.stop()
    token?.end()
  })

  /** Puts the Ed25519 key of a file into the token, as one would who begins to use it. */
  function move(path: string, label: string): void {
    const { d = '', x = '' } = createPrivateKey(readFileSync(path, 'utf8')).export({ format: 'jwk' })
    const common = [
      { type: CKA.token, value: true },
      { type: CKA.keyType, value: CKK.edwards },
      { type: CKA.label, value: Buffer.from(label) },
      { type: CKA.id, value: Buffer.from(label) },
      { type: CKA.ecParams, value: Buffer.from(`130c${Buffer.from('edwards25519').toString('hex')}`, 'hex') },
    ]
    token.inside((library, session) => {
      library.C_CreateObject(session, [
        { type: CKA.class, value: CKO.privateKey },
        ...common,
        { type: CKA.private, value: true },
        { type: CKA.sensitive, value: true },
        { type: CKA.extractable, value: false },
        { type: CKA.sign, value: true },
        { type: CKA.value, value: Buffer.from(d, 'base64url') },
      ])
      const point = Buffer.concat([Buffer.from([4, 32]), Buffer.from(x, 'base64url')])
      library.C_CreateObject(session, [
        { type: CKA.class, value: CKO.publicKey },
        ...common,
        { type: CKA.verify, value: true },
        { type: CKA.ecPoint, value: point },
      ])
    })
  }

  const publish = (version: string) =>
    voltseal(world, ['publish', world.at(`bms-${version}.release`), '--key', world.at('keys', 'release')])
  const published = async () => ((await world.must('release', 'list')) as { version: string }[]).map(one => one.version)

  test('signs snapshot, timestamp and log with it', async () => {
    assert.equal((await publish('1.1.0')).exit, 0)
    assert.deepEqual(await published(), ['1.1.0'])
    assert.equal(((await world.must('audit', 'verify')) as { sound: boolean }).sound, true)
  })

  test('publishes nothing while the token is away, and goes on when it is back', async () => {
    token.unplug()
    const refused = await publish('1.2.0')
    // The server's own loops sign too: whoever comes first finds it removed, and the others that there is none.
    assert.match(refused.refusal?.code ?? 'none', /^token-(?:removed|missing)$/)
    assert.deepEqual(await published(), ['1.1.0'])
    token.plug()
    assert.equal((await publish('1.2.0')).exit, 0)
    assert.deepEqual((await published()).toSorted(), ['1.1.0', '1.2.0'])
    assert.equal(((await world.must('audit', 'verify')) as { sound: boolean }).sound, true)
  })

  test('does not start without it', async () => {
    await world.fleet?.close()
    world.fleet = null
    token.unplug()
    await assert.rejects(world.startFleet(), /the token is not there/)
    token.plug()
    await world.startFleet()
    assert.deepEqual((await published()).length, 2)
  })
})
