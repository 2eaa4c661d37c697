import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { instant } from '../../src/core/encoding/units.ts'
import { parseSite, type Site } from '../../src/core/fleet/topology.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { at, staged, told } from '../core/campaign/situations.ts'

const GUIDE = readFileSync(join(import.meta.dirname, '../../docs/site.md'), 'utf8')
const [WHOLE = '', LIMITS = ''] = [...GUIDE.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text)

/** Tuesday 2026-11-10, 22:30 in Oslo. */
const NIGHT = Date.UTC(2026, 10, 10, 21, 30)

const site = (more: object = {}): Site => orThrow(parseSite({ ...parse(WHOLE), ...more }, 'docs/site.md'))

describe('docs/site.md', () => {
  it('has a site of which what it says beside it is true', () => {
    const away = { at: 'granted', assignment: 'spring/x/0', since: instant(NIGHT), latest: instant(NIGHT) } as const
    const beside = (id: string, more: object = {}) => {
      const until = new Map([[id, instant(NIGHT + 86_400_000)]])
      const now = { site: site(more), until, now: instant(NIGHT), clock: instant(NIGHT) }
      return told(at({ 'pcs-1': away, [id]: staged() }, now))
    }
    assert.deepEqual(beside('bms-1a').go, ['bms-1a'], 'what is behind it costs nothing more')
    const group = beside('pcs-2', { limits: {} }).wait['pcs-2'] ?? ''
    assert.match(group, /^redundancy: group conversion needs 1 of 2 in service/)
    const budget = beside('pcs-2', { groups: [] }).wait['pcs-2'] ?? ''
    assert.match(budget, /^budget: 1 MW may be missing already/)
  })

  it('has limits that a site can have', () => {
    assert.equal(site(parse(LIMITS)).limits?.budgets.length, 2)
  })
})
