import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Anchor } from '../../../src/core/firmware/suit-open.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import type { BootDecision, BootEvent } from '../../../src/core/slot/boot-decision.ts'
import { BOOT_TABLE, decideBoot } from '../../../src/core/slot/boot-machine.ts'
import { NO_KEY_CHANGE } from '../../../src/core/slot/key-change.ts'
import type { Memory } from '../../../src/core/slot/memory.ts'
import { activeOnly, type BootState, type Confirmed, hasFailed } from '../../../src/core/slot/memory.ts'
import {
  type Bootable,
  type ResetCause,
  type Slot,
  type SlotNote,
  UNKNOWN_NOTE,
  type Verdict,
} from '../../../src/core/slot/slot.ts'

type Good = Extract<Verdict, { good: true }>
const OLD = { digest: 'a'.repeat(32), sequence: 10, version: '1.0.0', counter: 1 }
const NEW = { digest: 'b'.repeat(32), sequence: 20, version: '2.0.0', counter: 2 }
const RESCUE = { digest: 'c'.repeat(32), sequence: 1, version: '0.9.0', counter: 0 }
const OLD_KEY: Anchor = { kid: '0a'.repeat(32), key: { alg: 'ed25519', spki: Uint8Array.of(1) } }
const UNSIGNED: Pick<Good, 'transition' | 'signers'> = { transition: null, signers: [OLD_KEY.kid] }
const good = (image: typeof OLD, signed = UNSIGNED): Good => ({
  good: true,
  ...image,
  ...signed,
  digest: image.digest.repeat(2),
})
const bad: Verdict = { good: false, reason: 'slot-image-damaged' }
const note = (image: typeof OLD, state: SlotNote['state']): SlotNote => ({ state, ...image })

const memoryOf = (state: BootState, b: SlotNote = UNKNOWN_NOTE): Memory => ({
  state,
  slots: { a: note(OLD, 'confirmed'), b },
  failed: [],
  update: '',
})

type Flash = Readonly<Record<Bootable, Verdict>>
const FINE: Flash = { a: good(OLD), b: good(NEW), golden: good(RESCUE) }

const reset = (flash: Flash, cause: ResetCause = 'power-on', counter = 1, anchors = [OLD_KEY]): BootEvent => ({
  kind: 'reset',
  cause,
  counter,
  anchors,
  budget: { tries: 3, losses: 5 },
  finishes: true,
  verdict: slot => flash[slot],
})

function decided(memory: Memory, event: BootEvent): BootDecision {
  const decision = decideBoot(memory, event)
  assert.ok(!isRefusal(decision))
  return decision
}

const ran = (decision: BootDecision): string => {
  const effect = decision.effects.find(one => one.kind === 'run' || one.kind === 'halt')
  return effect?.kind === 'run' ? `${effect.slot}${effect.trial ? ' trial' : ''}` : (effect?.kind ?? 'nothing')
}

const CONFIRMED: Confirmed = { active: 'a', floor: 1, keys: NO_KEY_CHANGE }
const STABLE: BootState = { at: 'stable', ...CONFIRMED }
const CANDIDATE: BootState = { at: 'candidate', ...CONFIRMED }
const ARMED: BootState = { at: 'armed', ...CONFIRMED }
const trial = (triesLeft: number, lossesLeft: number): BootState => ({ at: 'trial', slot: 'b', triesLeft, lossesLeft })

