import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { World } from '../../../sim/doors/world.ts'
import { voltseal } from '../../worlds/people.ts'
import { image, QUAY } from '../../worlds/quay.ts'
import { rest, started } from '../../worlds/started.ts'

/**
 * Keys on machines of their own, from the command line to the fleet server. What a request may and may not say is in
 * tests/flows/request.test.ts, what it shows in request-changes.test.ts.
 */
describe('signing on another machine', () => {
  let world: World
  const at = (...names: string[]): string => world.at(...names)
  const key = (name: string): string => at('keys', name)
  const must = async (...argv: string[]) => (await world.must(...argv)) as Record<string, unknown>
  const as = (name: string): string[] => ['--profile', world.profileOf(name)]
  const codeOf = async (...argv: string[]) => {
    const ended = await voltseal(world, argv)
    return ended.exit === 0 ? 'done' : (ended.refusal?.code ?? `exit ${ended.exit}`)
  }
  /** Asks, signs elsewhere, and answers the file that came back. */
  const asked = async (name: string, signer: string, ...argv: string[]) => {
    await must(...argv, '--key', `${key(signer)}.pub`, '--export', at(name))
    await must('sign', at(name), '--key', key(signer))
    return at(name)
  }

  before(async () => {
    world = await started(QUAY, async made => {
      await made.reported()
      await rest(made)
      for (const version of ['1.1.0', '1.2.0', '1.3.0', '1.4.0'])
        await made.release('bms', version, image(version.length))
      return made
    })
  })
  after(() => world?.stop())

  test('a release is published with a signature that came back, and again when the answer was lost', async () => {
    const folder = at('bms-1.1.0.release')
    const request = await asked('one.request', 'release', 'publish', folder)
    assert.deepEqual((await must('release', 'list')) as unknown, [], 'nothing before the signature is here')
    const first = await must('publish', folder, '--import', request)
    const second = await must('publish', folder, '--import', request)
    assert.deepEqual(first, second)
    assert.deepEqual(first.releases, ['bms/1.1.0/envelope.suit'])
    const other = await codeOf('publish', at('bms-1.2.0.release'), '--import', request)
    assert.equal(other, 'signing-request-stale', 'a request that is in force is no word about another release')
  })

  test('a request is void once somebody else has published', async () => {
    const late = await asked('late.request', 'release', 'publish', at('bms-1.2.0.release'))
    await world.publish(at('bms-1.3.0.release'))
    assert.equal(await codeOf('publish', at('bms-1.2.0.release'), '--import', late), 'signing-request-stale')
  })

  test('attack: the signature for one release publishes another', async () => {
    const request = await asked('swap.request', 'release', 'publish', at('bms-1.2.0.release'))
    assert.equal(await codeOf('publish', at('bms-1.4.0.release'), '--import', request), 'signing-request-other')
  })

  test('a request is not asked of a key that could not sign, and never of a private key', async () => {
    const publish = ['publish', at('bms-1.2.0.release'), '--export', at('wrong.request'), '--key']
    assert.equal(await codeOf(...publish, `${key('firmware')}.pub`), 'signer-not-in-role')
    assert.equal(await codeOf(...publish, key('release')), 'key-malformed')
    assert.ok(!existsSync(at('wrong.request')))
  })

  test('a plan is approved by two people, one of them on a machine of their own', async () => {
    await must('campaign', 'create', '--id', 'far', '--release', 'bms/1.1.0/envelope.suit')
    const request = await asked('far.request', 'approver-0', 'campaign', 'approve', 'far')
    const shown = await must('sign', at('far.request'), '--root', at('fleet', 'roots', 'approval.root.json'))
    const [document] = shown.documents as { compared: boolean; changes: { what: string }[] }[]
    assert.equal(document?.compared, true)
    assert.deepEqual(
      document?.changes.map(({ what }) => what).filter(what => what.startsWith('target')),
      ['target campaigns/far.json'],
    )
    assert.deepEqual(
      (await must('campaign', 'approve', 'far', '--import', request, ...as('approver-0'))).approved,
      false,
    )
    assert.deepEqual(
      (await must('campaign', 'approve', 'far', '--key', key('approver-1'), ...as('approver-1'))).approved,
      true,
    )
  })

  test('a root that is not the one that vouches, and a file that is no root', async () => {
    await must('publish', at('bms-1.2.0.release'), '--key', `${key('release')}.pub`, '--export', at('root.request'))
    const sign = ['sign', at('root.request'), '--key', key('release'), '--root']
    assert.equal(await codeOf(...sign, at('fleet', 'roots', 'approval.root.json')), 'signing-request-altered')
    assert.equal(await codeOf(...sign, at('site.yaml')), 'metadata-malformed')
    assert.equal((await must('sign', at('root.request'))).signed, false, 'nothing was signed')
  })

  test('files are not overwritten, and a request is signed in its own place', async () => {
    const folder = at('bms-1.2.0.release')
    const ask = ['sign', folder, '--key', `${key('approver-0')}.pub`, '--export', at('place.request')]
    await must(...ask)
    assert.equal(await codeOf(...ask), 'file-exists')
    const raw = readFileSync(at('place.request.bin'))
    assert.equal(await codeOf('sign', folder, '--import', at('place.request')), 'signing-request-unsigned')
    assert.equal(await codeOf('sign', at('place.request'), '--key', key('release')), 'signing-request-wrong-key')
    const signed = await must('sign', at('place.request'), '--key', key('approver-0'))
    assert.equal(signed.signed, true)
    assert.deepEqual((signed.bytes as { length: number }[])[0]?.length, raw.length)
    const before = readFileSync(`${folder}/envelope.suit`)
    assert.equal((await must('sign', folder, '--import', at('place.request'))).signatures, 2)
    assert.notDeepEqual(readFileSync(`${folder}/envelope.suit`), before)
    assert.equal(await codeOf('sign', folder, '--import', at('place.request')), 'envelope-already-signed')
  })

  test('a signature that another tool left is put in, or refused', async () => {
    await must('sign', at('bms-1.4.0.release'), '--key', `${key('release')}.pub`, '--export', at('tool.request'))
    for (const [name, content] of [
      ['empty.sig', ''],
      ['noise.sig', 'a'.repeat(64)],
    ] as const) {
      writeFileSync(at(name), content)
      const code = await codeOf('sign', at('tool.request'), '--signature', at(name))
      assert.equal(code, 'signing-request-signature-invalid')
    }
  })

  test('options that do not go together', async () => {
    const release = at('bms-1.4.0.release')
    copyFileSync(at('place.request'), at('usage.request'))
    const pub = `${key('release')}.pub`
    const rows = [
      ['sign', release],
      ['sign', release, '--export', at('x')],
      ['sign', release, '--key', pub, '--import', at('usage.request')],
      ['sign', at('usage.request'), '--export', at('x')],
      ['sign', at('usage.request'), '--key', pub, '--signature', at('noise.sig')],
      ['publish', release],
      ['publish', release, '--key', pub, '--import', at('usage.request')],
      ['publish', release, '--export', at('x')],
      ['campaign', 'approve', 'far'],
      ['campaign', 'approve', 'far', '--export', at('x')],
    ]
    for (const row of rows) assert.equal(await codeOf(...row), 'usage-error', row.join(' '))
  })
})
