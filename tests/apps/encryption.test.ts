import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { World } from '../../sim/doors/world.ts'
import { readConfig } from '../../src/adapters/config-file.ts'
import { concat, toBase64, utf8 } from '../../src/core/encoding/bytes.ts'
import { wrapFor } from '../../src/core/encoding/cose-recipient.ts'
import { decryptionKeyStatement } from '../../src/core/fleet/decryption-key.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { ask, call, fleetUrl, log, tls } from '../worlds/people.ts'
import { image, QUAY } from '../worlds/quay.ts'
import { p256Pair, TOOLS } from '../worlds/wrapping.ts'

/** What nobody between the maker and the controllers may ever have on a disk. It stands in the image many times. */
const SECRET = 'the algorithm that balances the cells, by its maker'

const secretImage = (seed: number): Uint8Array => {
  const mark = utf8(SECRET)
  const out = image(seed)
  for (let at = 0; at + mark.length < out.length; at += 5_000) out.set(mark, at)
  return out
}

/** Files below a folder in which the secret stands. */
function leaks(folder: string): string[] {
  const found: string[] = []
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name)
    if (statSync(path).isFile() && readFileSync(path).includes(SECRET)) found.push(name)
  }
  return found
}

describe('an encrypted release over the three tiers', () => {
  let world: World
  before(async () => {
    world = await World.start(QUAY)
    await world.reported()
  })
  after(() => world?.stop())

  const wrapping = (): string => world.at('fleet', 'keys', 'wrapping')
  const state = async (id: string): Promise<string | undefined> => {
    const seen = (await world.must('campaign', 'show', id)) as { state: string }
    return seen.state
  }

  it('is made, looked at and verified: without a key the ciphertext, with the key the images', async () => {
    const folder = await world.release('bms', '2.0.0', secretImage(2), '--encrypt-to', `${wrapping()}.pub`)
    assert.deepEqual(leaks(folder), [], 'the release folder')
    const seen = (await world.must('release', 'inspect', folder)) as Record<string, unknown>
    assert.equal((seen.encryptedTo as string[]).length, 1)
    const key = ['--key', world.at('keys', 'firmware.pub')]
    const without = (await world.must('verify', folder, ...key)) as Record<string, unknown>
    assert.deepEqual([without.verified, without.decrypted], [true, false])
    const withKey = (await world.must('verify', folder, ...key, '--wrapping-key', wrapping())) as Record<
      string,
      unknown
    >
    assert.deepEqual([withKey.verified, withKey.decrypted], [true, true])
    const stranger = world.at('keys', 'stranger')
    await world.must('key', 'generate', stranger)
    const other = await world.run('verify', folder, ...key, '--wrapping-key', stranger)
    assert.equal((other.json as { code: string }).code, 'content-key-not-for-us')
  })

  it('reaches two controllers by two wraps, and nobody between has the images in the clear', async () => {
    await world.publish(world.at('bms-2.0.0.release'))
    await world.campaign('spring', ['bms/2.0.0/envelope.suit'])
    await world.until('the campaign is done', async () => (await state('spring')) === 'done')
    assert.deepEqual(leaks(world.at('fleet')), [], 'the fleet server')
    assert.deepEqual(leaks(world.at('gateway')), [], 'the gateway')
    await world.must('repository', 'export', world.at('stick'))
    assert.ok(readdirSync(world.at('stick'), { recursive: true }).length > 5)
    assert.deepEqual(leaks(world.at('stick')), [], 'a mirror, a USB stick')
    // The search finds it where it has to be: in the flash of both controllers.
    const flashes = leaks(world.at('site')).sort()
    assert.deepEqual(flashes, ['controllers/bms-1/flash.bin', 'controllers/bms-2/flash.bin'])
    const controllers = (await world.must('controller', 'list')) as { version: string }[]
    assert.deepEqual(
      controllers.map(({ version }) => version),
      ['2.0.0', '2.0.0'],
    )
  })

  it('attack: a release encrypted to somebody else is not published', async () => {
    const folder = await world.release('bms', '2.1.0', secretImage(3), '--encrypt-to', world.at('keys', 'stranger.pub'))
    const answer = await world.run('publish', folder, '--key', world.at('keys', 'release'))
    assert.equal((answer.json as { code: string }).code, 'content-key-not-for-us')
  })

  it('attack: an enrolment that exchanges a decryption key, or brings one of another element', async () => {
    const folder = world.at('exchanged')
    mkdirSync(folder)
    const written = readFileSync(world.at('site', 'enrolment.json'), 'utf8')
    type Request = { id: string; decryption: { key: string; signature: string } }
    const enrolWith = async (change: (request: Request) => Request['decryption']): Promise<string> => {
      const { controllers } = JSON.parse(written) as { controllers: Request[] }
      const changed = controllers.map(one => (one.id === 'bms-1' ? { ...one, decryption: change(one) } : one))
      writeFileSync(join(folder, 'enrolment.json'), JSON.stringify({ controllers: changed }))
      const answer = await world.run('site', 'enrol', '--gateway', world.at('gateway'), '--controllers', folder)
      return (answer.json as { code: string }).code
    }
    const evil = p256Pair().spki
    const reportKey = (readConfig(world.at('site', 'controllers', 'bms-1', 'element.json')) as { reportKey: string })
      .reportKey
    const signature = toBase64(sign('sha256', decryptionKeyStatement(evil), reportKey))
    assert.equal(await enrolWith(() => ({ key: toBase64(evil), signature })), 'enrolment-key-changed')
    const unattested = await enrolWith(({ decryption }) => ({ ...decryption, key: toBase64(evil) }))
    assert.equal(unattested, 'decryption-key-unattested')
  })

  it('says so when the content key is not beside the release', async () => {
    const folder = await world.release('bms', '2.2.0', secretImage(4), '--encrypt-to', `${wrapping()}.pub`)
    writeFileSync(join(folder, 'content-keys.cbor'), concat(Uint8Array.of(0x81, 0x41), Uint8Array.of(0)))
    const malformed = await world.run('publish', folder, '--key', world.at('keys', 'release'))
    assert.equal((malformed.json as { code: string }).code, 'wrap-malformed')
  })

  it('waits for the wraps of a person where the server holds no wrapping key, and takes those for the controllers alone', async () => {
    const person = world.at('keys', 'person-wrapping')
    renameSync(wrapping(), person)
    await world.fleet?.close()
    await world.startFleet()
    const folder = await world.release('bms', '2.0.5', secretImage(5), '--encrypt-to', `${wrapping()}.pub`)
    await world.publish(folder)
    const early = await world.campaign('summer', ['bms/2.0.5/envelope.suit']).catch((error: Error) => error.message)
    assert.match(String(early), /not wrapped for every controller/)
    const requests = `quay=${world.at('site', 'enrolment.json')}`
    const strangers = world.at('strangers')
    mkdirSync(strangers)
    const { controllers } = JSON.parse(readFileSync(world.at('site', 'enrolment.json'), 'utf8')) as {
      controllers: { id: string }[]
    }
    writeFileSync(
      join(strangers, 'enrolment.json'),
      JSON.stringify({ controllers: controllers.filter(({ id }) => id === 'bms-1') }),
    )
    const wrap = (file: string, key = person, ...more: string[]) =>
      world.run('campaign', 'wrap', 'summer', '--wrapping-key', key, '--site', file, ...more)
    // The server names a controller of which the person knows nothing: no key of the server's is ever taken.
    const unknown = await wrap(`quay=${join(strangers, 'enrolment.json')}`)
    assert.equal((unknown.json as { code: string }).code, 'controller-unknown')
    const wrong = await wrap(requests, world.at('keys', 'stranger'))
    assert.equal((wrong.json as { code: string }).code, 'content-key-not-for-us')
    assert.deepEqual((await wrap(requests)).json, { campaign: 'summer', taken: 2, missing: 0 })
    assert.deepEqual((await wrap(requests)).json, { campaign: 'summer', taken: 0, missing: 0 })
    assert.deepEqual((await wrap(requests, person, '--again')).json, { campaign: 'summer', taken: 2, missing: 0 })
    await world.must('campaign', 'start', 'summer')
    await world.until('the campaign is done', async () => (await state('summer')) === 'done')
    const kinds = (await log(world)).map(({ kind }) => kind)
    assert.equal(kinds.filter(kind => kind === 'content-keys-wrapped').length, 2)
  })

  it('attack: a wrap that is brought for another key, or that nobody asked for', async () => {
    await world.publish(await world.release('bms', '2.0.6', secretImage(6), '--encrypt-to', `${wrapping()}.pub`))
    await world.must('campaign', 'create', '--id', 'autumn', '--release', 'bms/2.0.6/envelope.suit')
    const missing = await ask<{ site: string; controller: string; envelope: string }[]>(
      world,
      '/v1/campaigns/autumn/wraps',
    )
    assert.equal(missing.length, 2)
    const evil = toBase64(orThrow(wrapFor(p256Pair().spki, new Uint8Array(32), TOOLS, 'evil')))
    const bring = async (change: object): Promise<unknown> => {
      const { site, controller, envelope } = missing[0]!
      const wraps = [{ site, controller, envelope, wrap: evil, ...change }]
      const answer = await call(fleetUrl(world), tls.administrator(world), 'POST', '/v1/campaigns/autumn/wraps', {
        wraps,
      })
      return isRefusal(answer) ? answer.code : answer.status
    }
    assert.equal(await bring({}), 'wrap-for-another-key')
    assert.equal(await bring({ envelope: '00'.repeat(32) }), 'request-malformed')
    assert.equal(await bring({ wrap: 'AAAA' }), 'wrap-malformed')
  })
})
