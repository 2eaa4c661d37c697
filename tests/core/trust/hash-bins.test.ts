import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import type { JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { BIN_ROLE } from '../../../src/core/trust/bin-role.ts'
import { NOTE } from '../../../src/core/trust/ceremony-note.ts'
import { binNamed, binOf } from '../../../src/core/trust/delegation.ts'
import {
  BINS_FROM,
  binNames,
  binsOf,
  checkBins,
  MAX_BIN_BITS,
  type Publication,
  publication,
  publicationInBins,
  succinctOf,
} from '../../../src/core/trust/hash-bins.ts'
import type { Document, Root, Target, Targets } from '../../../src/core/trust/metadata.ts'
import { readMetadata, readSigned } from '../../../src/core/trust/read-metadata.ts'
import { currentOffline } from '../../../src/core/trust/refresh.ts'
import {
  nextSnapshot,
  nextTimestamp,
  writeDelegations,
  writeRoot,
  writeTargets,
} from '../../../src/core/trust/repository.ts'
import { resume } from '../../../src/core/trust/stored-set.ts'
import { readDelegated } from '../../../src/core/trust/trusted-set.ts'
import { later, NOW, sealed, type TestKey, target, testKey } from './simulated-repository.ts'

const signer = testKey(7)
const thief = testKey(8)

function rootOf(...keys: readonly TestKey[]): Root {
  const role = { keys: keys.map(({ key }) => key), threshold: keys.length }
  const written = orThrow(
    writeRoot(
      { version: 1, expires: later(9) },
      { root: role, targets: role, snapshot: role, timestamp: role },
      crypto,
    ),
  )
  return orThrow(readSigned('root', written, 'root'))
}

const read = (raw: JsonObject): Targets => orThrow(readSigned('targets', raw, 'test'))
const flat = (targets: readonly Target[], version = 1): Targets =>
  read(writeTargets({ version, expires: later(9) }, targets))
const many = (count: number): Target[] => Array.from({ length: count }, (_, n) => target(`bms/${n}/payload.bin`))

const root = rootOf(signer)
const expires = later(30)

/** A repository with bins, as its first publication makes it. */
function binned(count = BINS_FROM): { publication: Publication; top: Targets; bins: Map<string, Targets> } {
  const written = orThrow(publication(root, flat([]), { add: many(count) }, expires, crypto))
  const bins = new Map([...written.bins].map(([name, bin]) => [name, read(bin)]))
  return { publication: written, top: read(written.targets), bins }
}

describe('hash bins, as they are written', () => {
  test('a small repository stays as it is', () => {
    const written = orThrow(publication(root, flat(many(9)), { add: [target('a.suit')] }, expires, crypto))
    assert.equal(written.bins.size, 0)
    assert.equal(Object.keys(written.targets.targets as JsonObject).length, 10)
    assert.equal(written.targets.delegations, undefined)
  })

  test('the last below the threshold, and the first at it', () => {
    const below = orThrow(publication(root, flat(many(BINS_FROM - 2)), { add: [target('a.suit')] }, expires, crypto))
    assert.equal(below.bins.size, 0)
    const at = orThrow(publication(root, flat(many(BINS_FROM - 1)), { add: [target('a.suit')] }, expires, crypto))
    assert.equal(at.bins.size, 1024)
    assert.deepEqual(at.targets.targets, {})
  })

  test('a repository that delegates to roles by name keeps its roles, and gets no bins however large it grows', () => {
    const role = { name: 'bms', keys: [signer.key], threshold: 1, paths: ['bms/*'], terminating: true }
    const delegations = orThrow(writeDelegations([role], crypto))
    const before = read(writeTargets({ version: 1, expires: later(9) }, many(BINS_FROM - 1), delegations))
    const written = orThrow(publication(root, before, { add: [target('a.suit')] }, expires, crypto))
    assert.equal(written.bins.size, 0)
    assert.deepEqual(written.targets.delegations, delegations)
    assert.equal(Object.keys(written.targets.targets as JsonObject).length, BINS_FROM)

    const { publication: other, top } = binned()
    const handed = new Map([...other.bins].map(([name, bin]) => [name, sealed(bin, [signer])]))
    const taken = checkBins('image', { root, before, announced: new Map() }, top, handed, NOW, crypto)
    assert.ok(isRefusal(taken))
    assert.equal(taken.code, 'bins-layout-changed')
  })

  test('at the threshold every target moves into the bin of its path, and all bins are there', () => {
    const { top, bins } = binned()
    assert.deepEqual([...bins.keys()], binNames(succinctOf(top)))
    const found = [...bins.values()].flatMap(({ targets }) => [...targets.values()])
    assert.deepEqual(
      found.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
      many(BINS_FROM).toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    )
    for (const [name, { targets }] of bins) {
      for (const path of targets.keys()) assert.equal(binOf(succinctOf(top), path, crypto).name, name)
    }
  })

  test('a target that was published stays what it is, in a bin too', () => {
    const { top, bins } = binned()
    const changed = { ...target('bms/5/payload.bin'), sha256: '0'.repeat(64) }
    const [name] = binsOf(top, [changed.path], crypto)
    const current = new Map([[name!, bins.get(name!)!]])
    const refused = publicationInBins(root, top, current, { add: [changed] }, expires, crypto)
    assert.ok(isRefusal(refused) && refused.code === 'target-conflict')
  })

  test('any sequence of publications: each target stands once, where a client looks for it', () => {
    const { top: first, bins: start } = binned()
    const paths = fc.array(fc.stringMatching(/^[a-z0-9]{1,8}(\/[a-z0-9]{1,6})?$/), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(fc.array(paths, { minLength: 1, maxLength: 4 }), rounds => {
        let top = first
        const bins = new Map(start)
        const all = new Set(many(BINS_FROM).map(({ path }) => path))
        for (const round of rounds) {
          const add = round.map(path => target(path))
          const current = new Map([...binsOf(top, round, crypto)].map(name => [name, bins.get(name)!]))
          const written = orThrow(publicationInBins(root, top, current, { add }, expires, crypto))
          top = read(written.targets)
          for (const [name, bin] of written.bins) bins.set(name, read(bin))
          for (const path of round) all.add(path)
        }
        assert.equal(
          [...bins.values()].reduce((sum, { targets }) => sum + targets.size, 0),
          all.size,
        )
        for (const path of all) assert.ok(bins.get(binOf(succinctOf(top), path, crypto).name)!.targets.has(path), path)
      }),
      { numRuns: 20 },
    )
  })
})

describe('hash bins, as a server takes them', () => {
  const { publication: made, top, bins } = binned()
  const announced = new Map([...bins.keys()].map(name => [name, { version: 1 }]))
  const file = (raw: JsonObject, key = signer): Uint8Array => sealed(raw, [key])
  const all = (key = signer): Map<string, Uint8Array> =>
    new Map([...made.bins].map(([name, bin]) => [name, file({ ...bin, version: 2 }, key)]))
  const before = flat([])

  const path = 'bms/5/payload.bin'
  const [own] = binsOf(top, [path], crypto)
  const other = [...bins.keys()].find(name => name !== own)!
  const next = (change: (bin: JsonObject) => JsonObject = bin => bin, name = own!): Map<string, Uint8Array> =>
    new Map([[name, file(change({ ...made.bins.get(name)!, version: 2 }))]])

  const inForce = { root, before: top, announced }
  const check = (
    after: Targets,
    handed: ReadonlyMap<string, Uint8Array>,
    with_ = inForce as Parameters<typeof checkBins>[1],
  ) => checkBins('image', with_, after, handed, NOW, crypto)

  const changed = (raw: JsonObject): Targets => read({ ...made.targets, ...raw })
  const succinct = (change: JsonObject, keys: JsonObject = {}): JsonObject => {
    const { delegations } = made.targets as { delegations: { keys: JsonObject; succinct_roles: JsonObject } }
    return {
      delegations: {
        keys: { ...delegations.keys, ...keys },
        succinct_roles: { ...delegations.succinct_roles, ...change },
      },
    }
  }
  const ofThief = rootOf(thief).raw.keys as JsonObject
  const thiefId = Object.keys(ofThief)[0]!

  test('the first bins, one changed bin, and none', () => {
    const first = new Map([...made.bins].map(([name, bin]) => [name, file(bin)]))
    const crossing = { root, before, announced: new Map() }
    assert.equal(orThrow(check(top, first, crossing)).size, 1024)
    assert.deepEqual([...orThrow(check(top, next())).keys()], [own])
    assert.equal(orThrow(check(top, new Map())).size, 0)
  })

  test('what was written is read again: the bytes of a bin are small', () => {
    const bytes = file(made.bins.get(own!)!)
    assert.ok(orThrow(readMetadata('targets', bytes, 'bin')).signed.targets.size >= 1)
  })

  const rows: Record<string, [code: string, run: () => unknown]> = {
    'attack: bins that are given up, so that their targets vanish': [
      'bins-layout-changed',
      () => check(flat([], 3), new Map()),
    ],
    'other bins': ['bins-layout-changed', () => check(changed(succinct({ bit_length: 9 })), new Map())],
    'bins of another name': ['bins-layout-changed', () => check(changed(succinct({ name_prefix: 'x' })), new Map())],
    'more bins than are taken': [
      'bins-layout-changed',
      () =>
        check(changed(succinct({ bit_length: MAX_BIN_BITS + 1 })), new Map(), { root, before, announced: new Map() }),
    ],
    'attack: a target beside the bins, which would be found before its bin': [
      'bins-layout-changed',
      () => check(changed({ targets: writeTargets({ version: 1, expires }, [target(path)]).targets! }), new Map()),
    ],
    'attack: bins delegated to somebody else': [
      'bins-keys-differ',
      () => check(changed(succinct({ keyids: [thiefId] }, ofThief)), all(thief)),
    ],
    'attack: bins delegated to somebody else beside': [
      'bins-keys-differ',
      () => {
        const keyids = [
          ...(made.targets as never as { delegations: { succinct_roles: { keyids: string[] } } }).delegations
            .succinct_roles.keyids,
          thiefId,
        ]
        return check(changed(succinct({ keyids }, ofThief)), all())
      },
    ],
    'fewer signers for the bins than for the targets': [
      'bins-keys-differ',
      () => {
        const two = rootOf(signer, thief)
        const written = orThrow(publication(two, flat([]), { add: many(BINS_FROM) }, expires, crypto))
        const { delegations } = written.targets as { delegations: { keys: JsonObject; succinct_roles: JsonObject } }
        const weak = { ...delegations, succinct_roles: { ...delegations.succinct_roles, threshold: 1 } }
        return check(read({ ...written.targets, delegations: weak }), all(), {
          root: two,
          before,
          announced: new Map(),
        })
      },
    ],
    'not all bins when the repository gets them': [
      'bin-missing',
      () => check(top, next(), { root, before, announced: new Map() }),
    ],
    'not all bins when the keys have changed': [
      'bin-missing',
      () => {
        const rekeyed = rootOf(thief)
        const written = orThrow(publicationInBins(rekeyed, top, new Map(), {}, expires, crypto))
        return check(read(written.targets), next(), { root: rekeyed, before: top, announced })
      },
    ],
    'a bin that is none': ['bin-unknown', () => check(top, new Map([['bin-400', file(made.bins.get(own!)!)]]))],
    'a bin where there are none': [
      'bin-unknown',
      () => check(flat(many(3)), next(), { root, before, announced: new Map() }),
    ],
    'attack: a bin by a key that is not of the targets': [
      'metadata-below-threshold',
      () => check(top, new Map([[own!, file({ ...made.bins.get(own!)!, version: 2 }, thief)]])),
    ],
    'attack: one bin under the name of another': [
      'metadata-wrong-role',
      () => check(top, new Map([[other, next().get(own!)!]])),
    ],
    'attack: a bin that names itself another, for targets of elsewhere': [
      'target-outside-bin',
      () => check(top, new Map([[other, file({ ...made.bins.get(own!)!, [BIN_ROLE]: other, version: 2 })]])),
    ],
    'attack: a bin of an older version': [
      'publish-version-conflict',
      () =>
        check(
          top,
          next(bin => ({ ...bin, version: 1 })),
        ),
    ],
    'a bin that leaves versions out': [
      'publish-version-conflict',
      () =>
        check(
          top,
          next(bin => ({ ...bin, version: 9 })),
        ),
    ],
    'a bin that has expired': [
      'metadata-expired',
      () =>
        check(
          top,
          next(bin => ({ ...bin, expires: '2026-01-01T00:00:00Z' })),
        ),
    ],
    'attack: a bin that delegates further': [
      'bins-layout-changed',
      () =>
        check(
          top,
          next(bin => ({ ...bin, delegations: made.targets.delegations! })),
        ),
    ],
    'a bin that is no targets file': [
      'metadata-malformed',
      () =>
        check(
          top,
          next(bin => ({ ...bin, _type: 'snapshot' })),
        ),
    ],
    'a bin that is no JSON': ['metadata-unreadable', () => check(top, new Map([[own!, new Uint8Array([1])]]))],
  }
  for (const [name, [code, run]] of Object.entries(rows)) {
    test(`${name}: ${code}`, () => {
      const answer = run()
      assert.ok(isRefusal(answer), 'refused')
      assert.equal(answer.code, code, `${answer.subject}: ${answer.expected}, ${answer.actual}`)
    })
  }
})

describe('hash bins, as a client takes them', () => {
  /** A repository with bins as a client has it: the targets of before, `played` as a bin by whoever signs the snapshot. */
  function taken(played: JsonObject, name: string): Document<Targets> | Refusal {
    const signed = (raw: JsonObject): Uint8Array => sealed(raw, [signer])
    const targets = signed(made.publication.targets)
    const head = { expires: later(9) }
    const bin = orThrow(readMetadata('targets', signed(played), name))
    const top = orThrow(readMetadata('targets', targets, 'targets'))
    const announced = new Map([
      ['targets', top],
      [name, bin],
    ])
    const snapshot = signed(nextSnapshot(null, announced, head, crypto))
    const timestamp = signed(nextTimestamp(null, orThrow(readMetadata('snapshot', snapshot, 's')), head, crypto))
    const files = new Map([
      ['root.json', signed(root.raw)],
      ['timestamp.json', timestamp],
      ['snapshot.json', snapshot],
      ['targets.json', targets],
    ])
    const set = orThrow(currentOffline(orThrow(resume('image', files, crypto)).set, NOW, crypto))
    const delegator = set.targets.signed
    const role = binNamed(succinctOf(delegator), name)
    return readDelegated(set, delegator, role, bin.bytes, NOW, crypto)
  }
  const made = binned()
  const path = 'bms/7/payload.bin'
  const own = [...binsOf(made.top, [path], crypto)][0] as string
  const empty = [...made.bins].find(([, bin]) => bin.targets.size === 0)![0]

  test('a bin as it was signed', () => {
    const bin = orThrow(taken(made.publication.bins.get(own) as JsonObject, own))
    assert.ok(bin.signed.targets.has(path))
  })

  test('attack: the targets of before the bins, played as a bin, bring back nothing that was withdrawn', () => {
    const answer = taken(flat([target(path)], 999).raw, own)
    assert.ok(isRefusal(answer))
    assert.equal(answer.code, 'metadata-wrong-role')
  })

  test('attack: an empty bin, played as another, hides no release that was seen', () => {
    const answer = taken({ ...made.publication.bins.get(empty), version: 9 }, own)
    assert.ok(isRefusal(answer))
    assert.equal(answer.code, 'metadata-wrong-role')
  })

  test('attack: a bin, played as the targets above all bins', () => {
    const targets = sealed(made.publication.bins.get(own) as JsonObject, [signer])
    const files = new Map([
      ['root.json', sealed(root.raw, [signer])],
      ['targets.json', targets],
    ])
    const { set, discarded } = orThrow(resume('image', files, crypto))
    assert.equal(set.targets, null)
    assert.deepEqual(
      discarded.map(({ code }) => code),
      ['metadata-wrong-role'],
    )
  })

  test('the note of a ceremony is of one version, above the bins too', () => {
    const noted = read({ ...made.publication.targets, [NOTE]: { name: 'may' } })
    const next = orThrow(publicationInBins(root, noted, new Map(), {}, expires, crypto))
    assert.equal(next.targets[NOTE], undefined)
  })
})
