import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type AttestedController,
  placesOf,
  type SignedRelease,
  shortestWay,
} from '../../../src/core/campaign/path-places.ts'
import { bytes, instant } from '../../../src/core/encoding/units.ts'
import type { Transition } from '../../../src/core/firmware/release-facts.ts'
import type { Version } from '../../../src/core/firmware/version.ts'
import type { FleetController } from '../../../src/core/fleet/inventory.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import { keysAfter, NO_KEY_CHANGE, refuseChange } from '../../../src/core/slot/key-change.ts'

const kid = (name: string): string => name.repeat(64)
const add = (name: string): Transition => ({ kind: 'add', kid: kid(name), alg: 'ed25519', spki: name.repeat(2) })
const retire = (name: string): Transition => ({ kind: 'retire', kid: kid(name) })

/** A release `N.0.0` with sequence N. `by`: the letters of its signers. */
function release(number: number, by: string, transition: Transition | null = null, counter = number): SignedRelease {
  const facts = {
    vendor: 'voltworks.example',
    class: 'bms',
    hardware: ['r1'],
    version: `${number}.0.0` as Version,
    sequence: number,
    counter,
    components: [{ name: 'app', size: 10 }],
    imageSize: 10,
    imageDigest: 'ef'.repeat(32),
    chunks: { bytes: 4096, digests: ['00'.repeat(16)] },
    bootloader: { min: 0, max: 9 },
    dependencies: [],
    health: { windowMillis: 1, probes: [] },
    transition,
    encryption: null,
  }
  return { path: `bms/${number}.0.0/envelope.suit`, facts, signers: [...by].map(kid) }
}

function controller(keys: string, running = 1, counter = running): AttestedController {
  const runs = { version: `${running}.0.0` as Version, sequence: running, digest: 'cd'.repeat(32) }
  const of: Omit<FleetController, 'attested'> = {
    site: 'harbour',
    id: 'bms-1',
    region: 'nl',
    vendor: 'voltworks.example',
    class: 'bms',
    hardware: 'r1',
    slot: bytes(1 << 20),
    bootloader: 1,
    decrypts: false,
  }
  const anchors = [...keys].map(kid)
  return { ...of, attested: { sequence: 1, at: instant(1), state: 'stable', running: runs, counter, anchors } }
}

/** A key is rotated from one to the next by two releases; the letters of all keys in order. */
function rotations(letters: string): SignedRelease[] {
  return [...letters].slice(1).flatMap((next, index) => {
    const [old, number] = [letters[index] as string, 2 * index + 2]
    return [release(number, old, add(next)), release(number + 1, next, retire(old))]
  })
}

/** The shortest way of one controller alone. */
function alone(from: AttestedController, goal: SignedRelease, stones: readonly SignedRelease[]) {
  const places = placesOf(from, goal, stones)
  return isRefusal(places) ? places : shortestWay(places)
}

const way = (from: AttestedController, goal: SignedRelease, stones: readonly SignedRelease[]): string => {
  const path = alone(from, goal, stones)
  return isRefusal(path) ? path.code : path.map(({ facts }) => facts.sequence).join(' ')
}

