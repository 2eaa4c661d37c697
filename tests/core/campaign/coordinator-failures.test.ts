import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { at, staged, terms, told } from './situations.ts'

const failedAt = (...ids: string[]) =>
  ids.map(controller => ({ campaign: 'spring', controller, assignment: 'spring/y/0' }))

describe('whose turn it is after failures', () => {
  test('two that failed at once try again and do not wait for each other; others wait for both', () => {
    const situation = at(
      { 'bms-1': staged(), 'bms-3': staged(), 'bms-4': staged() },
      { terms: new Map([['spring', terms({}, { maxFailures: 0, tries: 2 })]]), failed: failedAt('bms-1', 'bms-3') },
    )
    assert.deepEqual(told(situation), {
      go: ['bms-1', 'bms-3'],
      wait: { 'bms-4': 'failures: 2 controllers of campaign spring have failed at this site, at most 0 may' },
    })
  })

  test('failures keep nobody from going back', () => {
    const back = ['x-and-more']
    const go = (more: object) =>
      told(
        at(
          { 'bms-1': staged() },
          { terms: new Map([['spring', terms({}, { maxFailures: 0, ...more })]]), failed: failedAt('bms-3') },
        ),
      ).go
    assert.deepEqual(go({ back }), ['bms-1'])
    assert.deepEqual(go({}), [])
  })

  test('failures of another campaign count for nothing here', () => {
    const failed = failedAt('bms-3').map(one => ({ ...one, campaign: 'autumn' }))
    const situation = at(
      { 'bms-1': staged() },
      { terms: new Map([['spring', terms({}, { maxFailures: 0, tries: 1 })]]), failed },
    )
    assert.deepEqual(told(situation).go, ['bms-1'])
  })
})
