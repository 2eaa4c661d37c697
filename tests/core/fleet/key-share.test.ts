import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Heard, keyShares } from '../../../src/core/fleet/key-share.ts'
import type { Report } from '../../../src/core/trust/report.ts'

const kid = (name: string): string => name.repeat(64)
const digest = (name: string): string => name.repeat(64)

function heard(name: string, keys: string | null, { running = 'f', state = 'stable' } = {}): Heard {
  if (keys === null) return { name, report: null }
  const runs = { version: '1.0.0', sequence: 1, digest: digest(running), slot: 'a' }
  return { name, report: { anchors: [...keys].map(kid), state, running: runs } as unknown as Report }
}

describe('the share of a fleet that accepts each key', () => {
  it('is counted from what was attested, by name where somebody lags or has nothing else', () => {
    const fleet = [heard('q/1', 'ab'), heard('q/2', 'a'), heard('q/3', 'b'), heard('q/4', null), heard('q/5', 'x')]
    const { shares, unknown, undone } = keyShares(fleet, [kid('a'), kid('c')], new Map())
    assert.deepEqual(shares, [
      { kid: kid('a'), acceptedBy: 2, only: ['q/2'], lacking: ['q/3', 'q/5'] },
      { kid: kid('c'), acceptedBy: 0, only: [], lacking: ['q/1', 'q/2', 'q/3', 'q/5'] },
      { kid: kid('b'), acceptedBy: 2, only: ['q/3'], lacking: ['q/2', 'q/5'] },
      { kid: kid('x'), acceptedBy: 1, only: ['q/5'], lacking: ['q/1', 'q/2', 'q/3'] },
    ])
    assert.deepEqual([unknown, undone], [['q/4'], []], 'one that never reported lacks nothing and has nothing')
  })

  it('names who runs a release whose change of keys was not made', () => {
    const changes = new Map([
      [digest('1'), { kind: 'add', kid: kid('b') } as const],
      [digest('2'), { kind: 'retire', kid: kid('a') } as const],
    ])
    const undone = (keys: string, running: string, state = 'stable') =>
      keyShares([heard('q/1', keys, { running, state })], [], changes).undone.map(one => `${one.kind} ${one.kid[0]}`)
    assert.deepEqual([undone('a', '1'), undone('ab', '1')], [['add b'], []])
    assert.deepEqual([undone('ab', '2'), undone('b', '2')], [['retire a'], []])
    assert.deepEqual([undone('a', '1', 'trial'), undone('a', '3')], [[], []], 'not due yet, and nothing of the kind')
  })
})
