import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCrypto } from '../../../../src/adapters/crypto-node.ts'
import { concat } from '../../../../src/core/encoding/bytes.ts'
import { isPayloadOf } from '../../../../src/core/firmware/acceptance.ts'
import { mcubootAgrees, mcubootVersion } from '../../../../src/core/firmware/mcuboot/agree.ts'
import { mcubootSlot, USUAL_BUILD } from '../../../../src/core/firmware/mcuboot/trailer.ts'
import type { ReleaseFacts } from '../../../../src/core/firmware/release-facts.ts'
import type { Version } from '../../../../src/core/firmware/version.ts'
import { isRefusal, orThrow } from '../../../../src/core/refusal/refusal.ts'
import { createRelease } from '../../../../src/flows/release.ts'
import { codeOf, IMAGE, make } from './images.ts'

const whole = make()
const facts = { version: '1.2.345', counter: 9, components: [{ name: 'app', size: whole.length }] }
const agrees = (change: Partial<typeof facts>, payload = whole): string =>
  codeOf(mcubootAgrees({ ...facts, ...change } as unknown as ReleaseFacts, payload, nodeCrypto))
const sized = (payload: Uint8Array) => ({ components: [{ name: 'app', size: payload.length }] })

describe('a release that carries a SUIT envelope and an image for MCUboot', () => {
  it('says the same as the image', () => assert.equal(agrees({}), 'none'))

  it('attack: another version in the image than in the release', () => {
    for (const version of ['1.2.346', '1.3.345', '2.2.345', '1.2.345-rc.1'])
      assert.equal(agrees({ version }), 'mcuboot-disagrees')
  })

  it('attack: another security counter in the image than in the release, or none', () => {
    for (const counter of [0, 8, 10]) assert.equal(agrees({ counter }), 'mcuboot-disagrees')
    const without = make({ counter: 0, dependencies: [] })
    assert.equal(agrees({ counter: 0, ...sized(without) }, without), 'none')
    assert.equal(agrees({ counter: 1, ...sized(without) }, without), 'mcuboot-disagrees')
  })

  it('attack: an image whose own digest is not that of its bytes, though the envelope names these bytes', () => {
    const changed = whole.slice()
    changed[600] = (changed[600] as number) ^ 1
    assert.equal(agrees({}, changed), 'mcuboot-hash-mismatch')
  })

  it('attack: bytes behind the image, such as a trailer that says it was confirmed', () => {
    const slot = orThrow(mcubootSlot(whole, { slotBytes: 8192, ...USUAL_BUILD }, true))
    for (const longer of [slot, concat(whole, Uint8Array.of(0))]) {
      assert.equal(agrees(sized(longer), longer), 'mcuboot-disagrees')
    }
  })

  it('attack: an image that is shorter than its header says', () => {
    assert.equal(agrees(sized(whole.subarray(0, -1)), whole.subarray(0, -1)), 'mcuboot-malformed')
  })

  it('attack: an image that MCUboot would decrypt', () => {
    for (const flag of [0x04, 0x08]) {
      const changed = whole.slice()
      changed[16] = flag
      assert.equal(agrees({}, changed), 'mcuboot-disagrees')
    }
  })

  it('attack: a further image that does not hold', () => {
    const second = make({ counter: 1, dependencies: [] })
    const of = (image: Uint8Array) => {
      const components = [...facts.components, { name: 'afe', size: image.length }]
      return agrees({ components }, concat(whole, image))
    }
    assert.equal(of(second), 'none', 'its version and counter are its own')
    const changed = second.slice()
    changed[600] = (changed[600] as number) ^ 1
    assert.equal(of(changed), 'mcuboot-hash-mismatch')
    assert.equal(of(concat(second, Uint8Array.of(1))), 'mcuboot-disagrees')
    assert.equal(of(IMAGE), 'none', 'a plain one is asked nothing')
  })

  it('a plain image is asked nothing', () => assert.equal(agrees({ version: '9.9.9' }, IMAGE), 'none'))

  it('attack: neither is made, nor taken, when the two disagree', () => {
    const stated = {
      vendor: 'voltworks.example',
      class: 'bms',
      hardware: ['r1'],
      version: '1.2.345',
      sequence: 1,
      counter: 9,
    }
    const create = (change: object) =>
      createRelease({ image: whole, facts: { ...stated, ...change } }, { crypto: nodeCrypto })
    assert.equal(codeOf(create({ version: '1.2.346' })), 'mcuboot-disagrees')
    assert.equal(codeOf(create({ counter: 8 })), 'mcuboot-disagrees')
    const release = create({})
    assert.ok(!isRefusal(release))
    assert.equal(isPayloadOf(release.facts, whole, nodeCrypto), null)
    const raised = { ...release.facts, counter: 10 }
    assert.equal(codeOf(isPayloadOf(raised, whole, nodeCrypto)), 'mcuboot-disagrees')
  })

  it('has a version that MCUboot can write', () => {
    assert.deepEqual(mcubootVersion('255.255.65535' as Version), { major: 255, minor: 255, revision: 65_535, build: 0 })
    for (const wrong of ['256.0.0', '0.256.0', '0.0.65536', '1.0.0-rc.1']) {
      assert.equal(codeOf(mcubootVersion(wrong as Version)), 'mcuboot-fact-invalid', wrong)
    }
  })
})
