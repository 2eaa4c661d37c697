import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PowerLost } from '../../sim/flash/power-lost.ts'
import { concat } from '../../src/core/encoding/bytes.ts'
import type { Transition } from '../../src/core/firmware/release-facts.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { encodeSlotHeader } from '../../src/core/slot/layout.ts'
import { verify } from '../../src/flows/boot.ts'
import {
  type Bench,
  bench,
  GOLDEN,
  KID,
  NEXT_KID,
  nextSigner,
  release,
  SMALL,
  settle,
  stage,
  update,
} from './bench-board.ts'

const ADD: Transition = { kind: 'add', kid: NEXT_KID, alg: 'ecdsa-p256', spki: nextSigner.key.spki.toHex() }
const RETIRE: Transition = { kind: 'retire', kid: KID }
const byNext = { signer: nextSigner, kid: NEXT_KID }

/** The change as its maker does it: the old key adds the new one, and a release of the new one retires the old one. */
const FIRST = await release('2.0.0', 20, { transition: ADD })
const SECOND = await release('3.0.0', 30, { transition: RETIRE, ...byNext, counter: 2 })
const AFTER = await release('4.0.0', 40, { ...byNext, counter: 2 })
const OLD_AFTER = await release('4.0.1', 41, { counter: 2 })

const keys = ({ controller }: Bench): string[] => controller.element.anchors().map(({ kid }) => kid)
const version = ({ controller }: Bench): string =>
  `${controller.running()?.slot} ${controller.running()?.facts.version}`
const offered = ({ controller }: Bench, wanted: { envelope: Uint8Array }): string => {
  const begun = controller.begin({ envelope: wanted.envelope, update: 'u' })
  return isRefusal(begun) ? begun.code : 'accepted'
}

