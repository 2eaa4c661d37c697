import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Transition } from '../../../src/core/firmware/release-facts.ts'
import type { Anchor } from '../../../src/core/firmware/suit-open.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import type { BootDecision, BootEvent } from '../../../src/core/slot/boot-decision.ts'
import { decideBoot } from '../../../src/core/slot/boot-machine.ts'
import { intentOf } from '../../../src/core/slot/key-change.ts'
import { activeOnly, type BootState, type Memory } from '../../../src/core/slot/memory.ts'
import type { SlotNote, Verdict } from '../../../src/core/slot/slot.ts'

const OLD = { digest: 'a'.repeat(32), sequence: 10, version: '1.0.0', counter: 1 }
const NEW = { digest: 'b'.repeat(32), sequence: 20, version: '2.0.0', counter: 2 }
const OLD_KEY: Anchor = { kid: '0a'.repeat(32), key: { alg: 'ed25519', spki: Uint8Array.of(1) } }
const NEW_KEY: Anchor = { kid: '0b'.repeat(32), key: { alg: 'ed25519', spki: Uint8Array.of(2) } }
const bad: Verdict = { good: false, reason: 'slot-image-damaged' }

/** Slot a holds the old confirmed image; slot b the new one as `note` says. */
const memoryOf = (state: BootState, note: SlotNote['state']): Memory => ({
  state,
  slots: { a: { state: 'confirmed', ...OLD }, b: { state: note, ...NEW } },
  failed: [],
  update: '',
})

const reset = (b: Verdict, counter: number, anchors: readonly Anchor[]): BootEvent => ({
  kind: 'reset',
  cause: 'power-on',
  counter,
  anchors,
  budget: { tries: 3, losses: 5 },
  finishes: true,
  verdict: slot =>
    slot === 'b' ? b : { good: true, ...OLD, digest: OLD.digest.repeat(2), transition: null, signers: [] },
})

const verdictOf = (transition: Transition | null, signers: readonly string[]): Verdict => ({
  good: true,
  ...NEW,
  digest: NEW.digest.repeat(2),
  transition,
  signers,
})

function decided(memory: Memory, event: BootEvent): BootDecision {
  const decision = decideBoot(memory, event)
  assert.ok(!isRefusal(decision))
  return decision
}

