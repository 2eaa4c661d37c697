import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { keyId } from '../../src/core/trust/keys.ts'
import type { FleetLink } from '../../src/flows/ports.ts'
import { Bench, type Made, running } from './bench.ts'

/** Stolen: the key that signs envelopes. The controllers accept what it signs; all keys of the repositories are safe. */
describe('theft of the firmware key', () => {
  let bench: Bench
  let stolen: Made
  beforeEach(async () => {
    bench = await Bench.make()
    stolen = await bench.make('6.6.6')
  })
  afterEach(() => bench?.close())

  it('the thief can run an image on a controller that they lay hands on, at or above its counter', () => {
    const [c0] = bench.controllers
    assert.equal(bench.install(c0!, stolen.envelope, stolen.image), null)
    assert.equal(bench.start(c0!), '6.6.6')
  })

  it('attack: what a stolen firmware key has signed comes through no gateway', async () => {
    const [envelope, payload] = bench.releases['1.1.0'].targets
    // On the way, in the place of what was ordered: the only name that the gateway asks for.
    const swapped = (honest: FleetLink): Partial<FleetLink> => ({
      blob: async (id, from) => {
        const bytes =
          id.sha256 === envelope.sha256 ? stolen.envelope : id.sha256 === payload.sha256 ? stolen.image : null
        if (bytes === null) return honest.blob(id, from)
        return (async function* () {
          yield bytes.subarray(from)
        })()
      },
    })
    bench.line = swapped
    assert.equal(await bench.deliver(bench.controllers[0]!), 'blob-digest-mismatch')
    assert.equal(running(bench.controllers[0]!), '1.0.0')
  })

  it('attack: a stolen firmware key runs nothing below the counter, or of another class', async () => {
    const [c0] = bench.controllers
    const low = await bench.make('6.6.5', { counter: 0 })
    const strange = await bench.make('6.6.4', { class: 'pcs' })
    const codes = [low, strange].map(({ envelope, image }) => bench.install(c0!, envelope, image))
    assert.deepEqual(codes, ['release-below-floor', 'release-wrong-class'])
  })

  it('attack: a stolen firmware key ends with the release that retires it, signed by the key after it', async () => {
    const [c0] = bench.controllers
    const next = bench.fleet.newKey('next-firmware')
    const kid = keyId(next.key, crypto)
    const added = await bench.make('2.0.0', {
      transition: { kind: 'add', kid, alg: next.key.alg, spki: next.key.spki.toHex() },
    })
    const retires = { kind: 'retire', kid: bench.anchor.kid } as const
    const retired = await bench.make('3.0.0', { signer: next, kid, counter: 2, transition: retires })
    for (const { envelope, image, version } of [added, retired]) {
      assert.equal(bench.install(c0!, envelope, image), null)
      assert.equal(bench.start(c0!), version)
    }
    const late = await bench.make('6.6.7', { counter: 2 })
    assert.equal(bench.install(c0!, late.envelope, late.image), 'envelope-signers-unknown')
    const after = await bench.make('4.0.0', { signer: next, kid, counter: 2 })
    assert.equal(bench.install(c0!, after.envelope, after.image), null)
    assert.equal(bench.start(c0!), '4.0.0')
  })
})
