import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FlashFault, SilentFault } from '../../sim/flash/faults.ts'
import { singles } from './enumerate.ts'
import { Gate } from './gate.ts'
import { BOARDS, type Board } from './geometries.ts'
import { ROWS, type Row } from './planted.ts'
import { Stand } from './run.ts'
import { parseSeed, seedText } from './seed.ts'
import { count, emptyTally, type Tally } from './tally.ts'

/** Does the harness see? Each row of planted.ts breaks a board, and must be caught; so must a simulator that does not do what it is told. */

const SMALL = BOARDS.find(({ name }) => name === 'small') as Board

/** Every single fault of one phase on the small board, with a bug in it. */
async function hunted({ phase, wrap, begin = () => {} }: Row): Promise<Tally> {
  const stand = await Stand.of(SMALL)
  const run = stand.run.bind(stand)
  stand.run = (...about) => {
    begin()
    return run(...about)
  }
  stand.device.board = wrap(stand.device.board)
  const tally = emptyTally()
  singles(stand, phase, done => count(tally, done))
  return tally
}

/** What the violations of every single fault of a phase say, a line for each mode and rule. */
function told(stand: Stand, phase: string): string {
  const lines = new Set<string>()
  singles(stand, phase, ({ ended }) => {
    if (ended.violation !== null) lines.add(ended.violation.message)
  })
  return [...lines].join('\n')
}

describe('the judge sees', () => {
  for (const row of ROWS) {
    it(row.bug, async () => {
      let found: Record<string, number>
      try {
        found = (await hunted(row)).violations
      } catch (error) {
        // It shows even when nothing goes wrong.
        found = { [/fault: (.*?):/.exec((error as Error).message)?.[1] ?? String(error)]: 1 }
      }
      assert.ok(
        Object.keys(found).some(rule => row.rules.includes(rule)),
        `expected ${row.rules.join(' or ')}, found ${JSON.stringify(found)}`,
      )
    })
  }

  // The simulator strikes, and nothing comes of it.
  const reads = ['power', 'flipped', 'rotten', 'weakened', 'ecc-once', 'ecc-lasting'] as const
  for (const ignored of reads) {
    it(`a flash that ignores the read fault ${ignored}`, async () => {
      const stand = await Stand.of(SMALL)
      const { gate, flash } = stand.device
      flash.readFaults = read => {
        const fault = gate.read(read)
        return fault?.read === ignored ? null : fault
      }
      assert.match(told(stand, 'arm'), /did nothing/)
    })
  }

  const writes: readonly [name: string, ignores: (fault: FlashFault | SilentFault) => boolean][] = [
    ['a cut before it', fault => 'cut' in fault && fault.cut === 'before'],
    ['a cut behind it', fault => 'cut' in fault && fault.cut === 'after'],
    ['a cut inside it', fault => 'cut' in fault && fault.cut === 'inside'],
    ['a write that does nothing', fault => 'silent' in fault && fault.silent === 'nothing'],
    ['a write that leaves a bit', fault => 'silent' in fault && fault.silent === 'bit'],
  ]
  for (const [name, ignores] of writes) {
    it(`a flash that ignores ${name}`, async () => {
      const stand = await Stand.of(SMALL)
      const { flash } = stand.device
      const { faults } = flash
      flash.faults = operation => {
        const fault = faults(operation)
        return fault !== null && ignores(fault) ? null : fault
      }
      assert.match(told(stand, 'arm'), /did nothing/)
    })
  }

  it('a flash whose weak bits are as strong as others', async () => {
    const stand = await Stand.of(SMALL)
    const { flash } = stand.device
    const { faults } = flash
    flash.faults = operation => {
      const fault = faults(operation)
      return fault !== null && 'cut' in fault && fault.cut === 'inside' ? { ...fault, weak: false } : fault
    }
    assert.match(told(stand, 'arm'), /-weak struck a program of record\d, and did nothing/)
  })

  it('an element that ignores its faults', async () => {
    const stand = await Stand.of(SMALL)
    const { gate, element } = stand.device
    element.faults = command => {
      gate.element(command)
      return null
    }
    assert.match(told(stand, 'confirm'), /struck a raise of the element, and did nothing/)
  })

  it('areas that neither die nor wear out, a clock that stays, an application that does not hang', async () => {
    const stand = await Stand.of(SMALL)
    stand.device.gate.take = () => {}
    const text = told(stand, 'arm')
    for (const mode of ['dead-area', 'worn-for-a-while', 'worn-for-ever', 'clock-ahead', 'clock-back']) {
      assert.match(text, new RegExp(`${mode} struck a [a-z]+ of [a-z0-9]+, and did nothing`))
    }
    stand.device.gate.tick = () => {
      Gate.prototype.tick.call(stand.device.gate)
      return false
    }
    assert.match(told(stand, 'health'), /hang-of-the-application struck a tick of the element, and did nothing/)
  })

  it('a fault that does not strike', async () => {
    const stand = await Stand.of(SMALL)
    const plan = [{ at: 100_000, mode: 'cut-before', variant: 0 }]
    const { violation, struck } = stand.run('withdraw', plan, { until: 'done' })
    assert.equal(violation?.rule, 'every fault strikes')
    assert.deepEqual(struck, [])
  })
})

describe('a seed', () => {
  it('reads as it was written, and nothing else does', () => {
    for (const text of [
      'small/confirm/3.cut-after.0/done',
      'ecc/arm/1.~77+0.bit-rot.2+12.~5/settled',
      'page/boot//done',
    ]) {
      const seed = parseSeed(text)
      assert.ok(seed !== null, text)
      assert.equal(seedText(seed), text)
    }
    for (const text of [
      '',
      'small',
      'small/confirm/3.cut-after/done',
      'small/confirm/x.~1/done',
      'a/b/1.~1/later',
      'a/b/1.~1/done/x',
    ]) {
      assert.equal(parseSeed(text), null, text)
    }
  })

  it('repeats a run bit by bit', async () => {
    const end = async (): Promise<string> => {
      const stand = await Stand.of(SMALL)
      const lines: string[] = []
      stand.tell = line => lines.push(line)
      const plan = [
        { at: 4, draw: 371_442 },
        { at: 9, draw: 9_118 },
        { at: 17, draw: 77_405 },
      ]
      const { violation } = stand.run('compaction', plan, { until: 'settled' })
      assert.equal(violation, null)
      return `${lines.join('\n')}${stand.device.flash.snapshot().toHex()}`
    }
    assert.equal(await end(), await end())
  })
})
