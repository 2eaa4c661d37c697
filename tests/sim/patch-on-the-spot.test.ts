import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fillByPatch, type PatchSource } from '../../src/apps/agent/stage-by-patch.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { SMALL } from './bench-board.ts'
import { FAULTS, JOURNALS, MEMORY, NEXT, PATCH, PatchBench } from './patch-cuts.ts'

/** A patch on a stick: where it was read from. */
function stick(): PatchSource & { readonly asked: number[] } {
  const asked: number[] = []
  return {
    asked,
    piece: async (at, length) => {
      asked.push(at)
      return PATCH.bytes.slice(at, at + length)
    },
    alive: () => {},
  }
}

/** The controller as the agent knows it. */
const deviceOf = (board: PatchBench): Parameters<typeof fillByPatch>[0] => {
  const { controller } = board.on
  return {
    generation: 0,
    patchMemory: MEMORY,
    beginPatch: (_, patch, memory) => controller.beginPatch(patch, memory),
  }
}

async function staged(board: PatchBench, source: PatchSource): Promise<Refusal | null> {
  const { controller } = board.on
  const installation = orThrow(controller.begin({ envelope: NEXT.envelope, update: 'update-2.0.0' }))
  const refusal = await fillByPatch(deviceOf(board), installation, PATCH.ref, source)
  if (refusal === null) orThrow(controller.finish())
  return refusal
}

const through = async (board: PatchBench): Promise<void> => assert.equal(await staged(board, stick()), null)

describe('a patch that a person brings', () => {
  it('survives a cut at every write, whatever becomes of the journal, and goes on in the middle where that leads on', async t => {
    const board = new PatchBench()
    let [runs, resumed] = [0, 0]
    for (const fault of FAULTS) {
      for (let write = 0; ; write += 1) {
        board.back()
        if (!(await board.cutLater(write, fault, () => through(board)))) break
        const after = board.moment()
        for (const [name, happens] of Object.entries(JOURNALS)) {
          const where = `${JSON.stringify(fault)} at write ${write}, journal ${name}`
          happens(board.back(after, write + 1))
          const source = stick()
          if (board.on.controller.at !== 'running') board.on.controller.powerUp('power-loss')
          assert.equal(await staged(board, source), null, where)
          // What was staged is the image, and comes up as it: by the patch it has nothing to fetch any more.
          board.comesThrough(NEXT, PATCH, where)
          runs += 1
          if (source.asked.some(at => at > 0)) resumed += 1
        }
      }
    }
    t.diagnostic(`${runs} updates came to their end, ${resumed} of them from the middle of the patch`)
    assert.ok(runs > 200 && resumed > 50, `${runs}, ${resumed}`)
  })

  it('is read from its beginning on a board without a journal', async () => {
    const board = new PatchBench(() => {}, { geometry: SMALL })
    board.back()
    assert.ok(await board.cutLater(6, { cut: 'after' }, () => through(board)))
    board.back(board.moment())
    const source = stick()
    assert.equal(await staged(board, source), null)
    assert.deepEqual(new Set(source.asked), new Set([0]))
    board.comesThrough(NEXT, PATCH, 'no journal')
  })

  it('ends where somebody else takes the slot, and where the stick is gone', async () => {
    const board = new PatchBench()
    for (const [code, source, device] of [
      ['install-incomplete', { piece: async () => null, alive: () => {} }, {}],
      // Never the same as the one before.
      ['install-closed', stick(), { generation: Number.NaN }],
    ] as const) {
      const { controller } = board.back()
      const installation = orThrow(controller.begin({ envelope: NEXT.envelope, update: 'u' }))
      const ended = await fillByPatch({ ...deviceOf(board), ...device }, installation, PATCH.ref, source)
      assert.ok(isRefusal(ended))
      assert.equal(ended.code, code)
    }
    board.back()
    board.comesThrough(NEXT, PATCH, 'behind them')
  })
})
