import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { instant } from '../../../src/core/encoding/units.ts'
import {
  type Attention,
  alarmLevelOf,
  attentionKey,
  inOrder,
  LEVELS,
  levelOf,
  SUBJECTS,
  standingsOf,
} from '../../../src/core/fleet/attention.ts'

const item = (more: Partial<Attention>): Attention => ({
  level: 'attention',
  subject: 'silent',
  site: 'quay',
  region: 'nl',
  controller: 'bms-1',
  controllers: 1,
  campaign: null,
  code: null,
  text: 'are silent',
  since: instant(5),
  ...more,
})

const items = fc.array(
  fc.record({
    level: fc.constantFrom(...LEVELS),
    subject: fc.constantFrom(...SUBJECTS),
    site: fc.option(fc.constantFrom('quay', 'hill', 'reef')),
    controller: fc.option(fc.constantFrom('bms-1', 'bms-2')),
    campaign: fc.option(fc.constantFrom('spring', 'summer')),
    code: fc.option(fc.constantFrom('history-gap', 'campaign-halted')),
    text: fc.constantFrom('one', 'another'),
  }),
)

describe('what needs somebody', () => {
  test('has an order without ties: a list of it can be read in pages', () => {
    fc.assert(
      fc.property(items, some => {
        const keys = inOrder(some.map(item)).map(attentionKey)
        for (const [at, [rank, name]] of keys.entries()) {
          const [before, named] = keys[at - 1] ?? [-1, '']
          assert.ok(before < rank || (before === rank && named < name))
        }
      }),
    )
  })

  test('the worst stands first, whatever it is about', () => {
    const found = inOrder([
      item({}),
      item({ level: 'failed', subject: 'golden' }),
      item({ level: 'trust', subject: 'failed', campaign: 'spring' }),
      item({ subject: 'alarm', site: null, text: 'what expires' }),
    ])
    assert.deepEqual(
      found.map(({ level, subject }) => `${level} ${subject}`),
      ['trust failed', 'failed golden', 'attention alarm', 'attention silent'],
    )
  })

  test('two alarms of one code are two, the same one is one', () => {
    const alarm = (text: string) => item({ subject: 'alarm', site: null, code: 'metadata-expires-soon', text })
    assert.equal(inOrder([alarm('image'), alarm('approval'), alarm('image')]).length, 2)
  })

  test('a refusal of trust is told from a failure by its code', () => {
    const rows: [code: string | null, level: string][] = [
      ['blob-digest-mismatch', 'trust'],
      ['envelope-signature-invalid', 'trust'],
      [null, 'failed'],
      ['probe-failed ems-link', 'failed'],
      ['constructor', 'failed'],
    ]
    for (const [code, level] of rows) assert.equal(levelOf(code), level, `${code}`)
    assert.equal(alarmLevelOf('history-lost'), 'attention')
    assert.equal(alarmLevelOf('history-gap'), 'trust')
    assert.equal(alarmLevelOf('log-behind-witness'), 'trust')
  })

  test('a region counts each of its sites once, by the worst that is said of it', () => {
    const regions = [
      { region: 'nl', sites: 9, controllers: 90 },
      { region: 'uk', sites: 2, controllers: 20 },
    ]
    const said = [
      item({}),
      item({ level: 'trust' }),
      item({ level: 'failed' }),
      item({ site: 'hill', level: 'failed' }),
      item({ site: 'hill', level: 'failed', controller: 'bms-9' }),
      item({ site: 'far', region: 'elsewhere' }),
      item({ site: null, region: null, level: 'trust' }),
    ]
    assert.deepEqual(standingsOf(regions, said), [
      { region: 'nl', sites: 9, controllers: 90, trust: 1, failed: 1, attention: 0 },
      { region: 'uk', sites: 2, controllers: 20, trust: 0, failed: 0, attention: 0 },
    ])
  })
})
