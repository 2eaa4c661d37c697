import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compareVersions, parseVersion, type Version } from '../../../src/core/firmware/version.ts'
import { versionKey } from '../../../src/core/firmware/version-key.ts'
import { inRange, parseVersionRange, rangeText } from '../../../src/core/firmware/version-range.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'

const number = fc.oneof(fc.nat(3), fc.nat(999_999_999))
const identifier = fc.oneof(
  number.map(String),
  fc.stringMatching(/^[0-9]{0,2}[A-Za-z-][0-9A-Za-z-]{0,4}$/),
  fc.constantFrom('a', 'aa', 'a-', 'A', 'Z', '-', 'rc', 'rc1'),
)
const version = fc
  .tuple(number, number, number, fc.array(identifier, { maxLength: 4 }))
  .map(([a, b, c, pre]) => `${a}.${b}.${c}${pre.length === 0 ? '' : `-${pre.join('.')}`}`)
  .filter(text => !isRefusal(parseVersion(text, 'drawn')))
  .map(text => text as Version)

describe('the sortable form of a version', () => {
  test('sorts as bytes as the versions do (SemVer 2.0.0 §11), and is the same only for the same version', () => {
    const sign = Math.sign
    fc.assert(
      fc.property(version, version, (a, b) => {
        assert.equal(sign(Buffer.compare(versionKey(a), versionKey(b))), sign(compareVersions(a, b)), `${a} and ${b}`)
      }),
      { numRuns: 2000, seed: 7 },
    )
  })

  test('keeps the order that the standard gives as its example', () => {
    const order = '1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0'
    const versions = order.split(' ').map(text => orThrow(parseVersion(text, text)))
    const sorted = versions.toReversed().sort((a, b) => Buffer.compare(versionKey(a), versionKey(b)))
    assert.deepEqual(sorted, versions)
  })

  test('is never empty: an empty key stands for a version that nobody knows, below all', () => {
    assert.ok(versionKey(orThrow(parseVersion('0.0.0-0', 'least'))).length > 0)
  })
})

describe('a range of versions', () => {
  const rows: [range: string, inside: string, outside: string][] = [
    ['<4.2', '4.1.9 4.2.0-rc.1 0.0.1', '4.2.0 4.2.1 10.0.0'],
    ['<=4.2.0', '4.2.0 4.1.0', '4.2.1'],
    ['>4.2.0', '4.2.1 4.10.0', '4.2.0 4.2.0-rc.1'],
    ['>=4', '4.0.0 5.0.0', '4.0.0-rc.1 3.9.9'],
    ['=4.2.0', '4.2.0', '4.2.1 4.2.0-rc.1'],
    ['4.1.0..4.2.0', '4.1.0 4.1.99 4.2.0-rc.1', '4.2.0 4.0.9'],
  ]
  for (const [text, inside, outside] of rows) {
    test(`${text} holds ${inside} and not ${outside}, and is written as it is read`, () => {
      const range = orThrow(parseVersionRange(text, 'version'))
      for (const one of inside.split(' ')) assert.ok(inRange(one as Version, range), one)
      for (const one of outside.split(' ')) assert.ok(!inRange(one as Version, range), one)
      assert.deepEqual(orThrow(parseVersionRange(rangeText(range), 'version')), range)
    })
  }

  const bad: [text: string, code: string][] = [
    ['4.2', 'query-malformed'],
    ['<', 'query-malformed'],
    ['<<4.2.0', 'query-malformed'],
    ['=4.2', 'version-malformed'],
    ['>4.2', 'version-malformed'],
    ['<4.x', 'version-malformed'],
    ['<04.2.0', 'version-malformed'],
    ['4.2.0..4.1.0', 'query-malformed'],
    ['4.2.0..4.2.0', 'query-malformed'],
    [`<${'1'.repeat(200)}`, 'query-malformed'],
  ]
  for (const [text, code] of bad) {
    test(`"${text.slice(0, 20)}" is refused: ${code}`, () => {
      const refusal = parseVersionRange(text, 'version')
      assert.ok(isRefusal(refusal) && refusal.code === code, JSON.stringify(refusal))
    })
  }
})
