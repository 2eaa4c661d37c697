import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import type { Json, JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { checkComplete, pendingOf, quorums } from '../../../src/core/trust/ceremony.ts'
import { NOTE, OWNERS, writeNote } from '../../../src/core/trust/ceremony-note.ts'
import { changedRoot, changedTargets } from '../../../src/core/trust/changed-document.ts'
import { keyIdOf, keyObject } from '../../../src/core/trust/keys.ts'
import { readMetadata } from '../../../src/core/trust/read-metadata.ts'
import { withTargets } from '../../../src/core/trust/repository.ts'
import { transcriptOf } from '../../../src/core/trust/transcript.ts'
import { trustRoot, updateRoot } from '../../../src/core/trust/trusted-set.ts'
import {
  ana,
  BO_LEAVES,
  bo,
  cho,
  closing,
  codeOf,
  dee,
  eve,
  finn,
  id,
  inForce,
  line,
  NOTE_OF,
  nextRootOf,
  nextTargetsOf,
  OCCASION,
  open,
  SAME,
  snapshot,
  timestamp,
  UNCHANGED,
  with_,
} from './ceremony-desk.ts'
import { later, sealed, signatureOf, type TestKey, target } from './simulated-repository.ts'

describe('a ceremony over the root', () => {
  test('needs the holders of the old root and of the new one; says who is missing by name', () => {
    const base = inForce()
    const root = nextRootOf(base)
    const opened = orThrow(open(base, { root, rootBy: [ana] }))
    const [old, next] = quorums(opened.root!, nodeCrypto)
    assert.deepEqual([old?.have, old?.threshold, old?.enough], [1, 2, false])
    assert.deepEqual(
      old?.missing.map(({ owner }) => owner),
      ['bo', 'cho'],
    )
    assert.deepEqual(
      next?.missing.map(({ owner }) => owner),
      ['finn', 'cho'],
    )
    const short = checkComplete(opened, nodeCrypto)
    assert.deepEqual([short?.code, short?.actual], ['ceremony-signatures-missing', '1; not yet: bo, cho'])
    assert.equal(closing(open(base, { root, rootBy: [ana, cho] })), null, 'both are in the old root and in the new one')
    assert.equal(closing(open(base, { root, rootBy: [ana, bo] }))?.subject, 'holders of root 2', 'bo is not in the new')
    assert.equal(
      closing(open(base, { root, rootBy: [ana, finn] }))?.subject,
      'holders of root 1',
      'finn was not in the old',
    )
    assert.equal(closing(open(base, { root, rootBy: [ana, bo, finn] })), null)
  })

  test('what it makes is a root that clients follow', () => {
    const base = inForce()
    const set = orThrow(trustRoot('image', base.root.bytes, nodeCrypto))
    const next = orThrow(updateRoot(set, sealed(nextRootOf(base), [ana, cho]), nodeCrypto))
    assert.deepEqual(next.root.signed.roles.root.keyids, [id(ana), id(finn), id(cho)], 'in the place of the old one')
    assert.equal(next.root.signed.keys.has(id(bo)), false)
  })

  test('shows keys in and out by name, thresholds and expiry', () => {
    const base = inForce()
    const changes = { ...BO_LEAVES, remove: [id(cho)], threshold: 1 }
    const { root } = orThrow(open(base, { root: nextRootOf(base, changes) }))
    const shown = root!.differences.map(({ what, before, after }) => [what, before, after])
    const short = (key: TestKey): string => id(key).slice(0, 16)
    for (const row of [
      ['version', '1', '2'],
      ['root: signer', `bo (${short(bo)})`, null],
      ['root: signer', `cho (${short(cho)})`, null],
      ['root: signer', null, `finn (${short(finn)})`],
      ['root: signatures needed', '2', '1'],
      [`key ${id(finn)}`, null, 'ed25519'],
      [`name of key ${short(finn)}`, null, 'finn'],
    ]) {
      assert.ok(
        shown.some(one => JSON.stringify(one) === JSON.stringify(row)),
        `${row.join(' | ')}\n${shown.join('\n')}`,
      )
    }
    assert.ok(root!.differences.every(({ known }) => known))
  })

  test('a new targets key needs the targets signed again, by those whom the new root names', () => {
    const base = inForce()
    const changes = { ...UNCHANGED, replace: [{ old: id(eve), by: { key: finn.key, owner: 'finn' } }] }
    const root = nextRootOf(base, changes)
    assert.equal(codeOf(open(base, { root })), 'root-orphans-targets')
    const targets = nextTargetsOf(base)
    const by = (targetsBy: readonly TestKey[]) => closing(open(base, { root, rootBy: [ana, bo], targets, targetsBy }))
    assert.equal(by([dee, finn]), null)
    assert.equal(by([dee])?.actual, '1; not yet: finn')
    assert.equal(by([dee, eve])?.code, 'ceremony-altered', 'eve is not asked any more')
  })

  const rows: [name: string, change: Parameters<typeof nextRootOf>[1], code: string][] = [
    ['a key that nobody has', { ...UNCHANGED, remove: [id(finn)] }, 'ceremony-key-unknown'],
    ['a role that there is not', { ...UNCHANGED, role: 'mirror' }, 'ceremony-key-unknown'],
    [
      'a name for a key that nobody has',
      { ...UNCHANGED, name: [{ keyid: id(finn), owner: 'f' }] },
      'ceremony-key-unknown',
    ],
    ['a signer who is one already', { ...UNCHANGED, add: [{ key: bo.key, owner: null }] }, 'ceremony-key-twice'],
    [
      'a replacement by another signer',
      { ...UNCHANGED, replace: [{ old: id(bo), by: { key: cho.key, owner: null } }] },
      'ceremony-key-twice',
    ],
    [
      'a replacement by itself',
      { ...UNCHANGED, replace: [{ old: id(bo), by: { key: bo.key, owner: null } }] },
      'ceremony-key-twice',
    ],
    ['a threshold above the number of signers', { ...UNCHANGED, threshold: 4 }, 'role-unsatisfiable'],
    ['a threshold of nobody', { ...UNCHANGED, threshold: 0 }, 'role-unsatisfiable'],
    ['removing more than may go', { ...UNCHANGED, remove: [id(bo), id(cho)] }, 'role-unsatisfiable'],
    [
      'attack: a second key of one person',
      { ...UNCHANGED, add: [{ key: finn.key, owner: 'ana' }] },
      'ceremony-owner-twice',
    ],
  ]
  for (const [name, changes, code] of rows) {
    test(`${name}: ${code}`, () => {
      assert.equal(codeOf(changedRoot(inForce().root.signed, changes!, OCCASION, nodeCrypto)), code)
    })
  }

  test('a key that is replaced is replaced in every role', () => {
    const base = inForce()
    const changes = { ...UNCHANGED, replace: [{ old: id(snapshot), by: { key: finn.key, owner: null } }] }
    const both = nextRootOf(base, { ...changes, add: [{ key: snapshot.key, owner: 'server' }], role: 'timestamp' })
    assert.deepEqual((both.roles as Record<string, { keyids: string[] }>).timestamp?.keyids, [
      id(timestamp),
      id(snapshot),
    ])
    const again = { ...base, root: orThrow(readMetadata('root', sealed(both, [ana, bo]), 'root')) }
    const next = nextRootOf(again, {
      ...UNCHANGED,
      replace: [{ old: id(snapshot), by: { key: eve.key, owner: null } }],
    })
    const { snapshot: one, timestamp: two } = next.roles as Record<string, { keyids: string[] }>
    assert.deepEqual([one?.keyids, two?.keyids], [[id(finn)], [id(timestamp), id(eve)]])
  })

  test('keeps members that it does not know', () => {
    const base = inForce(raw => ({ ...raw, 'x-other': { a: 1 }, roles: withMember(raw.roles as JsonObject) }))
    const next = nextRootOf(base)
    assert.deepEqual(next['x-other'], { a: 1 })
    assert.equal((next.roles as Record<string, JsonObject>).root?.note, 'kept')
  })
})

const withMember = (roles: JsonObject): JsonObject => ({
  ...roles,
  root: { ...(roles.root as JsonObject), note: 'kept' },
})

describe('a ceremony over delegations', () => {
  const delegate = { name: 'pcs-line', paths: ['pcs/*/*'], terminating: false }
  const keys = { ...UNCHANGED, role: 'pcs-line', add: [{ key: finn.key, owner: 'finn' }] }

  test('adds, changes and removes a delegated role, and shows it', () => {
    const base = inForce()
    const targets = nextTargetsOf(base, { ...SAME, delegate, undelegate: ['bms-line'] }, keys)
    const opened = orThrow(open(base, { targets, targetsBy: [dee, eve] }))
    assert.equal(closing(opened), null)
    const shown = opened.targets!.differences.map(({ what, before, after }) => `${what} | ${before} | ${after}`)
    assert.ok(
      shown.includes(`delegation pcs-line | null | 1 of finn (${id(finn).slice(0, 16)}); paths pcs/*/*`),
      shown.join('\n'),
    )
    const gone = `delegation bms-line | 1 of ${id(line).slice(0, 16)}; paths bms/*/*, terminating | null`
    assert.ok(shown.includes(gone), shown.join('\n'))
    assert.deepEqual([...opened.targets!.document.signed.delegations!.keys.keys()], [id(finn)], 'unused keys go')
    const moved = { ...UNCHANGED, role: 'bms-line', replace: [{ old: id(line), by: { key: finn.key, owner: 'finn' } }] }
    const other = orThrow(open(base, { targets: nextTargetsOf(base, SAME, moved) }))
    const lines = other.targets!.differences.map(({ what, before, after }) => `${what} | ${before} | ${after}`)
    assert.ok(lines.includes(`delegation bms-line: signer | ${id(line).slice(0, 16)} | null`), lines.join('\n'))
  })

  test('the last delegation gone, there are none', () => {
    const base = inForce()
    const targets = nextTargetsOf(base, { ...SAME, undelegate: ['bms-line'] })
    assert.equal('delegations' in targets, false)
    assert.equal(closing(open(base, { targets, targetsBy: [dee, eve] })), null)
  })

  test('takes published targets away', () => {
    const base = inForce()
    const targets = nextTargetsOf(base, { ...SAME, withdraw: ['b'] })
    const opened = orThrow(open(base, { targets, targetsBy: [dee, eve] }))
    assert.deepEqual([...opened.targets!.document.signed.targets.keys()], ['a'])
    assert.ok(opened.targets!.differences.some(({ what, after }) => what === 'target b' && after === null))
  })

  const rows: [name: string, make: () => unknown, code: string][] = [
    ['a role that is there', () => ({ ...SAME, delegate: { ...delegate, name: 'bms-line' } }), 'ceremony-key-twice'],
    ['a role that is not there', () => ({ ...SAME, undelegate: ['x'] }), 'ceremony-key-unknown'],
    ['a target that is not there', () => ({ ...SAME, withdraw: ['x'] }), 'ceremony-key-unknown'],
    ['a role that nobody signs', () => ({ ...SAME, delegate }), 'role-unsatisfiable'],
  ]
  for (const [name, make, code] of rows) {
    test(`${name}: ${code}`, () => {
      const changes = make() as typeof SAME
      const none = changes.delegate === null ? null : { ...UNCHANGED, role: changes.delegate.name }
      const result = changedTargets(inForce().targets!.signed, changes, none, OCCASION, nodeCrypto)
      assert.equal(codeOf(result), code)
    })
  }

  test('the next publication carries no note of the ceremony', () => {
    const base = inForce()
    const signed = orThrow(readMetadata('targets', sealed(nextTargetsOf(base), [dee, eve]), 'targets')).signed
    assert.ok(NOTE in signed.raw)
    assert.equal(NOTE in orThrow(withTargets(signed, { add: [target('c')] }, 3, later(9))), false)
  })
})

describe('a ceremony is refused', () => {
  const base = inForce()
  const root = nextRootOf(base)
  const long = signatureOf(root, ana)

  const rows: [name: string, meet: () => Refusal | null, code: string][] = [
    [
      'attack: a document that is changed between two signers',
      () => closing(open(base, { root: with_(root, { expires: '2040-01-01T00:00:00Z' }), rootBy: [long, cho] })),
      'ceremony-altered',
    ],
    [
      'attack: a signature in the name of another',
      () => closing(open(base, { root, rootBy: [ana, { keyid: id(bo), sig: signatureOf(root, finn).sig }] })),
      'ceremony-altered',
    ],
    [
      'attack: a signature by a key of no role',
      () => closing(open(base, { root, rootBy: [ana, bo, dee] })),
      'ceremony-altered',
    ],
    [
      'attack: below the threshold of the old root',
      () => closing(open(base, { root, rootBy: [ana, finn] })),
      'ceremony-signatures-missing',
    ],
    [
      'attack: below the threshold of the new root',
      () => closing(open(base, { root, rootBy: [ana, bo] })),
      'ceremony-signatures-missing',
    ],
    [
      'attack: a key that signs twice, under two ids',
      () => {
        const twin = { ...keyObject(ana.key), note: 'another spelling' } as unknown as JsonObject
        const keyid = keyIdOf(twin, nodeCrypto)
        const roles = root.roles as Record<string, JsonObject>
        const keyids = [...(roles.root!.keyids as string[]), keyid]
        const doubled = with_(root, {
          keys: { ...(root.keys as JsonObject), [keyid]: twin },
          roles: { ...roles, root: { ...roles.root, keyids } },
        })
        const sig = signatureOf(doubled, ana)
        return closing(open(base, { root: doubled, rootBy: [ana, bo, { keyid, sig: sig.sig }] }))
      },
      'ceremony-key-twice',
    ],
    [
      'attack: a key under the id of another',
      () => {
        const keys = { ...(root.keys as JsonObject), [id(cho)]: keyObject(finn.key) as unknown as JsonObject }
        return closing(open(base, { root: with_(root, { keys }), rootBy: [ana, bo] }))
      },
      'ceremony-key-misnamed',
    ],
    [
      'attack: two keys under one name, brought in by hand',
      () =>
        closing(
          open(base, { root: with_(root, { [OWNERS]: { ...(root[OWNERS] as JsonObject), [id(finn)]: 'ana' } }) }),
        ),
      'ceremony-owner-twice',
    ],
    [
      'attack: closing after the deadline',
      () => closing(open(base, { root, rootBy: [ana, cho] }), NOTE_OF.deadline),
      'ceremony-over',
    ],
    [
      'attack: a deadline that was put off when the signatures were there',
      () => {
        const note = { ...NOTE_OF, deadline: instant(NOTE_OF.deadline + 86_400_000) }
        return closing(
          open(base, { root: with_(root, { [NOTE]: writeNote(note) }), rootBy: [long, signatureOf(root, cho)] }),
        )
      },
      'ceremony-altered',
    ],
    [
      'attack: a ceremony of one repository played to another',
      () => closing(open({ ...base, repository: 'approval' }, { root, rootBy: [ana, cho] })),
      'ceremony-malformed',
    ],
    [
      'attack: an old ceremony, replayed',
      () => {
        const after = { ...base, root: orThrow(readMetadata('root', sealed(root, [ana, cho]), 'root')) }
        return closing(open(after, { root, rootBy: [ana, cho] }))
      },
      'ceremony-not-next',
    ],
    [
      'a root that skips a version',
      () => closing(open(base, { root: with_(root, { version: 3 }) })),
      'ceremony-not-next',
    ],
    [
      'a root that has expired',
      () => closing(open(base, { root: with_(root, { expires: '2020-01-01T00:00:00Z' }), rootBy: [] })),
      'metadata-expired',
    ],
    ['a root without a note', () => closing(open(base, { root: without(root, NOTE) })), 'ceremony-malformed'],
    [
      'a note with more in it than is shown',
      () => closing(open(base, { root: with_(root, { [NOTE]: { ...writeNote(NOTE_OF), extra: 1 } }) })),
      'ceremony-malformed',
    ],
    [
      'two documents with different notes',
      () => {
        const other = with_(nextTargetsOf(base), { [NOTE]: writeNote({ ...NOTE_OF, name: 'winter' }) })
        return closing(open(base, { root, targets: other }))
      },
      'ceremony-malformed',
    ],
    ['nothing to sign', () => closing(open(base, {})), 'ceremony-malformed'],
    [
      'attack: a target that is slipped in with a change of keys',
      () => {
        const before = base.targets!.signed.raw.targets as JsonObject
        const more = { ...before, 'evil/envelope.suit': before.a as Json }
        return closing(open(base, { targets: with_(nextTargetsOf(base), { targets: more }), targetsBy: [dee, eve] }))
      },
      'root-targets-differ',
    ],
    [
      'attack: a target that is exchanged with a change of keys',
      () => {
        const before = base.targets!.signed.raw.targets as JsonObject
        const other = { ...before, a: before.b as Json }
        return closing(open(base, { targets: with_(nextTargetsOf(base), { targets: other }), targetsBy: [dee, eve] }))
      },
      'root-targets-differ',
    ],
    [
      'a role of the new root that nobody could sign for',
      () => {
        const roles = root.roles as Record<string, JsonObject>
        return closing(
          open(base, { root: with_(root, { roles: { ...roles, snapshot: { keyids: [], threshold: 1 } } }) }),
        )
      },
      'role-unsatisfiable',
    ],
  ]
  for (const [name, meet, code] of rows) {
    test(`${name}: ${code}`, () => assert.equal(meet()?.code ?? 'taken', code))
  }
})

const without = (raw: JsonObject, name: string): JsonObject =>
  Object.fromEntries(Object.entries(raw).filter(([member]) => member !== name))

describe('the transcript', () => {
  test('says who signed what as whom, and what it changed, within the bounds of an entry', () => {
    const base = inForce()
    const opened = orThrow(open(base, { root: nextRootOf(base), rootBy: [ana, cho] }))
    const transcript = transcriptOf(opened, nodeCrypto) as {
      documents: { signers: unknown[]; changes: string[]; digest: string }[]
    }
    const [document] = transcript.documents
    assert.equal(document?.digest, pendingOf(opened)[0]?.digest)
    assert.deepEqual(document?.signers[1], {
      by: 'holders of root 2',
      threshold: 2,
      signed: [
        { key: id(ana), owner: 'ana' },
        { key: id(cho), owner: 'cho' },
      ],
    })
    assert.ok(document?.changes.some(text => text.startsWith('root: signer: bo (')))
  })
})
