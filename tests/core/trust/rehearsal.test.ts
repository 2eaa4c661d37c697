import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import type { JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { quorums } from '../../../src/core/trust/ceremony.ts'
import { NOTE, writeNote } from '../../../src/core/trust/ceremony-note.ts'
import { findTarget } from '../../../src/core/trust/find-target.ts'
import { readMetadata } from '../../../src/core/trust/read-metadata.ts'
import { refresh } from '../../../src/core/trust/refresh.ts'
import { rehearsalOf } from '../../../src/core/trust/rehearsal.ts'
import { writeDelegations, writeTargets } from '../../../src/core/trust/repository.ts'
import type { CurrentSet } from '../../../src/core/trust/trusted-set.ts'
import { trustRoot, updateRoot } from '../../../src/core/trust/trusted-set.ts'
import {
  ana,
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
  open,
  snapshot,
  timestamp,
  with_,
} from './ceremony-desk.ts'
import { later, NOW, SimulatedRepository, sealed, signatureOf, target, testKey } from './simulated-repository.ts'

describe('a rehearsal', () => {
  const base = inForce()
  const keys = [ana, bo, cho, dee, eve, finn, snapshot, timestamp, line]
  const TWINS = keys.map((_, n) => testKey(7100 + n))
  const twin = new Map(keys.map((key, n) => [id(key), TWINS[n]!.key]))
  const note = { ...NOTE_OF, rehearsal: true }

  test('is the same ceremony with other keys', () => {
    const staged = rehearsalOf(base.root.signed.raw, twin, note, nodeCrypto)
    const root = orThrow(readMetadata('root', sealed(staged, [TWINS[0]!, TWINS[1]!]), 'staging root'))
    const next = rehearsalOf(nextRootOf(base), twin, note, nodeCrypto)
    const opened = orThrow(
      open({ ...base, root, targets: null, repository: 'image' }, { root: next, rootBy: [TWINS[0]!, TWINS[2]!] }),
    )
    assert.equal(closing(opened), null)
    assert.deepEqual(
      quorums(opened.root!, nodeCrypto)[1]?.missing.map(({ owner }) => owner),
      ['finn'],
    )
    orThrow(
      updateRoot(orThrow(trustRoot('image', root.bytes, nodeCrypto)), sealed(next, [TWINS[0]!, TWINS[2]!]), nodeCrypto),
    )
  })

  test('attack: its signatures are used for the real thing: they are over other bytes', () => {
    const real = nextRootOf(base)
    const next = rehearsalOf(real, twin, note, nodeCrypto)
    const rootBy = [signatureOf(next, TWINS[0]!), signatureOf(next, ana), signatureOf(next, cho)]
    assert.equal(closing(open(base, { root: real, rootBy }))?.code, 'ceremony-altered')
  })

  test('attack: real keys sign at a rehearsal, and its root is served: no client takes it', () => {
    const marked = with_(nextRootOf(base), { [NOTE]: writeNote(note) })
    const set = orThrow(trustRoot('image', base.root.bytes, nodeCrypto))
    assert.equal(codeOf(updateRoot(set, sealed(marked, [ana, bo, cho]), nodeCrypto)), 'metadata-of-rehearsal')
    assert.equal(codeOf(open(base, { root: marked })), 'ceremony-rehearsal')
    const unreadable = with_(nextRootOf(base), { [NOTE]: { rehearsal: 'no' } })
    assert.equal(codeOf(updateRoot(set, sealed(unreadable, [ana, bo, cho]), nodeCrypto)), 'metadata-of-rehearsal')
  })

  test('attack: targets that real keys signed at a rehearsal are served, at the top or delegated: no client takes them', () => {
    const marked = (raw: JsonObject): JsonObject => with_(raw, { [NOTE]: writeNote(note) })
    const served = (top: boolean): SimulatedRepository => {
      const repository = SimulatedRepository.with([])
      const spec = { name: 'line', keys: [line.key], threshold: 1, paths: ['*/*'], terminating: true }
      const targets = writeTargets({ version: 2, expires: later(9) }, [], orThrow(writeDelegations([spec], nodeCrypto)))
      repository.putTargets(sealed(top ? marked(targets) : targets, repository.holders.targets.keys))
      const below = sealed(marked(writeTargets({ version: 1, expires: later(9) }, [target('bms/a')])), [line])
      repository.delegated.set('line', orThrow(readMetadata('targets', below, 'line')))
      repository.serve('line', 1, below)
      repository.announce()
      return repository
    }
    const first = served(true)
    const stopped = first.drive(refresh(first.enrolled(), NOW, nodeCrypto))
    assert.equal(stopped.at === 'stopped' && stopped.refusal.code, 'metadata-of-rehearsal')
    const second = served(false)
    const { set } = second.drive(refresh(second.enrolled(), NOW, nodeCrypto))
    const found = second.drive(findTarget(set as CurrentSet, 'bms/a', NOW, nodeCrypto))
    assert.equal(codeOf(found), 'metadata-of-rehearsal')
  })
})

describe('a root that was signed at a ceremony', () => {
  test('attack: it is served as the root of another repository whose holders are the same people', () => {
    const base = inForce()
    const bytes = sealed(nextRootOf(base), [ana, bo, cho])
    for (const repo of ['approval', 'director/quay']) {
      const set = orThrow(trustRoot(repo, base.root.bytes, nodeCrypto))
      assert.equal(codeOf(updateRoot(set, bytes, nodeCrypto)), 'metadata-wrong-repository', repo)
    }
    orThrow(updateRoot(orThrow(trustRoot('image', base.root.bytes, nodeCrypto)), bytes, nodeCrypto))
  })
})