describe('a reset', () => {
  type Row = {
    name: string
    memory: Memory
    flash?: Partial<Flash>
    cause?: ResetCause
    runs: string
    next: string
    event: string
  }
  const staged = note(NEW, 'candidate')
  const tried = note(NEW, 'trial')
  const rows: Row[] = [
    { name: 'stable', memory: memoryOf(STABLE), runs: 'a', next: 'stable', event: 'boot' },
    {
      name: 'stable, by the watchdog',
      memory: memoryOf(STABLE),
      cause: 'watchdog',
      runs: 'a',
      next: 'stable',
      event: 'boot',
    },
    {
      name: 'active rotten, other confirmed',
      memory: memoryOf(STABLE, note(NEW, 'confirmed')),
      flash: { a: bad },
      runs: 'b',
      next: 'stable',
      event: 'fallback',
    },
    {
      name: 'active rotten, other unconfirmed',
      memory: memoryOf(STABLE),
      flash: { a: bad },
      runs: 'b trial',
      next: 'trial',
      event: 'trial',
    },
    {
      name: 'both rotten',
      memory: memoryOf(STABLE),
      flash: { a: bad, b: bad },
      runs: 'golden',
      next: 'stable',
      event: 'golden',
    },
    {
      name: 'all rotten',
      memory: memoryOf(STABLE),
      flash: { a: bad, b: bad, golden: bad },
      runs: 'halt',
      next: 'stable',
      event: 'halt',
    },
    {
      name: 'active swapped',
      memory: memoryOf(STABLE),
      flash: { a: good(NEW) },
      runs: 'a trial',
      next: 'trial',
      event: 'trial',
    },
    { name: 'candidate', memory: memoryOf(CANDIDATE, staged), runs: 'a', next: 'candidate', event: 'boot' },
    {
      name: 'candidate, active rotten',
      memory: memoryOf(CANDIDATE, staged),
      flash: { a: bad },
      runs: 'b trial',
      next: 'trial',
      event: 'trial',
    },
    { name: 'armed', memory: memoryOf(ARMED, staged), runs: 'b trial', next: 'trial', event: 'trial' },
    {
      name: 'armed, candidate rotten',
      memory: memoryOf(ARMED, staged),
      flash: { b: bad },
      runs: 'a',
      next: 'stable',
      event: 'dropped',
    },
    {
      name: 'trial, software',
      memory: memoryOf(trial(2, 5), tried),
      cause: 'software',
      runs: 'b trial',
      next: 'trial',
      event: 'trial',
    },
    {
      name: 'trial, tries spent',
      memory: memoryOf(trial(0, 5), tried),
      cause: 'watchdog',
      runs: 'a',
      next: 'stable',
      event: 'reverted',
    },
    {
      name: 'trial, tries spent, power',
      memory: memoryOf(trial(0, 5), tried),
      cause: 'power-loss',
      runs: 'b trial',
      next: 'trial',
      event: 'trial',
    },
    {
      name: 'trial, losses spent',
      memory: memoryOf(trial(2, 0), tried),
      cause: 'power-loss',
      runs: 'a',
      next: 'stable',
      event: 'reverted',
    },
    {
      name: 'trial rotten',
      memory: memoryOf(trial(2, 5), tried),
      flash: { b: bad },
      runs: 'a',
      next: 'stable',
      event: 'dropped',
    },
    {
      name: 'trial spent, way back rotten',
      memory: memoryOf(trial(0, 5), tried),
      flash: { a: bad },
      cause: 'watchdog',
      runs: 'golden',
      next: 'stable',
      event: 'reverted',
    },
    {
      name: 'blank',
      memory: { ...memoryOf({ at: 'blank' }), slots: { a: UNKNOWN_NOTE, b: UNKNOWN_NOTE } },
      runs: 'a trial',
      next: 'trial',
      event: 'trial',
    },
    {
      name: 'blank, older rotten',
      memory: memoryOf({ at: 'blank' }),
      flash: { a: bad },
      runs: 'b trial',
      next: 'trial',
      event: 'trial',
    },
    {
      name: 'blank, both rotten',
      memory: memoryOf({ at: 'blank' }),
      flash: { a: bad, b: bad },
      runs: 'golden',
      next: 'stable',
      event: 'golden',
    },
  ]
  for (const { name, memory, flash, cause, runs, next, event } of rows) {
    it(name, () => {
      const decision = decided(memory, reset({ ...FINE, ...flash }, cause))
      assert.equal(ran(decision), runs)
      assert.equal(decision.next.state.at, next)
      assert.equal(decision.note?.event, event)
    })
  }

  it('a trial counts the try before it runs, and a power loss on its own budget', () => {
    const memory = memoryOf(trial(2, 5), note(NEW, 'trial'))
    assert.deepEqual(decided(memory, reset(FINE, 'watchdog')).next.state, trial(1, 5))
    assert.deepEqual(decided(memory, reset(FINE, 'power-loss')).next.state, trial(2, 4))
    assert.deepEqual(decided(memoryOf(ARMED), reset(FINE, 'software')).next.state, trial(2, 5))
  })

  it('asks only for the slots that it needs', () => {
    const asked: Bootable[] = []
    const verdict = (slot: Bootable) => {
      asked.push(slot)
      return FINE[slot]
    }
    decided(memoryOf(CANDIDATE, note(NEW, 'candidate')), { ...reset(FINE), verdict } as BootEvent)
    assert.deepEqual(asked, ['a'])
  })

  it('finishes a floor only for the image that carries it', () => {
    const confirmed: Memory = {
      ...memoryOf({ at: 'stable', ...CONFIRMED, active: 'b', floor: 2 }, note(NEW, 'confirmed')),
    }
    const raises = (flash: Flash, counter: number) =>
      decided(confirmed, reset(flash, 'power-on', counter)).effects.filter(effect => effect.kind === 'raise')
    assert.deepEqual(raises(FINE, 1), [{ kind: 'raise', counter: 2 }])
    assert.deepEqual(raises(FINE, 2), [])
    assert.deepEqual(raises({ ...FINE, b: bad }, 1), [])
    assert.deepEqual(raises({ ...FINE, b: good({ ...NEW, counter: 1 }) }, 1), [])
  })

  describe('with a candidate armed and the floor not raised yet', () => {
    const NEWER = { ...NEW, sequence: 30, digest: '9'.repeat(32) }
    const armed: Memory = {
      state: { at: 'armed', ...CONFIRMED, active: 'b', floor: 2 },
      slots: { a: note(NEWER, 'candidate'), b: note(NEW, 'confirmed') },
      failed: [],
      update: '',
    }
    const flash: Flash = { ...FINE, a: good(NEWER) }
    const kinds = (found: Flash, counter: number, finishes = true): string[] =>
      decided(armed, { ...reset(found, 'software', counter), finishes } as BootEvent).effects.map(({ kind }) => kind)

    it('raises it, writes nothing, and wants to be asked again', () => {
      const decision = decided(armed, reset(flash, 'software', 1))
      assert.deepEqual(decision, {
        next: armed,
        effects: [{ kind: 'raise', counter: 2 }, { kind: 'again' }],
        note: null,
      })
    })

    it('tries the candidate when it is raised, also when the element has not done it', () => {
      assert.deepEqual(kinds(flash, 2), ['watchdog', 'run'])
      assert.deepEqual(kinds(flash, 1, false), ['watchdog', 'run'])
    })

    it('tries the candidate at once when the image that carries it has rotted, or is another', () => {
      assert.deepEqual(kinds({ ...flash, b: bad }, 1), ['watchdog', 'run'])
      assert.deepEqual(kinds({ ...flash, b: good({ ...NEW, digest: '8'.repeat(32) }) }, 1), ['watchdog', 'run'])
    })

    it('looks at the candidate alone when nothing is left to be finished', () => {
      const asked: Bootable[] = []
      const verdict = (slot: Bootable) => {
        asked.push(slot)
        return flash[slot]
      }
      decided(armed, { ...reset(flash, 'software', 2), verdict } as BootEvent)
      assert.deepEqual(asked, ['a'])
    })
  })
})

