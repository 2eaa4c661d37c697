import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Parts } from '../../../src/core/delta/parts.ts'
import type { Architecture } from '../../../src/core/delta/references.ts'

/** What each byte of code is taken for, when all from an offset on is gone through; what stands before is known. */
function partsFrom(architecture: Architecture, code: readonly number[], from = 0): number[] {
  const bytes = code.flatMap(halfword => [halfword & 255, halfword >> 8])
  const parts = new Parts(architecture)
  let before = 0
  return bytes.flatMap((byte, at) => {
    const part = at < from ? [] : [parts.of(at, before)]
    before = (before << 8) | byte
    return part
  })
}

describe('which part of an instruction the next byte is', () => {
  it('says of Thumb which byte of which halfword', () => {
    // MOVS; BL and BL, of which each second halfword looks like a first one; BX LR.
    const code = [0x2001, 0xf000, 0xf801, 0xf7ff, 0xfffe, 0x4770]
    for (const architecture of ['cortex-m', 'none'] as const) {
      assert.deepEqual(partsFrom(architecture, code), [0, 1, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1])
    }
  })

  it('says so of RISC-V, by its lowest bits', () => {
    // C.LI; AUIPC and JALR; C.JR.
    const code = [0x4505, 0x0097, 0x0000, 0x80e7, 0x1230, 0x8082]
    assert.deepEqual(partsFrom('riscv', code), [0, 1, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1])
  })

  it('says of instructions of four bytes which byte of them', () => {
    for (const architecture of ['aarch64', 'arm'] as const) {
      assert.deepEqual(partsFrom(architecture, [0xf7ff, 0xfffe, 0x4770, 0xe800]), [0, 1, 2, 3, 0, 1, 2, 3])
    }
  })

  it('begins behind a cover by the two halfwords before', () => {
    const code = [0xf000, 0xf801, 0xf7ff, 0xfffe, 0x4770]
    // Behind BL: nothing is open.
    assert.deepEqual(partsFrom('cortex-m', code, 4), [0, 1, 2, 3, 0, 1])
    // Within a second one: of two that look like first ones it is the first.
    assert.deepEqual(partsFrom('cortex-m', [0x2001, 0xf7ff, 0xfffe, 0x4770], 4), [2, 3, 0, 1])
    // Within a halfword nothing is known of it: here it is a second one, and what follows is taken for its own.
    assert.deepEqual(partsFrom('cortex-m', [0x2001, 0xf7ff, 0xfffe, 0x4770], 5), [1, 2, 3])
    assert.deepEqual(partsFrom('riscv', [0x4505, 0x0097, 0x0003, 0x8082], 4), [2, 3, 0, 1])
  })

  it('begins anew behind a cover that came between', () => {
    const parts = new Parts('cortex-m')
    assert.deepEqual([parts.of(0, 0x0000_01f0), parts.of(1, 0x01f0_00)], [2, 3])
    // A covered first halfword at 2: the one that was a second one is forgotten.
    assert.equal(parts.of(4, 0x0120_fff7), 2)
    // The same bytes, without a cover between: what is before is a second halfword.
    const following = new Parts('cortex-m')
    assert.deepEqual([following.of(2, 0x0120_fff7), following.of(3, 0), following.of(4, 0x0120_fff7)], [2, 3, 0])
  })
})
