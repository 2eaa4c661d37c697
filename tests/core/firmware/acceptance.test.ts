import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import {
  acceptFor,
  agreesWithTarget,
  type Device,
  fitsDevice,
  isPayloadOf,
  isWithin,
} from '../../../src/core/firmware/acceptance.ts'
import { type ReleaseTarget, releaseTarget } from '../../../src/core/firmware/release-facts.ts'
import { parseVersion, type Version } from '../../../src/core/firmware/version.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { FACTS, IMAGE } from './signing.ts'

const version = (text: string): Version => orThrow(parseVersion(text, 'test'))
const DEVICE: Device = {
  vendor: FACTS.vendor,
  class: 'bms-rack',
  hardware: 'primehub-b',
  slotBytes: 1000,
  bootloader: 2,
  counter: 3,
  installed: { version: version('2.2.9'), sequence: 6 },
}

describe('acceptFor', () => {
  const rows: readonly (readonly [string, Partial<Device>, string | null])[] = [
    ['the device as it is', {}, null],
    ['an empty device', { installed: undefined }, null],
    ['another vendor', { vendor: 'other.example' }, 'release-wrong-vendor'],
    ['attack: wrong device class', { class: 'ems' }, 'release-wrong-class'],
    ['another hardware revision', { hardware: 'essentialhub' }, 'release-wrong-hardware'],
    ['a prefix of a hardware revision', { hardware: 'prime' }, 'release-wrong-hardware'],
    ['a slot one byte short', { slotBytes: 999 }, 'release-larger-than-slot'],
    ['attack: rollback below the security floor', { counter: 4 }, 'release-below-floor'],
    ['the oldest bootloader but one', { bootloader: 1 }, 'release-bootloader-unsuited'],
    ['the newest bootloader', { bootloader: 5 }, null],
    ['a bootloader too new', { bootloader: 6 }, 'release-bootloader-unsuited'],
    ['attack: the same version again', { installed: { version: version('2.3.0'), sequence: 6 } }, 'release-not-newer'],
    ['attack: an older version', { installed: { version: version('2.10.0'), sequence: 6 } }, 'release-not-newer'],
    ['its pre-release installed', { installed: { version: version('2.3.0-rc.2'), sequence: 6 } }, null],
    ['attack: an older manifest', { installed: { version: version('2.2.9'), sequence: 7 } }, 'release-not-newer'],
  ]
  for (const [name, change, code] of rows) {
    it(name, () => assert.equal(acceptFor({ ...DEVICE, ...change }, FACTS)?.code ?? null, code))
  }

  it('lets the installed release boot again', () => assert.equal(fitsDevice(DEVICE, FACTS), null))
})

describe('isPayloadOf', () => {
  it('takes the image and no other', () => {
    assert.equal(isPayloadOf(FACTS, IMAGE, nodeCrypto), null)
    assert.equal(isPayloadOf(FACTS, IMAGE.with(500, 1), nodeCrypto)?.code, 'image-digest-mismatch')
    assert.equal(isPayloadOf(FACTS, IMAGE.slice(1), nodeCrypto)?.code, 'image-size-mismatch')
  })
})

describe('isWithin', () => {
  const rows: readonly (readonly [string, min: string, below: string | null, found: string, within: boolean])[] = [
    ['the minimum itself', '1.4.0', null, '1.4.0', true],
    ['anything newer', '1.4.0', null, '9.0.0', true],
    ['too old', '1.4.0', null, '1.3.9', false],
    ['a pre-release before the minimum', '3.0.0', null, '3.0.0-beta.1', false],
    ['below the bound', '1.4.0', '2.0.0', '1.9.9', true],
    ['a pre-release before the bound', '1.4.0', '2.0.0', '2.0.0-rc.1', true],
    ['the bound itself', '1.4.0', '2.0.0', '2.0.0', false],
  ]
  for (const [name, min, below, found, within] of rows) {
    it(`${within ? 'takes' : 'does not take'} ${name}`, () => {
      const range = { min: version(min), ...(below === null ? {} : { below: version(below) }) }
      assert.equal(isWithin(version(found), range), within)
    })
  }
})

describe('agreesWithTarget', () => {
  const target = releaseTarget(FACTS, 'payloads/x.bin')
  it('takes its own', () => assert.equal(agreesWithTarget(FACTS, target), null))

  const payload = target.payload
  const changes: readonly Partial<ReleaseTarget>[] = [
    { class: 'ems' },
    { hardware: ['primehub'] },
    { version: '2.3.1' },
    { sequence: 8 },
    { counter: 2 },
    { payload: { ...payload, sha256: '00'.repeat(32) } },
    { payload: { ...payload, length: 999 } },
  ]
  it('attack: metadata that says otherwise than the manifest', () => {
    for (const change of changes) {
      const answer = agreesWithTarget(FACTS, { ...target, ...change })
      assert.equal(answer?.code, 'release-metadata-disagrees', JSON.stringify(change))
    }
  })

  it('attack: metadata that hides a change of keys, names another one, or makes one up', () => {
    const change = { kind: 'retire', kid: 'ab'.repeat(32) } as const
    const changing = { ...FACTS, transition: change }
    const { transition, ...silent } = releaseTarget(changing, 'payloads/x.bin')
    assert.deepEqual(transition, change)
    assert.equal(agreesWithTarget(changing, { ...silent, transition: change }), null)
    for (const [facts, said] of [
      [changing, silent],
      [changing, { ...silent, transition: { ...change, kid: 'cd'.repeat(32) } }],
      [changing, { ...silent, transition: { ...change, kind: 'add' } }],
      [FACTS, { ...silent, transition: change }],
    ] as const) {
      assert.equal(agreesWithTarget(facts, said)?.code, 'release-metadata-disagrees')
    }
  })
})
