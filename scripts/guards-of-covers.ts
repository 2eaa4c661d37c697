import type { Guard } from './guard.ts'

const BTF = 'src/core/delta/search/btf.ts'
const TYPES = 'src/core/delta/search/type-covers.ts'
const WORTH = 'src/core/delta/search/worthwhile.ts'
const RUNS = 'src/core/delta/search/runs.ts'
const PLAIN = 'src/core/delta/search/plain.ts'
const BTF_TESTS = 'tests/core/delta/btf.test.ts'
const TYPES_TESTS = 'tests/core/delta/type-covers.test.ts'
const WORTH_TESTS = 'tests/core/delta/worthwhile.test.ts'
const RUNS_TESTS = 'tests/core/delta/runs.test.ts'
const PLAIN_TESTS = 'tests/core/delta/plain.test.ts'

/** The guards of looking for covers in images, of which whoever makes patches knows nothing. */
export const COVER_GUARDS: readonly Guard[] = [
  {
    stops: 'a table of types of another version',
    file: BTF,
    text: ' || HEAD.some((byte, k) => image[at + k] !== byte)',
    without: '',
    tests: BTF_TESTS,
  },
  {
    stops: 'an image full of heads of tables of types, each looked at',
    file: BTF,
    text: ' && heads < MOST',
    without: '',
    tests: BTF_TESTS,
  },
  {
    stops: 'a table of no types',
    file: BTF,
    text: 'header < HEADER_BYTES || typesLength < TYPE_BYTES',
    without: 'header < 0',
    tests: BTF_TESTS,
  },
  {
    stops: 'a table of types that ends behind its image',
    file: BTF,
    text: 'end > image.length || ',
    without: '',
    tests: BTF_TESTS,
  },
  {
    stops: 'a table of types whose names end behind its image',
    file: BTF,
    text: ' || names.from + names.length > image.length',
    without: '',
    tests: BTF_TESTS,
  },
  {
    stops: 'a kind of type that is not known',
    file: BTF,
    text: 'if (layout === null) return null',
    without: '',
    tests: BTF_TESTS,
  },
  {
    stops: 'a type with members behind the end of its table',
    file: BTF,
    text: 'if (word + 4 * words.length > end) return null',
    without: '',
    tests: BTF_TESTS,
  },
  {
    stops: 'a table of types with something behind the last',
    file: BTF,
    text: 'word === end ?',
    without: 'word >= 0 ?',
    tests: BTF_TESTS,
  },
  {
    stops: 'a name of a type that is read behind the names',
    file: BTF,
    text: 'Math.min(from + length, from + at + NAME_BYTES)',
    without: 'from + at + NAME_BYTES',
    tests: BTF_TESTS,
  },
  {
    stops: 'a name of a type without end, read for each type that has it',
    file: BTF,
    text: 'Math.min(from + length, from + at + NAME_BYTES)',
    without: 'from + length',
    tests: BTF_TESTS,
  },
  {
    stops: 'types that are alike behind the ends of their tables',
    file: TYPES,
    text: 'Math.min(was.hashes.length - from, is.hashes.length - at, MOST_IN_A_ROW)',
    without: 'MOST_IN_A_ROW',
    tests: TYPES_TESTS,
  },
  {
    stops: 'types that are all alike, each held against each',
    file: TYPES,
    text: 'else if (others.length < MOST_TRIES) others',
    without: 'else others',
    tests: TYPES_TESTS,
  },
  {
    stops: 'a cover that reaches into a table of types',
    file: TYPES,
    text: 'Math.min(cover.length, from - cover.new)',
    without: 'cover.length',
    tests: TYPES_TESTS,
  },
  {
    stops: 'a cover that reaches out of a table of types',
    file: TYPES,
    text: 'Math.max(0, end - now)',
    without: '0',
    tests: TYPES_TESTS,
  },
  {
    stops: 'as much memory as there is room around a cover, to see whether it is worth itself',
    file: WORTH,
    text: ' || end - start > 2 * LONGEST',
    without: '',
    tests: WORTH_TESTS,
  },
  {
    stops: 'a patch that its own applier refuses, since a block ends with more zeros than may be left out',
    file: 'src/core/delta/arithmetic.ts',
    text: 'length > least && ',
    without: 'length > 0 && ',
    tests: 'tests/core/delta/large.test.ts',
  },
  {
    stops: 'a run of the old image that is read behind its end',
    file: RUNS,
    text: 'Math.min(has, wanted)',
    without: 'wanted',
    tests: RUNS_TESTS,
  },
  {
    stops: 'a run of another image, remembered for this one',
    file: RUNS,
    text: 'of !== now || ',
    without: '',
    tests: 'tests/core/delta/pieces.test.ts',
  },
  {
    stops: 'a few bytes from the other end of a large image, and the way there and back',
    file: WORTH,
    text: ' + numberBits(one.length) + there + back',
    without: ' + numberBits(one.length)',
    tests: WORTH_TESTS,
  },
  {
    stops: 'a cover made plain that is right either way',
    file: PLAIN,
    text: 'more > 0',
    without: 'more >= 0',
    tests: PLAIN_TESTS,
  },
]
