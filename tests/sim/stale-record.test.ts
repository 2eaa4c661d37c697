import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { digestPrefix } from '../../src/core/slot/slot.ts'
import { act } from '../../src/flows/boot.ts'
import { confirm, revert } from '../../src/flows/health.ts'
import { history, readMemory } from '../../src/flows/remember.ts'
import { type Bench, bench, stage, V1, V2 } from './bench-board.ts'

/** The bytes of a record and of a cell of the history (docs/controller.md). */
const [RECORD, CELL] = [512, 160]

/** Spoils the newest record: an older one stands in its place. */
function rotNewestRecord({ controller }: Bench): void {
  const newest = (['record0', 'record1'] as const)
    .flatMap(area => {
      const cells = controller.flash.cells(area)
      const view = new DataView(cells.buffer, cells.byteOffset, cells.byteLength)
      return Array.from({ length: cells.length / RECORD }, (_, index) => ({
        area,
        at: index * RECORD,
        sequence: view.getUint32(index * RECORD, false) === 0x56535352 ? view.getUint32(index * RECORD + 16, true) : -1,
      }))
    })
    .toSorted((one, two) => two.sequence - one.sequence)[0]
  assert.ok(newest !== undefined && newest.sequence > 0)
  controller.flash.rot(newest.area, newest.at, 0x10)
}

const codeOf = (answer: unknown): string => (isRefusal(answer) ? answer.code : 'no refusal')
const now = (on: Bench) => on.clock.now()

describe('a record that rots while its image runs', () => {
  it('a download that was under way does not stage into the slot that runs', () => {
    const on = bench()
    const refused = act(
      on.controller.board,
      {
        kind: 'staged',
        slot: 'a',
        image: { digest: V2.facts.imageDigest, sequence: 20, version: '2.0.0', counter: 2 },
        update: '',
      },
      now(on),
    )
    assert.equal(codeOf(refused), 'boot-record-not-written')
  })

  it('no other image than the one that was watched is given up', () => {
    const on = bench()
    stage(on.controller, V2)
    orThrow(on.controller.activate())
    const running = on.controller.running()
    assert.ok(running?.trial)
    const strange = { ...running, facts: { ...running.facts, imageDigest: V1.facts.imageDigest } }
    assert.equal(codeOf(revert(on.controller.board, strange, 'x', now(on))), 'not-in-trial')
    assert.equal(codeOf(revert(on.controller.board, { ...running, slot: 'a' }, 'x', now(on))), 'not-in-trial')
    assert.equal(codeOf(confirm(on.controller.board, strange, now(on))), 'not-in-trial')
    assert.deepEqual(readMemory(on.controller.board)?.failed, [])
    orThrow(revert(on.controller.board, running, 'x', now(on)))
    assert.equal(readMemory(on.controller.board)?.failed[0]?.digest, digestPrefix(V2.facts.imageDigest))
  })

  it('what is confirmed already stays so', () => {
    const on = bench()
    const running = on.controller.running()
    assert.ok(running !== null)
    const before = on.controller.flash.operations
    assert.ok(!isRefusal(confirm(on.controller.board, running, now(on))))
    assert.equal(on.controller.flash.operations, before, 'nothing is written')
  })

  it('the number of a decision that the history knows is not given a second time', () => {
    const on = bench()
    on.controller.powerUp()
    const last = history(on.controller.board).entries.at(-1)?.decision ?? 0
    rotNewestRecord(on)
    on.controller.powerUp('power-loss')
    const { entries } = history(on.controller.board)
    assert.equal(entries.at(-1)?.decision, last + 1)
    assert.deepEqual(
      entries.map(({ decision }) => decision),
      entries.map((_, index) => index + 1),
    )
  })

  it('a decision whose record was not taken for written, and was, is in the history before the next one', () => {
    const on = bench()
    const last = history(on.controller.board).entries.at(-1)?.decision ?? 0
    // What reads a record back, in this boot, reads a wrong bit: every place is given up, and the last of them is whole.
    on.controller.flash.readFaults = ({ area, length }) =>
      area.startsWith('record') && length === RECORD ? { read: 'flipped', at: 100, mask: 1 } : null
    on.controller.powerUp()
    on.controller.flash.readFaults = () => null
    stage(on.controller, V2)
    assert.deepEqual(
      history(on.controller.board)
        .entries.map(({ decision, event }) => [decision, event])
        .slice(-2),
      [
        [last + 1, 'boot'],
        [last + 2, 'staged'],
      ],
    )
  })
})

describe('a history of which a word cannot be read', () => {
  it('loses no more than that cell, and its sector is not erased for it', () => {
    const on = bench()
    on.controller.powerUp()
    const before = history(on.controller.board).entries.length
    assert.ok(before >= 3)
    // A read of the whole sector meets the fault; a read of the other cells does not.
    on.controller.flash.readFaults = ({ area, offset, length }) =>
      area === 'history' && offset <= CELL && offset + length > CELL ? { read: 'ecc-once' } : null
    on.controller.powerUp('power-loss')
    on.controller.flash.readFaults = () => null
    const { entries, torn } = history(on.controller.board)
    assert.equal(entries.length, before + 1)
    assert.equal(torn, 0)
  })
})