const image = { ...NEW, digest: NEW.digest.repeat(2) }
const events: Record<string, BootEvent> = {
  staged: { kind: 'staged', slot: 'b', image, update: '' },
  withdraw: { kind: 'withdraw' },
  arm: { kind: 'arm' },
  confirm: { kind: 'confirm', image: { ...UNSIGNED, anchors: [OLD_KEY] } },
  revert: { kind: 'revert', cause: 'probe-failed x' },
}

describe('an event of a running device', () => {
  const memories: Record<string, Memory> = {
    blank: memoryOf({ at: 'blank' }),
    stable: memoryOf(STABLE),
    candidate: memoryOf(CANDIDATE, note(NEW, 'candidate')),
    armed: memoryOf(ARMED, note(NEW, 'candidate')),
    trial: memoryOf(trial(2, 5), note(NEW, 'trial')),
  }
  const expected: Record<string, Record<string, string>> = {
    blank: {
      staged: 'boot-record-missing',
      withdraw: 'boot-record-missing',
      arm: 'boot-record-missing',
      confirm: 'boot-record-missing',
      revert: 'boot-record-missing',
    },
    stable: { staged: 'candidate', withdraw: '-', arm: 'nothing-staged', confirm: '-', revert: 'not-in-trial' },
    candidate: { staged: 'candidate', withdraw: 'stable', arm: 'armed', confirm: '-', revert: 'not-in-trial' },
    armed: { staged: 'activation-pending', withdraw: 'stable', arm: '-', confirm: '-', revert: 'not-in-trial' },
    trial: {
      staged: 'trial-in-progress',
      withdraw: 'trial-in-progress',
      arm: 'trial-in-progress',
      confirm: 'stable',
      revert: 'stable',
    },
  }
  for (const [at, row] of Object.entries(expected)) {
    for (const [kind, outcome] of Object.entries(row)) {
      it(`${at}, ${kind}: ${outcome}`, () => {
        const decision = decideBoot(memories[at] as Memory, events[kind] as BootEvent)
        if (isRefusal(decision)) assert.equal(decision.code, outcome)
        else assert.equal(decision.note === null ? '-' : decision.next.state.at, outcome)
      })
    }
  }

  it('the table names every state and event', () => {
    assert.deepEqual(Object.keys(BOOT_TABLE).sort(), Object.keys(memories).sort())
    for (const row of Object.values(BOOT_TABLE)) {
      assert.deepEqual(Object.keys(row).sort(), [...Object.keys(events), 'reset'].sort())
    }
  })

  it('a confirmation names the floor of the image, and a reversal its failure', () => {
    const confirmed = decided(memories.trial as Memory, events.confirm as BootEvent)
    assert.deepEqual(confirmed.next.state, { at: 'stable', active: 'b', floor: 2, keys: NO_KEY_CHANGE })
    assert.deepEqual(confirmed.effects[0], { kind: 'raise', counter: 2 })
    const reverted = decided(memories.trial as Memory, { kind: 'revert', cause: 'x' })
    assert.deepEqual(reverted.next.state, { at: 'stable', ...activeOnly('a') })
    assert.ok(hasFailed(reverted.next, NEW))
    assert.ok(!hasFailed(reverted.next, OLD))
  })
})

