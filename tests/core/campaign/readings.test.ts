import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Situation } from '../../../src/core/campaign/coordinator.ts'
import { at, reading, staged, terms, told } from './situations.ts'

type Row = [name: string, situation: Situation, go: string[], wait: Record<string, string>]

const spring = (written: object) => ({ terms: new Map([['spring', terms(written)]]) })
const soc = { permissives: [{ point: 'state-of-charge', min: 30, maxAgeMillis: '30s' }] }

describe('several readings of one point at one place', () => {
  const ROWS: Row[] = [
    [
      'attack: two readings of the same time that differ say no',
      at(
        { 'bms-1': staged() },
        { ...spring(soc), readings: [reading('state-of-charge', 18), reading('state-of-charge', 90)] },
      ),
      [],
      {
        'bms-1': "permissive: the site's state of charge not known: two readings of it of the same time differ",
      },
    ],
    [
      'the same reading twice is one, and a newer one goes before an older',
      at(
        { 'bms-1': staged() },
        {
          ...spring(soc),
          readings: [
            reading('state-of-charge', 90),
            reading('state-of-charge', 90),
            reading('state-of-charge', 18, null, 9),
          ],
        },
      ),
      ['bms-1'],
      {},
    ],
  ]
  for (const [name, situation, go, wait] of ROWS) {
    test(name, () => assert.deepEqual(told(situation), { go, wait }))
  }
})
