import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compareVersions, parseVersion, type Version } from '../../../src/core/firmware/version.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'

const version = (text: string): Version => orThrow(parseVersion(text, 'test'))

describe('versions', () => {
  // The order of SemVer 2.0.0 §11, with numbers that compare differently as text.
  const ascending = [
    '0.9.9',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.2',
    '1.0.10',
    '1.9.0',
    '1.10.0',
    '10.0.0',
  ].map(version)

  it('are ordered by precedence, not by spelling', () => {
    for (const [left, a] of ascending.entries()) {
      for (const [right, b] of ascending.entries()) {
        assert.equal(Math.sign(compareVersions(a, b)), Math.sign(left - right), `${a} and ${b}`)
      }
    }
  })

  it('are refused when they are not exactly a semantic version', () => {
    const nonsense = [
      '',
      '1',
      '1.2',
      'v1.2.3',
      '1.2.3.4',
      '01.2.3',
      '1.2.3-01',
      '1.2.3-',
      '1.2.3-a..b',
      '1.2.3+build',
      ' 1.2.3',
      '1.2.3\n',
      '1.2.9999999999',
      `1.2.3-${'a'.repeat(64)}`,
      123,
      null,
      undefined,
    ]
    for (const text of nonsense) {
      const answer = parseVersion(text, 'test')
      assert.ok(isRefusal(answer), JSON.stringify(text))
      assert.equal(answer.code, 'version-malformed')
    }
  })

  it('have a total order', () => {
    const identifier = fc.constantFrom('0', '7', '11', 'a', 'rc', 'rc1', '-')
    const any = fc
      .tuple(fc.nat(12), fc.nat(12), fc.nat(12), fc.array(identifier, { maxLength: 3 }))
      .map(([a, b, c, pre]) => version(`${a}.${b}.${c}${pre.length > 0 ? `-${pre.join('.')}` : ''}`))
    fc.assert(
      fc.property(any, any, any, (a, b, c) => {
        assert.equal(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) + 0)
        assert.equal(compareVersions(a, b) === 0, a === b)
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0)
      }),
    )
  })
})