describe('a change of keys', () => {
  it('adds, boots under the new key, retires the old one; golden stays bootable', () => {
    const on = bench()
    assert.deepEqual(keys(on), [KID])
    assert.equal(offered(on, SECOND), 'envelope-signers-unknown', 'the new key counts for nothing before it is added')
    stage(on.controller, FIRST)
    orThrow(on.controller.activate())
    assert.deepEqual(keys(on), [KID], 'not before the health window')
    settle(on)
    assert.deepEqual(keys(on), [KID, NEXT_KID])
    stage(on.controller, SECOND)
    orThrow(on.controller.activate())
    assert.equal(version(on), 'a 3.0.0')
    assert.deepEqual(keys(on), [KID, NEXT_KID], 'the old key is there as long as the new one is on trial')
    settle(on)
    assert.deepEqual(keys(on), [NEXT_KID])
    assert.equal(offered(on, OLD_AFTER), 'envelope-signers-unknown')
    update(on, AFTER)
    assert.equal(version(on), 'b 4.0.0')
    on.controller.flash.rot('a', SMALL.imageOffset)
    on.controller.flash.rot('b', SMALL.imageOffset)
    on.controller.powerUp()
    assert.equal(version(on), 'golden 0.9.0', 'golden is verified by the key of the factory')
  })

  it('leaves the old key when the release of the new one fails its trial', () => {
    const on = bench()
    update(on, FIRST)
    stage(on.controller, SECOND)
    orThrow(on.controller.activate())
    for (const _ of [1, 2, 3, 4]) on.controller.powerUp('watchdog')
    assert.equal(version(on), 'b 2.0.0')
    assert.deepEqual(keys(on), [KID, NEXT_KID])
    on.controller.powerUp()
    assert.deepEqual(keys(on), [KID, NEXT_KID])
  })

  it('takes the release that retires a key in again, when it rotted between its confirmation and the retirement', () => {
    const on = bench()
    update(on, FIRST)
    stage(on.controller, SECOND)
    orThrow(on.controller.activate())
    on.controller.element.faults = command => (command === 'revoke-anchor' ? 'before' : null)
    assert.throws(() => settle(on), PowerLost)
    on.controller.element.faults = () => null
    on.controller.flash.rot('a', SMALL.imageOffset)
    on.controller.powerUp()
    assert.deepEqual([version(on), keys(on)], ['golden 0.9.0', [KID, NEXT_KID]])
    update(on, SECOND)
    assert.deepEqual([version(on), keys(on)], ['b 3.0.0', [NEXT_KID]])
  })

  it('attack: a release that retires the only key that signs it is refused before its first byte', async () => {
    const on = bench()
    update(on, FIRST)
    const before = on.controller.flash.operations
    assert.equal(offered(on, await release('3.0.0', 30, { transition: RETIRE })), 'anchor-in-use')
    assert.equal(on.controller.flash.operations, before)
  })

  it('attack: a release that retires a key and leaves the floor where it was is refused, as is what brought the key', async () => {
    const on = bench()
    update(on, FIRST)
    assert.equal(offered(on, await release('3.0.0', 30, { transition: RETIRE, ...byNext })), 'retirement-keeps-floor')
    // The maker takes its new key back: the release that brought it must not bring it again, whatever else is lost.
    update(on, await release('3.1.0', 31, { transition: { kind: 'retire', kid: NEXT_KID }, counter: 2 }))
    assert.deepEqual(keys(on), [KID])
    const rotRecords = () => {
      for (const area of ['record0', 'record1'] as const) {
        for (let at = 0; at < on.controller.flash.size(area); at += 512) on.controller.flash.rot(area, at, 0x20)
      }
    }
    rotRecords()
    on.controller.powerUp('power-loss')
    assert.equal(version(on), 'a 3.1.0', 'without a record the older image goes first; it is below the floor')
    settle(on)
    assert.deepEqual(keys(on), [KID])
    rotRecords()
    for (const slot of ['a', 'b'] as const) on.controller.flash.rot(slot, SMALL.imageOffset)
    on.controller.powerUp('power-loss')
    assert.equal(version(on), 'golden 0.9.0')
    assert.equal(offered(on, FIRST), 'release-below-floor', 'replayed')
  })

  it('attack: a third key has no place, and no key takes the id of another', async () => {
    const on = bench()
    update(on, FIRST)
    const third = { ...ADD, kid: 'cc'.repeat(32) }
    assert.equal(offered(on, await release('3.0.0', 30, { transition: third })), 'anchor-places-taken')
    const forged = { ...ADD, kid: KID }
    assert.equal(offered(on, await release('3.0.0', 30, { transition: forged })), 'anchor-places-taken')
    assert.equal(
      offered(on, await release('3.0.0', 30, { transition: ADD })),
      'accepted',
      'the same key again is no change',
    )
  })

  for (const [command, wanted, before] of [
    ['add-anchor', FIRST, []],
    ['revoke-anchor', SECOND, [FIRST]],
  ] as const) {
    for (const fault of ['before', 'after'] as const) {
      it(`${command} that is cut ${fault} it was done is finished by the next boot, once`, () => {
        const on = bench()
        for (const release of before) update(on, release)
        stage(on.controller, wanted)
        orThrow(on.controller.activate())
        on.controller.element.faults = asked => (asked === command ? fault : null)
        assert.throws(() => settle(on), PowerLost)
        on.controller.element.faults = () => null
        on.controller.powerUp('power-loss')
        assert.equal(on.controller.running()?.facts.version, wanted.facts.version)
        assert.equal(on.controller.running()?.trial, false)
        assert.deepEqual(keys(on), command === 'add-anchor' ? [KID, NEXT_KID] : [NEXT_KID])
        on.controller.powerUp('power-loss')
        assert.deepEqual(keys(on), command === 'add-anchor' ? [KID, NEXT_KID] : [NEXT_KID])
      })
    }
  }

  it('is not finished for an image that rotted: its key is not added', () => {
    const on = bench()
    stage(on.controller, FIRST)
    orThrow(on.controller.activate())
    on.controller.element.faults = asked => (asked === 'add-anchor' ? 'before' : null)
    assert.throws(() => settle(on), PowerLost)
    on.controller.element.faults = () => null
    on.controller.flash.rot('b', SMALL.imageOffset + 9)
    on.controller.powerUp('power-loss')
    on.controller.powerUp('power-loss')
    assert.equal(version(on), 'a 1.0.0')
    assert.deepEqual(keys(on), [KID])
  })
})

describe('the golden image', () => {
  it('attack: golden exchanged for another image that a key of the factory signed does not run', async () => {
    const { controller } = bench()
    // Somebody with a debug probe, and a key that was stolen and retired long ago.
    const other = await release('0.9.1', 2, { counter: 0 })
    const planted = concat(
      encodeSlotHeader({ envelopeBytes: other.envelope.length, imageBytes: other.image.length }),
      other.envelope,
    )
    const write = (bytes: Uint8Array, start: number) => {
      const there = controller.flash.read('golden', start, bytes.length)?.slice() ?? new Uint8Array(bytes.length)
      for (const [at, byte] of bytes.entries()) controller.flash.rot('golden', start + at, byte ^ (there[at] as number))
    }
    write(planted, 0)
    write(other.image, SMALL.imageOffset)
    controller.flash.rot('a', SMALL.imageOffset)
    assert.deepEqual(controller.powerUp(), { at: 'halted', reason: 'golden-exchanged' })
  })

  it('is the one that was pinned at the factory', () => {
    const { controller } = bench()
    assert.equal(controller.element.goldenDigest(), GOLDEN.facts.imageDigest)
    const pinned = { ...controller.element.snapshot(), golden: '00'.repeat(32) }
    controller.element.restore(pinned)
    const golden = verify(controller.board, 'golden')
    assert.equal(isRefusal(golden) ? golden.code : 'runs', 'golden-exchanged')
    controller.flash.rot('a', SMALL.imageOffset)
    const outcome = controller.powerUp()
    assert.deepEqual(outcome, { at: 'halted', reason: 'golden-exchanged' })
  })
})
