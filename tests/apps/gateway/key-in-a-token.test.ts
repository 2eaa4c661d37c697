import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { World } from '../../../sim/doors/world.ts'
import { voltseal } from '../../worlds/people.ts'
import { image, QUAY } from '../../worlds/quay.ts'
import { SoftToken } from '../../worlds/soft-token.ts'
import { ended } from '../../worlds/started.ts'

/** A gateway whose key is in a token, as in the TPM of its board: the disk of a gateway that was carried away signs nothing. */
describe('a gateway whose key is in a token', () => {
  let token: SoftToken
  let world: World
  const key = () => token.uri('token=Release;object=manifest')
  const init = (...more: string[]) =>
    voltseal(world, [
      ...['gateway', 'init', world.at('gateway'), '--site', world.at('site.yaml'), '--poll', '50ms'],
      ...['--fleet', `https://${world.host}:8443`, '--host', world.host, '--port', '8444', ...more],
    ])

  before(async () => {
    token = new SoftToken()
    token.use()
    world = await World.make(QUAY)
    rmSync(world.at('gateway'), { recursive: true })
    await world.must('key', 'generate', key())
  })
  after(async () => {
    await world?.stop()
    token?.end()
  })

  test('is not made with another kind of key, or with a file', async () => {
    await world.must('key', 'generate', token.uri('token=Release;object=other'), '-a', 'ed25519')
    const codes = []
    for (const wrong of [
      token.uri('token=Release;object=other'),
      world.at('keys', 'release'),
      token.uri('object=none'),
    ])
      codes.push((await init('--manifest-key', wrong)).refusal?.code)
    assert.deepEqual(codes, ['key-algorithm-unsupported', 'usage-error', 'token-key-missing'])
  })

  test('hands over what its token has signed, and a campaign goes to its end', async () => {
    assert.equal((await init('--manifest-key', key())).exit, 0)
    assert.equal(readFileSync(world.at('gateway', 'keys', 'manifest'), 'utf8'), `${key()}\n`)
    await world.startFleet()
    await world.enrol()
    await world.startGateway()
    world.startSite()
    await world.reported()
    const [path] = await world.publish(await world.release('bms', '1.1.0', image(5)))
    await world.campaign('first', [path!])
    assert.equal((await ended(world, 'first')).state, 'done')
  })
})
