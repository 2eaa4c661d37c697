import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { anchorOf, chainedAnchors, MAX_CHAINED_ANCHORS } from '../../../src/core/firmware/anchor-chain.ts'
import type { Transition } from '../../../src/core/firmware/release-facts.ts'
import { authorManifest } from '../../../src/core/firmware/suit-author.ts'
import { FACTS, anchorOf as known, sealed, type TestKey, testKey } from './signing.ts'

const [a, b, c, x] = [testKey(1), testKey(2), testKey(3), testKey(9)] as const
const add = ({ kid, key }: TestKey): Transition => ({ kind: 'add', kid, alg: key.alg, spki: key.spki.toHex() })
const retire = ({ kid }: TestKey): Transition => ({ kind: 'retire', kid })
const envelope = (transition: Transition | null, ...by: TestKey[]): Uint8Array =>
  sealed(authorManifest({ ...FACTS, transition }), ...by)

const chain = (first: readonly TestKey[], ...envelopes: Uint8Array[]): string => {
  const names = new Map([a, b, c, x].map((key, at) => [key.kid, 'abcx'[at]]))
  return chainedAnchors(first.map(known), envelopes, nodeCrypto)
    .map(({ kid }) => names.get(kid) ?? '?')
    .join('')
}

describe('the keys that transition releases lead to', () => {
  it('are added one after the other, in whatever order the releases come', () => {
    const all = [envelope(add(b), a), envelope(retire(a), b), envelope(add(c), b), envelope(null, c)]
    assert.equal(chain([a], ...all), 'abc')
    assert.equal(chain([a], ...all.toReversed()), 'abc')
    assert.equal(chain([b], ...all), 'bc', 'what a key further on is not asked for')
    assert.equal(chain([a]), 'a')
  })

  it('attack: a key that nobody before it vouches for is not followed', () => {
    assert.equal(chain([a], envelope(add(x), x), envelope(add(b), x)), 'a')
    assert.equal(chain([a], envelope(add(c), b), envelope(add(x), c)), 'a', 'the link from a to b is missing')
  })

  it('attack: an envelope that was changed, or signed in the name of another, adds nothing', () => {
    const good = envelope(add(b), a)
    for (const at of [20, good.length >> 1, good.length - 5]) {
      const changed = good.slice()
      changed[at] = (changed[at] as number) ^ 1
      assert.equal(chain([a], changed), 'a', `byte ${at}`)
    }
    assert.equal(chain([a], envelope(add(b), { ...x, kid: a.kid })), 'a')
  })

  it('attack: no key takes the id of another', () => {
    const taken = envelope({ ...(add(x) as object), kid: a.kid } as Transition, a)
    assert.deepEqual(chainedAnchors([known(a)], [taken], nodeCrypto), [known(a)])
    const forged = { ...(add(x) as object), kid: b.kid } as Transition
    const both = chainedAnchors([known(a)], [envelope(add(b), a), envelope(forged, a)], nodeCrypto)
    assert.deepEqual(both, [known(a), known(b)], 'the first one stays')
  })

  it('stays a number that can be looked through', () => {
    const keys = Array.from({ length: MAX_CHAINED_ANCHORS + 5 }, (_, seed) => testKey(seed + 20))
    const envelopes = keys.slice(1).map((key, at) => envelope(add(key), keys[at] as TestKey))
    const anchors = chainedAnchors([known(keys[0] as TestKey)], envelopes, nodeCrypto)
    assert.equal(anchors.length, MAX_CHAINED_ANCHORS)
  })

  it('a key that cannot be read is none', () => {
    assert.equal(anchorOf({ ...(add(b) as object), spki: 'zz' } as Transition), null)
    assert.equal(anchorOf(retire(b)), null)
    assert.equal(anchorOf(null), null)
  })
})