describe('a change of keys', () => {
  const add: Transition = { kind: 'add', kid: NEW_KEY.kid, alg: 'ed25519', spki: '02' }
  const retire: Transition = { kind: 'retire', kid: OLD_KEY.kid }
  const keysIn = (decision: BootDecision) =>
    decision.effects.filter(({ kind }) => kind === 'add-anchor' || kind === 'revoke-anchor')
  const confirmWith = (transition: Transition, signers: string[], anchors: Anchor[]) =>
    decided(memoryOf({ at: 'trial', slot: 'b', triesLeft: 2, lossesLeft: 5 }, 'trial'), {
      kind: 'confirm',
      image: { transition, signers, anchors },
    })
  const rebooted = (
    transition: Transition,
    signers: string[],
    anchors: Anchor[],
    asked: Transition | null = transition,
  ) => {
    const state: BootState = { at: 'stable', active: 'b', floor: 2, keys: intentOf(transition) }
    return decided(memoryOf(state, 'confirmed'), reset(verdictOf(asked, signers), 2, anchors))
  }
  const ADDED = [{ kind: 'add-anchor', anchor: NEW_KEY }]
  const REVOKED = [{ kind: 'revoke-anchor', kid: OLD_KEY.kid }]
  const [oldKey, newKey] = [OLD_KEY.kid, NEW_KEY.kid]
  const both = [OLD_KEY, NEW_KEY]

  it('is in the record before it is done, and the counter comes first', () => {
    const decision = confirmWith(add, [oldKey], [OLD_KEY])
    assert.deepEqual(decision.next.state, { at: 'stable', active: 'b', floor: 2, keys: intentOf(add) })
    assert.deepEqual(
      decision.effects.map(({ kind }) => kind),
      ['raise', 'add-anchor', 'watchdog'],
    )
  })

  const rows: [name: string, transition: Transition, signers: string[], anchors: Anchor[], effects: unknown[]][] = [
    ['a key is added', add, [oldKey], [OLD_KEY], ADDED],
    ['a key that is there is not added again', add, [oldKey], both, []],
    ['no key is added without a place', add, [oldKey], [OLD_KEY, { ...NEW_KEY, kid: '0c'.repeat(32) }], []],
    ['the old key is retired under the new one', retire, [newKey], both, REVOKED],
    ['the old key is retired by a release of both', retire, [oldKey, newKey], both, REVOKED],
    ['attack: the key in use is not retired', retire, [oldKey], both, []],
    ['attack: the last key is not retired', retire, [oldKey], [OLD_KEY], []],
    ['a key that is gone is not retired again', retire, [newKey], [NEW_KEY], []],
    ['a signature by a key that is no longer accepted does not count', retire, [oldKey, '0c'.repeat(32)], both, []],
  ]
  for (const [name, transition, signers, anchors, effects] of rows) {
    it(`${name}, at the confirmation and at the boot that finishes it`, () => {
      assert.deepEqual(keysIn(confirmWith(transition, signers, anchors)), effects)
      assert.deepEqual(keysIn(rebooted(transition, signers, anchors)), effects)
    })
  }

  it('that is left undone for good is said in the history: golden had the place taken, or the record was lost', () => {
    const full = [OLD_KEY, { ...NEW_KEY, kid: '0c'.repeat(32) }]
    const said = (transition: Transition, signers: string[], anchors: Anchor[]) =>
      confirmWith(transition, signers, anchors).note?.cause
    assert.equal(said(add, [oldKey], full), `no place for key ${newKey.slice(0, 16)}`)
    assert.equal(said(retire, [oldKey], both), `key ${oldKey.slice(0, 16)} is in use`)
    for (const [transition, signers, anchors] of [
      [add, [oldKey], [OLD_KEY]],
      [add, [oldKey], both],
      [retire, [newKey], both],
      [retire, [newKey], [NEW_KEY]],
    ] as const) {
      assert.equal(said(transition, [...signers], [...anchors]), '')
    }
  })

  it('is not done for an image that does not ask for it, whatever the record says', () => {
    assert.deepEqual(keysIn(rebooted(add, [oldKey], [OLD_KEY], null)), [])
    assert.deepEqual(keysIn(rebooted(add, [oldKey], [OLD_KEY], { ...add, kid: '0c'.repeat(32) })), [])
    assert.deepEqual(keysIn(rebooted(retire, [newKey], both, add)), [])
  })

  it('goes with the image that carries it when that rots', () => {
    const state: BootState = { at: 'stable', active: 'b', floor: 2, keys: intentOf(add) }
    const decision = decided(memoryOf(state, 'confirmed'), reset(bad, 1, [OLD_KEY]))
    const { counter: floor } = decision.next.slots.a
    assert.deepEqual(decision.next.state, { at: 'stable', ...activeOnly('a'), floor })
    assert.deepEqual(keysIn(decision), [])
  })

  it('is finished for an image that is fallen to before its own confirmation was finished', () => {
    const state: BootState = { at: 'stable', active: 'a', ...{ floor: 1, keys: intentOf(null) } }
    const event = reset(verdictOf(add, [oldKey]), 1, [OLD_KEY])
    assert.ok(event.kind === 'reset')
    const { verdict } = event
    const decision = decided(memoryOf(state, 'confirmed'), {
      ...event,
      verdict: slot => (slot === 'a' ? bad : verdict(slot)),
    })
    assert.deepEqual(decision.next.state, { at: 'stable', active: 'b', floor: NEW.counter, keys: intentOf(add) })
    assert.deepEqual(decision.effects, [
      { kind: 'raise', counter: NEW.counter },
      ...ADDED,
      { kind: 'run', slot: 'b', trial: false },
    ])
  })
})
