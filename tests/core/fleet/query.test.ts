import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { instant } from '../../../src/core/encoding/units.ts'
import { MAX_NAMED } from '../../../src/core/fleet/named.ts'
import { isCounted, MAX_WORDS, parseQuery } from '../../../src/core/fleet/query.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'

const NOW = instant(Date.UTC(2027, 0, 31))
const KID = 'ab'.repeat(32)

describe('a question about the inventory', () => {
  const rows: [words: Record<string, string>, query: object][] = [
    [{}, {}],
    [{ class: 'pcs,bms, pcs' }, { classes: ['pcs', 'bms'] }],
    [{ version: '<4.2' }, { version: { to: { version: '4.2.0', inclusive: false } } }],
    [{ counter: '<7' }, { counter: { max: 6 } }],
    [{ counter: '>=7' }, { counter: { min: 7 } }],
    [{ counter: '3..7' }, { counter: { min: 3, max: 7 } }],
    [{ counter: '=0' }, { counter: { min: 0, max: 0 } }],
    [
      { region: 'nl', site: 'quay', rack: 'Rack 7' },
      { regions: ['nl'], sites: ['quay'], rack: 'Rack 7' },
    ],
    [{ named: 'qu,-1, .x' }, { named: ['qu', '-1', '.x'] }],
    [{ label: 'critical,spare' }, { labels: ['critical', 'spare'] }],
    [{ anchor: KID }, { anchor: KID }],
    [{ 'lacks-anchor': KID }, { lacksAnchor: KID }],
    [
      { state: 'trial,golden', said: 'attested' },
      { states: ['trial', 'golden'], said: ['attested'] },
    ],
    [{ differs: 'true' }, { differs: true }],
    [{ 'seen-before': '30d' }, { seenBefore: NOW - 30 * 86_400_000 }],
    [{ 'seen-before': '2027-01-01T00:00:00Z' }, { seenBefore: Date.UTC(2027, 0, 1) }],
    [{ campaign: 'spring', is: 'late' }, { campaign: { id: 'spring', is: 'late' } }],
    [{ is: 'done', campaign: 'spring' }, { campaign: { id: 'spring', is: 'done' } }],
  ]
  for (const [words, query] of rows) {
    test(`reads ${JSON.stringify(words)}`, () => assert.deepEqual(orThrow(parseQuery(words, NOW)), query))
  }

  const bad: [words: Record<string, unknown>, code: string, subject: RegExp][] = [
    [{ colour: 'red' }, 'query-malformed', /"colour"/],
    [{ class: '' }, 'query-malformed', /class/],
    [{ class: ['pcs', 'bms'] }, 'query-malformed', /class/],
    [{ class: 'PCS' }, 'query-malformed', /class/],
    [{ class: "pcs'; DROP TABLE inventory; --" }, 'query-malformed', /class/],
    [{ class: Array.from({ length: MAX_WORDS + 1 }, (_, n) => `c${n}`).join(',') }, 'query-malformed', /class/],
    [{ named: 'a b' }, 'query-malformed', /named/],
    [{ named: 'Quay' }, 'query-malformed', /named/],
    [{ named: 'a,'.repeat(MAX_NAMED).concat('a') }, 'query-malformed', /named/],
    [{ rack: 'r'.repeat(9000), site: 'quay' }, 'query-malformed', /rack/],
    [{ rack: 'Rack 7' }, 'query-malformed', /cabinet and rack/],
    [{ rack: 'Rack 7', site: 'quay,pier' }, 'query-malformed', /cabinet and rack/],
    [{ version: '4.2' }, 'query-malformed', /version/],
    [{ counter: '<0' }, 'query-malformed', /counter/],
    [{ counter: '7..3' }, 'query-malformed', /counter/],
    [{ counter: '<5000000000' }, 'query-malformed', /counter/],
    [{ anchor: 'abc' }, 'query-malformed', /anchor/],
    [{ state: 'happy' }, 'query-malformed', /state/],
    [{ differs: 'yes' }, 'query-malformed', /differs/],
    [{ 'seen-before': 'yesterday' }, 'query-malformed', /seen-before/],
    [{ is: 'late' }, 'query-malformed', /is/],
    [{ campaign: 'spring', is: 'fine' }, 'query-malformed', /is/],
    [{ __proto__: null, constructor: 'x' }, 'query-malformed', /constructor/],
  ]
  for (const [words, code, subject] of bad) {
    test(`refuses ${JSON.stringify(words).slice(0, 60)}: ${code}`, () => {
      const refusal = parseQuery(words, NOW)
      assert.ok(isRefusal(refusal), JSON.stringify(refusal))
      assert.equal(refusal.code, code)
      assert.match(refusal.subject, subject)
    })
  }

  test('whatever is asked gives a question or a refusal', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ maxLength: 12 }), fc.anything()), words => {
        const read = parseQuery(words, NOW)
        assert.ok(isRefusal(read) || typeof read === 'object')
      }),
      { numRuns: 500, seed: 7 },
    )
  })

  test('is answered by the roll-ups unless it asks for something of a single controller', () => {
    assert.ok(isCounted({ classes: ['pcs'], counter: { max: 6 }, regions: ['nl'], anchor: KID }))
    for (const one of [
      { rack: 'r' },
      { cabinet: 'c' },
      { labels: ['x'] },
      { differs: true },
      { seenBefore: NOW },
    ] as const) {
      assert.ok(!isCounted(one), JSON.stringify(one))
    }
  })
})