describe('any walk', () => {
  type Step = { kind: BootEvent['kind']; cause: ResetCause; rot: Partial<Record<Bootable, boolean>>; image: number }
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom('reset', 'reset', 'reset', 'staged', 'withdraw', 'arm', 'confirm', 'revert'),
    cause: fc.constantFrom('power-on', 'power-loss', 'watchdog', 'software'),
    rot: fc.record({ a: fc.boolean(), b: fc.boolean() }),
    image: fc.integer({ min: 2, max: 9 }),
  })
  const imageOf = (number: number) => ({
    digest: number.toString(16).padStart(64, '0'),
    sequence: number * 10,
    version: `${number}.0.0`,
    counter: Math.ceil(number / 2),
  })

  it('never runs what does not verify or failed, never lowers the counter, bounds unconfirmed runs', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const flash: Record<Bootable, Verdict> = { a: good(OLD), b: bad, golden: good(RESCUE) }
        let memory: Memory = memoryOf(STABLE)
        let counter = 1
        let confirmedCounter = 1
        let unconfirmed = 0
        for (const one of steps) {
          // Rot is lasting, and rare enough: both flags must be set for a slot to go.
          const seen: Flash = {
            a: one.rot.a && one.rot.b && one.image > 7 ? bad : flash.a,
            b: flash.b,
            golden: flash.golden,
          }
          let event: BootEvent
          if (one.kind === 'reset') event = reset(fitting(seen, counter), one.cause, counter)
          else if (one.kind === 'staged') {
            const state = memory.state
            if (state.at !== 'stable' && state.at !== 'candidate') continue
            const slot: Slot = state.active === 'a' ? 'b' : 'a'
            const image = imageOf(one.image)
            if (hasFailed(memory, image) || image.counter < counter) continue
            flash[slot] = { good: true, ...image, ...UNSIGNED }
            event = { kind: 'staged', slot, image, update: '' }
          } else event = { ...events[one.kind], cause: 'x' } as BootEvent
          const decision = decideBoot(memory, event)
          if (isRefusal(decision)) continue
          if (one.kind === 'confirm' && memory.state.at === 'trial')
            confirmedCounter = decision.next.slots[memory.state.slot].counter
          memory = decision.next
          for (const effect of decision.effects) {
            if (effect.kind === 'raise') {
              assert.ok(effect.counter <= confirmedCounter, 'only a confirmed image raises the counter')
              counter = Math.max(counter, effect.counter)
            }
            if (effect.kind !== 'run') continue
            const verdict = fitting(seen, counter)[effect.slot]
            assert.ok(verdict.good)
            if (effect.slot !== 'golden') assert.ok(effect.trial === (memory.state.at === 'trial'))
            if (effect.trial) assert.ok(!hasFailed(memory, verdict))
            unconfirmed = effect.trial && one.kind === 'reset' ? unconfirmed + 1 : 0
            assert.ok(unconfirmed <= 2 * (3 + 5), 'unconfirmed runs are bounded')
          }
          if (one.kind !== 'reset') unconfirmed = 0
        }
      }),
      { numRuns: 2_000 },
    )
  })

  function fitting(flash: Flash, counter: number): Flash {
    const at = (slot: Slot): Verdict => {
      const verdict = flash[slot]
      return verdict.good && verdict.counter < counter ? { good: false, reason: 'release-below-floor' } : verdict
    }
    return { a: at('a'), b: at('b'), golden: flash.golden }
  }
})
