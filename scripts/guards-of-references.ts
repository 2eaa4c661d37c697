import type { Guard } from './guard.ts'

const NEAR = 'src/core/delta/references/thumb-near.ts'
const ARM = 'src/core/delta/references/arm.ts'
const REACH = 'tests/core/delta/reach.test.ts'
const FOUND = 'tests/core/delta/arm.test.ts'

/**
 * The guards of foreseeing references in code: an instruction is only rewritten where what it must become can be said. Whoever applies a patch
 * does this with the bytes of an image that anybody may have made.
 */
export const REFERENCE_GUARDS: readonly Guard[] = [
  {
    stops: 'half an instruction at the end of what is at hand, read on (Thumb)',
    file: NEAR,
    text: 'k + 4 > original.length',
    without: 'k < 0',
    tests: REACH,
  },
  {
    stops: 'the second half of an instruction, taken for one (Thumb)',
    file: NEAR,
    text: ' || isSecond(original, k)',
    without: '',
    tests: FOUND,
  },
  {
    stops: 'an instruction that leads before the image (Thumb)',
    file: NEAR,
    text: 'target < 0 || ',
    without: '',
    tests: REACH,
  },
  {
    stops: 'an instruction that leads behind the image (Thumb)',
    file: NEAR,
    text: ' || target >= length',
    without: '',
    tests: REACH,
  },
  {
    stops: 'a distance that an instruction does not count in (Thumb)',
    file: NEAR,
    text: 'if ((distance & (unit - 1)) !== 0) continue\n',
    without: '',
    tests: REACH,
  },
  {
    stops: 'an instruction that would have to lead further back than it can (Thumb)',
    file: NEAR,
    text: 'number < 0 || ',
    without: '',
    tests: REACH,
  },
  {
    stops: 'an instruction that would not reach as far ahead (Thumb)',
    file: NEAR,
    text: ' || number >= 1 << BITS[form]!',
    without: '',
    tests: REACH,
  },
  {
    stops: 'an instruction that reaches back before what moves with it, left out (Thumb)',
    file: NEAR,
    text: 'map.moves(first - back',
    without: 'map.moves(first',
    tests: REACH,
  },
  {
    stops: 'an instruction that reaches ahead of what moves with it, left out (Thumb)',
    file: NEAR,
    text: ' + ahead',
    without: '',
    tests: REACH,
  },
  {
    stops: 'half of an instruction that changed, left where another one seems to begin (Thumb)',
    file: NEAR,
    text: 'if (written !== instruction) forms = ALL\n',
    without: '',
    tests: REACH,
  },
  {
    stops: 'half an instruction at the end of what is at hand, read on (Arm)',
    file: ARM,
    text: 'k + 4 <= original.length',
    without: 'k < original.length',
    tests: REACH,
  },
  {
    stops: 'a branch that leads out of the image (Arm)',
    file: ARM,
    text: '+ half\n      if (target < 0 || target >= length) continue\n',
    without: '+ half\n',
    tests: REACH,
  },
  {
    stops: 'a load from out of the image (Arm)',
    file: ARM,
    text: '-(word & 0xfff))\n      if (target < 0 || target >= length) continue\n',
    without: '-(word & 0xfff))\n',
    tests: REACH,
  },
  {
    stops: 'a distance that a branch does not count in (Arm)',
    file: ARM,
    text: 'if ((distance & 3) !== half) continue\n',
    without: '',
    tests: REACH,
  },
  {
    stops: 'a load that would not reach (Arm)',
    file: ARM,
    text: 'Math.abs(distance) > 0xfff',
    without: 'Math.abs(distance) > 0xfffff',
    tests: REACH,
  },
  {
    stops: 'what is no load, taken for one (Arm)',
    file: ARM,
    text: ' && word >>> 28 !== 15',
    without: '',
    tests: REACH,
  },
  {
    stops: 'the end of a pair, taken for a jump (RISC-V)',
    file: 'src/core/delta/references/riscv.ts',
    text: ' || (k >= 6 && isPair(code, k - 6))',
    without: '',
    tests: 'tests/core/delta/riscv.test.ts',
  },
]
