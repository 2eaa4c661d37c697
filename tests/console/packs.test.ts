import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isUnderWay, packQuery, packWords } from '../../console/picture/packs.ts'
import type { PackView } from '../../src/wire/audit-views.ts'

const form = (fields: Readonly<Record<string, string>>): { get(name: string): string | null } =>
  new Map(Object.entries(fields)) as never

describe('evidence packs on the screen', () => {
  test('are asked for by what the form says, days with both ends', () => {
    assert.deepEqual(packQuery(form({})), {})
    const all = {
      sites: ' reef, quay,,quay ',
      from: '2026-01-01',
      to: '2026-03-31',
      changeRequest: ' CHG-1 ',
      release: 'ab'.repeat(32),
    }
    assert.deepEqual(packQuery(form(all)), {
      sites: ['quay', 'reef'],
      from: '2026-01-01T00:00:00Z',
      to: '2026-04-01T00:00:00Z',
      changeRequest: 'CHG-1',
      release: 'ab'.repeat(32),
    })
    assert.equal(packQuery(form({ from: '2026-02-01', to: '2026-01-01' })), 'The period ends before it begins.')
    assert.match(
      String(packQuery(form({ sites: Array.from({ length: 101 }, (_, at) => `s${at}`).join() }))),
      /100 sites/,
    )
  })

  test('say how far they are', () => {
    const pack: PackView = {
      ...{ id: 'ab', begun: 0, state: 'reading', done: 5, of: 9, query: {}, events: null },
      ...{ bytes: null, sealed: null, fault: null, warnings: [] },
    }
    const rows: [PackView['state'], string, boolean][] = [
      ['reading', 'Reading the log: 5 of 9 entries', true],
      ['sealing', 'The log seals it: 1 event', true],
      ['waiting', 'Waiting for the witnesses of the log to sign', true],
      ['proving', 'Proving: 5 of 9 events', true],
      ['verifying', 'Verifying it as its reader will: 5 of 9 events', true],
      ['made', 'Made and verified: 1 event, 1.5 MB', false],
      ['failed', 'Not made', false],
      ['cancelled', 'Cancelled', false],
    ]
    for (const [state, words, busy] of rows) {
      const one = { ...pack, state, events: state === 'reading' ? null : 1, bytes: 1_500_000 }
      assert.deepEqual([packWords(one), isUnderWay(one)], [words, busy])
    }
  })
})
