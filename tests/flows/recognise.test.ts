import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { openFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { openGatewayStore } from '../../src/adapters/store-sqlite/gateway.ts'
import { canonicalJson } from '../../src/core/encoding/canonical-json.ts'
import { instant } from '../../src/core/encoding/units.ts'
import type { Transition } from '../../src/core/firmware/release-facts.ts'
import { authorManifest } from '../../src/core/firmware/suit-author.ts'
import { parseEntry } from '../../src/core/ledger/entry.ts'
import { firstHead } from '../../src/core/ledger/site-chain.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { openSiteManifest, sealSiteManifest, writeSiteManifest } from '../../src/core/trust/site-manifest.ts'
import type { FleetWorld, SiteRow, SiteWorld } from '../../src/flows/ports.ts'
import { keepAdded, recognisedAt } from '../../src/flows/recognise.ts'
import { newRoots, rootsAt, sawRoot, trustedRoots } from '../../src/flows/tell.ts'
import { FACTS, anchorOf as known, sealed, type TestKey, testKey } from '../core/firmware/signing.ts'
import { SimulatedRepository } from '../core/trust/simulated-repository.ts'

const folder = mkdtempSync(join(tmpdir(), 'voltseal-keys-'))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('the keys that a gateway takes', () => {
  const [a, b, x] = [testKey(1), testKey(2), testKey(9)] as const
  const add = ({ kid, key }: TestKey): Transition => ({ kind: 'add', kid, alg: key.alg, spki: key.spki.toHex() })
  const facts = (key: TestKey) => ({ ...FACTS, transition: add(key) })
  const envelope = (key: TestKey, by: TestKey): Uint8Array => sealed(authorManifest(facts(key)), by)
  let files = 0
  const open = (file = join(folder, `${++files}.sqlite`)) => {
    const store = orThrow(openGatewayStore(file))
    return { file, store, world: { store, crypto: nodeCrypto, anchors: [known(a)] } as unknown as SiteWorld }
  }
  const kids = async (world: SiteWorld): Promise<string[]> => (await recognisedAt(world)).map(({ kid }) => kid)

  it('are those of its enrolment, and what the releases that it verified have added; also after a start', async () => {
    const { file, store, world } = open()
    assert.deepEqual(await kids(world), [a.kid])
    await keepAdded(world, envelope(b, a), facts(b))
    assert.deepEqual(await kids(world), [a.kid, b.kid])
    store.close()
    const again = open(file)
    assert.deepEqual(await kids(again.world), [a.kid, b.kid])
    again.store.close()
  })

  it('attack: a key that was written into its store, or an envelope that nobody before it signed', async () => {
    for (const bytes of [envelope(x, x), envelope(b, a).map((byte, at) => (at === 99 ? byte ^ 1 : byte))]) {
      const { store, world } = open()
      await store.commit({ files: [{ repo: 'anchors', path: `${x.kid}.suit`, bytes }] })
      assert.deepEqual(await kids(world), [a.kid])
      store.close()
    }
  })

  it('are written down once', async () => {
    const { store, world } = open()
    await keepAdded(world, envelope(b, a), facts(b))
    const first = await recognisedAt(world)
    await keepAdded(world, envelope(b, a), facts(b))
    assert.equal(await recognisedAt(world), first, 'nothing was written: nothing is read again')
    store.close()
  })
})

describe('the roots that a gateway says it trusts', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const gatewayKey = new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' }))
  const row: SiteRow = { id: 'quay', site: new Uint8Array(), gatewayKey, upstream: 0, head: firstHead() }
  const roots = { image: 2, approval: 1, director: 3 }
  const manifest = (what: Partial<typeof roots> | undefined): Uint8Array => {
    const said = what === undefined ? {} : { roots: what as typeof roots }
    const zeros = '00'.repeat(32)
    const ends = { batch: zeros, before: zeros, head: zeros }
    const body = { site: 'quay', sequence: 1, at: instant(5), ...ends, reports: [], ...said }
    const signed = writeSiteManifest(body)
    return sealSiteManifest(signed, new Uint8Array(sign('sha256', canonicalJson(signed), pair.privateKey)))
  }
  const opened = (bytes: Uint8Array) =>
    openSiteManifest(bytes, { site: 'quay', key: { alg: 'ecdsa-p256', spki: gatewayKey } }, 0, nodeCrypto)

  it('are those of its store; a newer one is told as an event, once', async () => {
    const repository = SimulatedRepository.with([])
    const root = repository.files.get('1.root.json') as Uint8Array
    const store = orThrow(openGatewayStore(join(folder, 'roots.sqlite')))
    const site = { site: 'quay' }
    const clock = { now: () => instant(5), quality: 'simulated' }
    const all = { image: root, approval: root, director: root }
    const signer = { key: { alg: 'ecdsa-p256', spki: gatewayKey } }
    const world = { site, store, crypto: nodeCrypto, clock, signer, roots: all } as unknown as SiteWorld
    assert.deepEqual(await trustedRoots(world), { image: 1, approval: 1, director: 1 })
    for (const version of [1, 2, 2]) await sawRoot(world, 'image', version)
    assert.deepEqual(await trustedRoots(world), { image: 2, approval: 1, director: 1 })
    const told = (await store.outbox(10)).map(({ bytes }) => orThrow(parseEntry(bytes, 'an entry')))
    assert.deepEqual(
      told.map(({ kind, detail }) => [kind, detail]),
      [['key-event', { repository: 'image', root: 2 }]],
    )
    store.close()
  })

  it('are in its signed manifest; one that says less or more is none', () => {
    assert.deepEqual(orThrow(opened(manifest(roots))).roots, roots)
    assert.equal(orThrow(opened(manifest(undefined))).roots, undefined)
    for (const wrong of [{ image: 1 }, { ...roots, image: 0 }, { ...roots, fourth: 1 }]) {
      const read = opened(manifest(wrong))
      assert.ok(isRefusal(read) && read.code === 'site-manifest-malformed')
    }
  })

  it('are kept as they were signed, when they are new', async () => {
    const store = orThrow(openFleetStore(join(folder, 'fleet.sqlite')))
    const world = { store, crypto: nodeCrypto } as unknown as FleetWorld
    const take = async (what: typeof roots | undefined): Promise<number> => {
      const bytes = manifest(what)
      const files = await newRoots(world, row, orThrow(opened(bytes)), bytes)
      await store.commit({ files })
      return files.length
    }
    assert.equal(await rootsAt(world, row), null, 'never said')
    assert.deepEqual([await take(undefined), await take(roots), await take(roots)], [0, 1, 0])
    assert.deepEqual(await rootsAt(world, row), roots)
    assert.equal(await take({ ...roots, image: 3 }), 1)
    assert.equal((await rootsAt(world, row))?.image, 3)
    // A gateway that was set back from a backup says so, and it is believed: somebody has to look.
    assert.equal(await take(roots), 1)
    assert.equal((await rootsAt(world, row))?.image, 2)
    store.close()
  })

  it('attack: a manifest that was changed in the store says nothing', async () => {
    const store = orThrow(openFleetStore(join(folder, 'changed.sqlite')))
    const world = { store, crypto: nodeCrypto } as unknown as FleetWorld
    const text = new TextDecoder().decode(manifest(roots)).replace('"image":2', '"image":9')
    const bytes = new TextEncoder().encode(text)
    await store.commit({ files: [{ repo: 'manifest/quay', path: 'manifest.json', bytes }] })
    assert.equal(await rootsAt(world, row), null)
    store.close()
  })
})
