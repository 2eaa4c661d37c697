import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { recordHref, STANDING_WORDS, tally } from '../../console/picture/compliance.ts'
import type { ClauseView } from '../../src/wire/audit-views.ts'

const clause = (standing: ClauseView['standing']): ClauseView => ({
  ...{ clause: '1', about: 'x', checked: true, enforced: [], recorded: [], left: '' },
  standing,
})

describe('standards on the screen', () => {
  test('are counted by what is missing first, and nothing is called met', () => {
    const clauses = (['shown', 'missing', 'unrecorded', 'missing', 'partly'] as const).map(clause)
    const words = tally({ clauses })
    assert.match(words, /^5 clauses: 2 evidence missing, 1 evidence of some/)
    assert.doesNotMatch(`${words} ${Object.values(STANDING_WORDS)}`, /\bmet\b|compliant|fulfilled/)
    assert.equal(tally({ clauses: [clause('missing')] }), '1 clause: 1 evidence missing')
  })

  test('lead to the entries of each record, of the same period', () => {
    const query = new URLSearchParams('since=2026-01-01&until=&standard=x')
    assert.equal(recordHref('key-event', query), '/audit?kind=key-event&since=2026-01-01')
  })
})
