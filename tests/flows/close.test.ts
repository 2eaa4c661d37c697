import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import type { JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { type CeremonyNote, NOTE, type Repository, writeNote } from '../../src/core/trust/ceremony-note.ts'
import { changedRoot, changedTargets } from '../../src/core/trust/changed-document.ts'
import type { KeyChanges } from '../../src/core/trust/key-change.ts'
import { keyId } from '../../src/core/trust/keys.ts'
import { writeTargets } from '../../src/core/trust/repository.ts'
import type { CurrentSet } from '../../src/core/trust/trusted-set.ts'
import { closeCeremony } from '../../src/flows/close.ts'
import { directorRoot } from '../../src/flows/direct.ts'
import { openRepository } from '../../src/flows/keep.ts'
import type { Signer } from '../../src/flows/ports.ts'
import { publishRelease } from '../../src/flows/publish.ts'
import type { Rotated } from '../../src/flows/rotate.ts'
import { QuietFleet, sealedBy } from '../worlds/quiet-fleet.ts'

const DAY = 86_400_000
const NO_BINS: ReadonlyMap<string, Uint8Array> = new Map()
const NO_KEYS: KeyChanges = { replace: [], add: [], remove: [], threshold: null, role: 'root', name: [] }
const id = (signer: Signer): string => keyId(signer.key, crypto)

/** A ceremony as somebody brings it to the server. */
type Brought = {
  readonly repository?: Repository
  readonly changes?: KeyChanges
  readonly by?: readonly Signer[]
  readonly note?: Partial<CeremonyNote>
  readonly change?: (root: JsonObject) => JsonObject
}

describe('a ceremony, as the server closes it', () => {
  let fleet: QuietFleet
  let ana: Signer
  let bo: Signer
  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site('harbour')
    ana = fleet.newKey('ana')
    bo = fleet.newKey('bo')
  })
  after(() => fleet?.close())

  const noteOf = (repository: Repository, note: Partial<CeremonyNote> = {}): CeremonyNote => {
    return { name: 'drill', repository, deadline: instant(fleet.clock.now() + DAY), rehearsal: false, ...note }
  }
  const occasion = (repository: Repository, note?: Partial<CeremonyNote>) => {
    return { expires: instant(fleet.clock.now() + 300 * DAY), note: noteOf(repository, note) }
  }

  async function written({ repository = 'image', changes = NO_KEYS, by, note, change = raw => raw }: Brought) {
    const set = orThrow(
      await (repository === 'director' ? directorRoot(fleet.world) : openRepository(fleet.world, repository)),
    )
    const raw = orThrow(changedRoot(set.root.signed, changes, occasion(repository, note), crypto))
    return sealedBy(change(raw), by ?? [fleet.key(`${repository}-root`)])
  }

  async function close(brought: Brought): Promise<Rotated | Refusal> {
    const root = await written(brought)
    return closeCeremony(fleet.world, 'ann', brought.repository ?? 'image', { root, targets: null, bins: NO_BINS })
  }

  async function standing(): Promise<string> {
    const names = ['image', 'approval', 'director', 'director/harbour'].flatMap(repo =>
      ['root.json', '2.root.json', 'timestamp.json', 'snapshot.json', 'targets.json'].map(
        path => [repo, path] as const,
      ),
    )
    const files = await Promise.all(
      names.map(async ([repo, path]) => (await fleet.world.store.file(repo, path))?.toHex()),
    )
    return `${files.join('\n')}\n${(await fleet.entries()).length}`
  }

  const holders = (): KeyChanges => ({
    ...NO_KEYS,
    add: [
      { key: ana.key, owner: 'ana' },
      { key: bo.key, owner: 'bo' },
    ],
    threshold: 2,
  })

  const ROWS: readonly [name: string, code: string, brought: () => Brought][] = [
    ['attack: below the threshold of the new root', 'ceremony-signatures-missing', () => ({ changes: holders() })],
    [
      'attack: without the holders of the old root',
      'ceremony-signatures-missing',
      () => ({ changes: holders(), by: [ana, bo] }),
    ],
    [
      'attack: a signature in the name of another',
      'ceremony-altered',
      () => ({ changes: holders(), by: [fleet.key('image-root'), { ...bo, key: ana.key, sign: bo.sign.bind(bo) }] }),
    ],
    [
      'attack: closed after the deadline',
      'ceremony-over',
      () => ({ note: { deadline: instant(fleet.clock.now() - 1000) } }),
    ],
    ['attack: a rehearsal, signed by the real root key', 'ceremony-rehearsal', () => ({ note: { rehearsal: true } })],
    ['attack: a ceremony of another repository', 'ceremony-malformed', () => ({ note: { repository: 'approval' } })],
    [
      'a root that was signed at no ceremony',
      'ceremony-malformed',
      () => ({ change: raw => Object.fromEntries(Object.entries(raw).filter(([name]) => !name.startsWith('x-'))) }),
    ],
    ['a root that skips a version', 'ceremony-not-next', () => ({ change: raw => ({ ...raw, version: 3 }) })],
    [
      'an online key that the server does not hold',
      'online-key-missing',
      () => {
        const old = id(fleet.key('image-timestamp'))
        return { changes: { ...NO_KEYS, replace: [{ old, by: { key: bo.key, owner: null } }] } }
      },
    ],
  ]
  for (const [name, code, brought] of ROWS) {
    it(`${name}: ${code}, and nothing has changed`, async () => {
      const was = await standing()
      const answer = await close(brought())
      assert.ok(isRefusal(answer), 'refused')
      assert.equal(answer.code, code, `${answer.subject}: ${answer.expected}, ${answer.actual}`)
      assert.equal(await standing(), was)
    })
  }

  it('keeps a transcript: who signed what, what it changed, and each key that came or went', async () => {
    const by = [fleet.key('image-root'), ana, bo]
    assert.deepEqual(await close({ changes: holders(), by }), { version: 2, repositories: 1 })
    const [rotated, closed, ...keys] = (await fleet.entries()).slice(-4)
    assert.deepEqual([rotated?.kind, closed?.kind], ['root-rotated', 'ceremony-closed'])
    const { documents } = closed!.detail as unknown as { documents: { signers: { by: string; signed: unknown[] }[] }[] }
    assert.deepEqual(documents[0]?.signers[1]?.signed.length, 3, 'all that signed, also above the threshold')
    assert.deepEqual(
      new Set(keys.map(({ kind, detail }) => `${kind} ${detail.event} ${detail.id}`)),
      new Set([`key-event added ${id(ana)}`, `key-event added ${id(bo)}`]),
    )
  })

  it('a lost answer: the same documents again are answered as before, with a signature more too', async () => {
    const was = await standing()
    const bytes = (await fleet.world.store.file('image', 'root.json'))!
    const signed = JSON.parse(Buffer.from(bytes).toString()).signed as JsonObject
    for (const by of [[], [ana]]) {
      const root = await sealedBy(signed, by)
      const again = await closeCeremony(fleet.world, 'ann', 'image', { root, targets: null, bins: NO_BINS })
      assert.deepEqual(again, { version: 2, repositories: 1 })
    }
    assert.equal(await standing(), was)
  })

  it('attack: an old ceremony, replayed once another is in force', async () => {
    const first = (await fleet.world.store.file('image', 'root.json'))!
    const changes = { ...NO_KEYS, remove: [id(fleet.key('image-root'))] }
    orThrow(await close({ changes, by: [ana, bo] }))
    const was = await standing()
    const replayed = await closeCeremony(fleet.world, 'ann', 'image', { root: first, targets: null, bins: NO_BINS })
    assert.equal(isRefusal(replayed) && replayed.code, 'ceremony-not-next')
    assert.equal(await standing(), was)
    const thief = await close({ by: [fleet.key('image-root')] })
    assert.equal(isRefusal(thief) && thief.code, 'ceremony-altered', 'the key that went signs nothing any more')
  })

  it('a client that slept through two rotations follows, one by one', async () => {
    const set = orThrow(await fleet.refreshed(await fleet.client('image'))) as CurrentSet
    assert.equal(set.root.signed.version, 3)
  })

  it('delegations alone: the root stays', async () => {
    const set = orThrow(await openRepository(fleet.world, 'image'))
    const keys = { ...NO_KEYS, role: 'bms-line', add: [{ key: bo.key, owner: 'bo' }] }
    const delegate = { name: 'bms-line', paths: ['bms/*/*'], terminating: false }
    const changes = { delegate, undelegate: [], withdraw: [] }
    const raw = orThrow(changedTargets(set.targets!.signed, changes, keys, occasion('image'), crypto))
    const targets = await sealedBy(raw, [fleet.key('release')])
    orThrow(await closeCeremony(fleet.world, 'ann', 'image', { root: null, targets, bins: NO_BINS }))
    const after = orThrow(await fleet.refreshed(await fleet.client('image'))) as CurrentSet
    assert.deepEqual(
      after.targets.signed.delegations?.roles.map(({ name }) => name),
      ['bms-line'],
    )
    assert.deepEqual(
      orThrow(await closeCeremony(fleet.world, 'ann', 'image', { root: null, targets, bins: NO_BINS })),
      {
        version: 3,
        repositories: 1,
      },
    )
  })

  it('attack: a ceremony that is over, handed in as a publication', async () => {
    const set = orThrow(await openRepository(fleet.world, 'image'))
    const none = { delegate: null, undelegate: [], withdraw: [] }
    const over = occasion('image', { deadline: instant(fleet.clock.now() - 1000) })
    const raw = orThrow(changedTargets(set.targets!.signed, none, null, over, crypto))
    const targets = await sealedBy(raw, [fleet.key('release')])
    const was = await standing()
    const closed = await closeCeremony(fleet.world, 'ann', 'image', { root: null, targets, bins: NO_BINS })
    assert.equal(isRefusal(closed) && closed.code, 'ceremony-over')
    const published = await publishRelease(fleet.world, 'ann', { metadata: targets })
    assert.equal(isRefusal(published) && published.code, 'ceremony-as-publication')
    assert.equal(await standing(), was)
  })

  it('attack: bins of another ceremony beside a root, or beside targets', async () => {
    const set = orThrow(await openRepository(fleet.world, 'image'))
    const none = { delegate: null, undelegate: [], withdraw: [] }
    const raw = orThrow(changedTargets(set.targets!.signed, none, null, occasion('image'), crypto))
    const targets = await sealedBy(raw, [fleet.key('release')])
    const root = await written({})
    const other = writeTargets({ version: 1, expires: occasion('image').expires }, [])
    const noted = { ...other, [NOTE]: writeNote(noteOf('image', { name: 'another' })) }
    const bins = new Map([['bin-000', await sealedBy(noted, [fleet.key('release')])]])
    for (const files of [
      { root, targets: null, bins },
      { root: null, targets, bins },
    ]) {
      const answer = await closeCeremony(fleet.world, 'ann', 'image', files)
      assert.equal(isRefusal(answer) && `${answer.code}: ${answer.subject}`, 'ceremony-malformed: the next bin-000')
    }
  })

  it('attack: the director’s targets are not for people to sign', async () => {
    const set = orThrow(await fleet.refreshed(await fleet.client('director/harbour')))
    const none = { delegate: null, undelegate: [], withdraw: [] }
    const raw = orThrow(changedTargets(set.targets.signed, none, null, occasion('director'), crypto))
    const targets = await sealedBy(raw, [fleet.key('director-targets')])
    const answer = await closeCeremony(fleet.world, 'ann', 'director', { root: null, targets, bins: NO_BINS })
    assert.equal(isRefusal(answer) && answer.code, 'ceremony-malformed')
  })

  it('the director’s root goes to every site, and to those that come later', async () => {
    const spare = fleet.newKey('director-online')
    fleet.open([spare])
    const old = id(fleet.key('director-targets'))
    const changes = { ...NO_KEYS, replace: [{ old, by: { key: spare.key, owner: null } }] }
    assert.deepEqual(await close({ repository: 'director', changes }), { version: 2, repositories: 1 })
    await fleet.site('quay')
    for (const site of ['harbour', 'quay']) {
      const set = orThrow(await fleet.refreshed(await fleet.client(`director/${site}`))) as CurrentSet
      assert.deepEqual(set.root.signed.roles.targets.keyids, [id(spare)], site)
    }
  })
})
