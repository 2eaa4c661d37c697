import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ElementFault } from '../../sim/secure-element/sim-element.ts'
import type { Transition } from '../../src/core/firmware/release-facts.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { bootUp } from '../../src/flows/boot.ts'
import { type Bench, bench, KID, NEXT_KID, nextSigner, release, settle, stage, update, V2, V3 } from './bench-board.ts'

const ADD: Transition = { kind: 'add', kid: NEXT_KID, alg: 'ecdsa-p256', spki: nextSigner.key.spki.toHex() }
const ADDS = await release('2.0.0', 20, { transition: ADD })
const RETIRES = await release('3.0.0', 30, {
  transition: { kind: 'retire', kid: KID },
  counter: 2,
  signer: nextSigner,
  kid: NEXT_KID,
})

const keys = ({ controller }: Bench): string[] => controller.element.anchors().map(({ kid }) => kid)
/** A boot as it comes out: what runs, and what went wrong on the way. */
function boot(on: Bench): string {
  const outcome = bootUp(on.controller.board, 'software', on.clock.now())
  if (outcome.at === 'halted') return 'halted'
  const { running, problem } = outcome
  return `${running.slot} ${running.facts.version}${running.trial ? ' trial' : ''} ${problem?.code ?? 'well'}`
}
const confirmWith = (on: Bench, wanted: typeof V2, fault: ElementFault): void => {
  stage(on.controller, wanted)
  orThrow(on.controller.activate())
  on.controller.element.faults = () => fault
  assert.equal(settle(on).at, 'confirmed')
}

describe('a secure element that does not do what a confirmation asks of it', () => {
  it('stops no boot: the image that is confirmed runs, and the boot says what is still to be done', () => {
    const on = bench()
    confirmWith(on, V2, 'refused')
    assert.equal(on.controller.element.counter(), 1)
    for (let boots = 0; boots < 3; boots += 1) assert.equal(boot(on), 'b 2.0.0 element-command-not-done')
    on.controller.element.faults = () => null
    assert.equal(boot(on), 'b 2.0.0 well')
    assert.equal(on.controller.element.counter(), 2)
  })

  it('is told once more when its answer was lost, and that changes nothing', () => {
    const on = bench()
    confirmWith(on, V2, 'lost')
    assert.equal(on.controller.element.counter(), 2)
    const { raises } = on.controller.element
    on.controller.element.faults = () => null
    assert.equal(boot(on), 'b 2.0.0 well')
    assert.equal(on.controller.element.raises, raises)
  })

  it('keeps the old key as long as the floor is not raised', () => {
    const on = bench()
    update(on, ADDS)
    stage(on.controller, RETIRES)
    orThrow(on.controller.activate())
    on.controller.element.faults = command => (command === 'raise' ? 'refused' : null)
    settle(on)
    assert.deepEqual(keys(on), [KID, NEXT_KID])
    assert.equal(boot(on), 'a 3.0.0 element-command-not-done')
    assert.deepEqual(keys(on), [KID, NEXT_KID])
    on.controller.element.faults = () => null
    assert.equal(boot(on), 'a 3.0.0 well')
    assert.deepEqual([on.controller.element.counter(), keys(on)], [2, [NEXT_KID]])
  })
})

describe('a security counter that is not given', () => {
  /** What a boot runs when the questions from `first` on, so many of them, have no answer. */
  function bootWithout(on: Bench, first: number, many: number): string {
    const { controller, clock } = on
    let asked = 0
    const element = Object.create(controller.element, {
      counter: {
        value: () => {
          asked += 1
          return asked >= first && asked < first + many ? null : controller.element.counter()
        },
      },
      anchors: { value: () => controller.element.anchors() },
      goldenDigest: { value: () => controller.element.goldenDigest() },
      mac: { value: (message: Uint8Array) => controller.element.mac(message) },
      raise: { value: (value: number) => controller.element.raise(value) },
    })
    const outcome = bootUp({ ...controller.board, element }, 'software', clock.now())
    return outcome.at === 'halted' ? 'halted' : `${outcome.running.slot} ${outcome.running.facts.version}`
  }

  it('never has an older image run in the place of the one that is confirmed, though that would do', () => {
    for (const many of [1, 2, 3, 100]) {
      for (const first of [1, 2, 3, 4, 5]) {
        const on = bench()
        update(on, V2)
        update(on, V3)
        const runs = bootWithout(on, first, many)
        assert.ok(['a 3.0.0', 'golden 0.9.0'].includes(runs), `${many} from question ${first} on: ${runs}`)
        assert.equal(boot(on), 'a 3.0.0 well', `${many} from question ${first} on, and the boot behind it`)
      }
    }
  })
})