describe('the way to a release whose key a controller does not accept yet', () => {
  const stones = rotations('abc')

  it('is the release alone when its key is accepted', () => {
    assert.equal(way(controller('a'), release(9, 'a'), stones), '9')
    assert.equal(way(controller('b'), release(9, 'ab'), stones), '9')
  })

  it('leads a controller that slept through two rotations over each of their releases', () => {
    assert.equal(way(controller('a'), release(9, 'c'), stones), '2 3 4 9')
    assert.equal(way(controller('a'), release(9, 'c', retire('b')), stones), '2 3 4 9')
    assert.equal(way(controller('ab', 2), release(9, 'c'), stones), '3 4 9')
    assert.equal(way(controller('b', 3), release(9, 'c'), stones), '4 9')
    assert.equal(way(controller('bc', 4), release(9, 'c'), stones), '9')
  })

  it('leads through seven rotations', () => {
    const seven = rotations('abcdef01')
    assert.equal(
      way(controller('a'), release(99, '1'), seven),
      `${seven
        .slice(0, -1)
        .map((_, at) => at + 2)
        .join(' ')} 99`,
    )
  })

  it('is as short as it can be, and over the newer releases', () => {
    // A release that both keys signed spares the way over the one that adds the key.
    assert.equal(way(controller('a'), release(9, 'c'), [...stones, release(5, 'ab', add('c'))]), '5 9')
    // The first transition was made twice.
    assert.equal(way(controller('a'), release(9, 'b'), [release(2, 'a', add('b')), release(4, 'a', add('b'))]), '4 9')
    // The newer of the two is too new for what comes behind it.
    const twice = [
      release(2, 'a', add('b')),
      release(5, 'a', add('b')),
      release(3, 'b', retire('a')),
      release(4, 'b', add('c')),
    ]
    assert.equal(way(controller('a'), release(9, 'c'), twice), '2 3 4 9')
  })

  /** The way from key a to key b, in a release that differs. */
  const unfit = (change: Partial<SignedRelease['facts']>): SignedRelease => {
    const stone = release(2, 'a', add('b'))
    return { ...stone, facts: { ...stone.facts, ...change } }
  }
  const missing: [name: string, from: AttestedController, goal: SignedRelease, stones: SignedRelease[]][] = [
    ['nothing is published', controller('a'), release(9, 'c'), []],
    ['a stone is missing', controller('a'), release(9, 'c'), stones.filter(({ facts }) => facts.sequence !== 3)],
    ['the stones are older than what runs', controller('a', 5), release(9, 'c'), stones],
    ['the retirement does not raise the floor', controller('ab', 2, 3), release(9, 'c'), stones.slice(1)],
    ['both places are taken by keys that lead nowhere', controller('ax'), release(9, 'c'), stones],
    [
      'attack: the stone is signed by a key that nobody vouches for',
      controller('a'),
      release(9, 'x'),
      [release(2, 'x', add('x'))],
    ],
    ['attack: the only stone is for other boards', controller('a'), release(9, 'b'), [unfit({ hardware: ['r2'] })]],
    ['attack: the only stone is for another class', controller('a'), release(9, 'b'), [unfit({ class: 'pcs' })]],
    ['the only stone is larger than the slot', controller('a'), release(9, 'b'), [unfit({ imageSize: 1 << 21 })]],
    ['the only stone is older than what runs', controller('a', 5, 1), release(9, 'b'), [unfit({})]],
    ['attack: the only key would retire itself', controller('a'), release(9, 'a', retire('a')), []],
  ]
  for (const [name, from, goal, published] of missing) {
    it(`is refused, and says what is missing: ${name}`, () => {
      const refusal = alone(from, goal, published)
      assert.ok(isRefusal(refusal) && refusal.code === 'plan-key-path-missing')
      assert.match(refusal.subject, /^harbour\/bms-1, bms\/9\.0\.0/)
      for (const signer of goal.signers) assert.ok(refusal.expected.includes(signer.slice(0, 16)))
      for (const anchor of from.attested.anchors) assert.ok(refusal.actual.includes(anchor.slice(0, 16)))
    })
  }

  it('is asked for only when the release fits the controller otherwise', () => {
    assert.equal(way(controller('a', 9), release(9, 'c'), stones), 'release-not-newer')
    assert.equal(way(controller('a', 1, 99), release(9, 'c'), stones), 'release-below-floor')
  })

  it('is one that the controller takes, step by step, and never longer than it must be', () => {
    const letter = fc.constantFrom(...'abcd')
    const change = fc.option(fc.record({ kind: fc.constantFrom('add', 'retire'), of: letter }), { nil: null })
    const made = fc.record({ by: fc.uniqueArray(letter, { minLength: 1, maxLength: 2 }), change, counter: fc.nat(4) })
    fc.assert(
      fc.property(
        fc.array(made, { maxLength: 7 }),
        letter,
        fc.uniqueArray(letter, { minLength: 1, maxLength: 2 }),
        (all, wanted, held) => {
          const published = all.map(({ by, change, counter }, index) => {
            const transition = change === null ? null : change.kind === 'add' ? add(change.of) : retire(change.of)
            return release(index + 2, by.join(''), transition, counter)
          })
          const goal = release(50, wanted, null, 9)
          const stones = published.filter(({ facts }) => facts.transition !== null)
          const found = alone(controller(held.join(''), 1, 0), goal, stones)
          const shortest = bySearch(held.map(kid), goal, stones)
          if (isRefusal(found)) return assert.equal(shortest, null)
          assert.equal(found.length, shortest)
          assert.notEqual(taken(held.map(kid), found), null)
        },
      ),
      { numRuns: 500 },
    )
  })
})

/** What a device accepts behind some releases, as the device itself judges them; null when it refuses one. */
function taken(held: readonly string[], way: readonly SignedRelease[]): readonly string[] | null {
  let [keys, floor, last] = [held, 0, 1]
  for (const { facts, signers } of way) {
    const { transition, counter, sequence } = facts
    const anchors = keys.map(id => ({
      kid: id,
      key: { alg: 'ed25519', spki: Uint8Array.fromHex(id.slice(0, 2)) } as const,
    }))
    const judged = { transition, anchors, signers: signers.filter(signer => keys.includes(signer)) }
    if (judged.signers.length === 0 || counter < floor || sequence <= last) return null
    if (refuseChange(judged, { counter, floor, confirmed: NO_KEY_CHANGE }, 'test') !== null) return null
    if (transition?.kind === 'add' && !keys.includes(transition.kid)) keys = [...keys, transition.kid]
    if (transition?.kind === 'retire') keys = keys.filter(id => id !== transition.kid)
    floor = Math.max(floor, counter)
    last = sequence
  }
  return keys
}

/** The length of the shortest way, found by trying every choice of stones in the order of their versions. */
function bySearch(held: readonly string[], goal: SignedRelease, stones: readonly SignedRelease[]): number | null {
  let best: number | null = null
  for (let choice = 0; choice < 2 ** stones.length; choice += 1) {
    const way = [...stones.filter((_, index) => (choice >> index) & 1), goal]
    if (taken(held, way) !== null && (best === null || way.length < best)) best = way.length
  }
  return best
}

describe('the keys behind a release', () => {
  it('are those that the device would come to, for any keys, signers and change', () => {
    const letter = fc.constantFrom(...'abc')
    const letters = fc.uniqueArray(letter, { maxLength: 2 })
    fc.assert(
      fc.property(
        letters,
        letters,
        fc.constantFrom('add', 'retire', 'none'),
        letter,
        fc.nat(2),
        (held, by, kind, of, counter) => {
          const transition = kind === 'none' ? null : kind === 'add' ? add(of) : retire(of)
          const after = keysAfter({ transition, signers: by.map(kid) }, held.map(kid), { counter, floor: 1 })
          const judged = counter < 1 ? null : taken(held.map(kid), [release(9, by.join(''), transition, counter)])
          // Here the floor is 1 and in `taken` it is 0: a retirement with counter 1 is the one difference.
          if (kind === 'retire' && held.includes(of) && counter === 1) assert.equal(after, null)
          else if (counter >= 1) assert.deepEqual(after, judged)
        },
      ),
    )
  })
})
