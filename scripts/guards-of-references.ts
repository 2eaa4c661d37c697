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
    text: ' && (distance & (step - 1)) === 0',
    without: '',
    tests: REACH,
  },
  {
    stops: 'a branch on a condition that would not reach (Thumb)',
    file: NEAR,
    text: '-256, 254, 2',
    without: '-2560, 2540, 2',
    tests: REACH,
  },
  {
    stops: 'a branch that would not reach (Thumb)',
    file: NEAR,
    text: '-2048, 2046, 2',
    without: '-20480, 20460, 2',
    tests: REACH,
  },
  {
    stops: 'a branch on zero that would not reach (Thumb)',
    file: NEAR,
    text: '0, 126, 2',
    without: '0, 1260, 2',
    tests: REACH,
  },
  {
    stops: 'a branch on zero that would have to go back (Thumb)',
    file: NEAR,
    text: '(distance, 0, 126',
    without: '(distance, -99999, 126',
    tests: REACH,
  },
  {
    stops: 'a load, of a floating-point register or another, that would not reach (Thumb)',
    file: NEAR,
    text: '0, 1020, 4',
    without: '0, 10200, 4',
    tests: REACH,
  },
  {
    stops: 'a load, of a floating-point register or another, that would have to look back (Thumb)',
    file: NEAR,
    text: '(distance, 0, 1020',
    without: '(distance, -99999, 1020',
    tests: REACH,
  },
  {
    stops: 'a long branch on a condition that would not reach (Thumb)',
    file: NEAR,
    text: '-(1 << 20), (1 << 20) - 2, 2',
    without: '-(1 << 22), (1 << 22) - 2, 2',
    tests: REACH,
  },
  {
    stops: 'a long load that would not reach (Thumb)',
    file: NEAR,
    text: '0, 4095, 1',
    without: '0, 40950, 1',
    tests: REACH,
  },
  {
    stops: 'a long load that would have to look back (Thumb)',
    file: NEAR,
    text: '(distance, 0, 4095',
    without: '(distance, -99999, 4095',
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
]
