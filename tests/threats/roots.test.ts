import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { nextRoot } from '../../src/core/trust/repository.ts'
import { directorRoot } from '../../src/flows/direct.ts'
import type { Signer } from '../../src/flows/ports.ts'
import { assigned } from '../../src/flows/relay.ts'
import { acceptRoot } from '../../src/flows/rotate.ts'
import { sealedBy } from '../worlds/quiet-fleet.ts'
import { Bench, running } from './bench.ts'
import { exchange, forge, type Loot, leave, order, roleOf, serve } from './thief.ts'

/** Stolen: keys of the director's root, which three people hold and of which two must sign. */
describe("theft of a root's keys", () => {
  let bench: Bench
  let holders: Signer[]
  beforeEach(async () => {
    bench = await Bench.make()
    holders = ['anna', 'bela', 'carl'].map(name => bench.fleet.newKey(name))
    const by = [bench.fleet.key('director-root'), ...holders]
    await exchange(bench, 'director', { root: roleOf(2, ...holders) }, { by })
    assert.equal(await bench.refresh(), 'taken')
  })
  afterEach(() => bench?.close())

  /** A root that gives every online role to the thief, signed by some of the holders. */
  async function coup(thief: Signer, by: readonly Signer[]): Promise<Uint8Array> {
    const { signed } = orThrow(await directorRoot(bench.fleet.world)).root
    const own = roleOf(1, thief)
    return sealedBy(
      orThrow(nextRoot(signed, { targets: own, snapshot: own, timestamp: own }, bench.soon(365), crypto)),
      by,
    )
  }

  const loot = (thief: Signer): Loot => ({ targets: [thief], snapshot: [thief], timestamp: [thief] })

  it('attack: one of three stolen root keys makes no root, at a gateway or at the server', async () => {
    const thief = bench.fleet.newKey('thief')
    const root = await coup(thief, [holders[0]!])
    serve(bench, { director: new Map([['3.root.json', root]]) })
    assert.equal(await bench.refresh(), 'metadata-below-threshold')
    const answer = await acceptRoot(bench.fleet.world, 'mallory', 'director', { root })
    assert.ok(isRefusal(answer) && answer.code === 'metadata-below-threshold')
  })

  it('attack: one stolen root key ends with a root that the holders who remain have signed', async () => {
    const [anna, bela, carl] = holders as [Signer, Signer, Signer]
    const dora = bench.fleet.newKey('dora')
    await exchange(bench, 'director', { root: roleOf(2, bela, carl, dora) }, { by: [bela, carl, dora] })
    assert.equal(await bench.refresh(), 'taken')
    const thief = bench.fleet.newKey('thief')
    // With the stolen key and one that is stolen later: it is not of the root any more.
    serve(bench, { director: new Map([['4.root.json', await coup(thief, [anna, bela])]]) })
    assert.equal(await bench.refresh(), 'metadata-below-threshold')
    leave(bench)
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.1.0')
  })

  it('the thief of enough root keys becomes that repository', async () => {
    const thief = bench.fleet.newKey('thief')
    const root = await coup(thief, holders.slice(0, 2))
    serve(bench, { director: new Map([['3.root.json', root], ...(await forge(bench, 'director', [], loot(thief)))]) })
    assert.equal(await bench.refresh(), 'taken')
    assert.deepEqual(await assigned(bench.site), [], 'withheld')
    leave(bench)
    assert.equal(await bench.refresh(), 'metadata-below-threshold', 'the honest director is nobody here')
  })

  it('attack: a stolen root does not become the other two', async () => {
    const thief = bench.fleet.newKey('thief')
    const root = await coup(thief, holders.slice(0, 2))
    const made = bench.releases['1.2.0']
    const files = await forge(bench, 'director', [order(made.targets[0], ['c0'])], loot(thief))
    serve(bench, { director: new Map([['3.root.json', root], ...files]), image: new Map([['2.root.json', root]]) })
    assert.equal(await bench.refresh(), 'metadata-below-threshold', 'as the root of the image repository')
    serve(bench, { director: new Map([['3.root.json', root], ...files]) })
    assert.equal(await bench.deliver(bench.controllers[0]!), 'assignment-not-planned')
    assert.equal(running(bench.controllers[0]!), '1.0.0')
  })

  it('attack: a stolen root ends with new roots that are brought to the site', async () => {
    const thief = bench.fleet.newKey('thief')
    const root = await coup(thief, holders.slice(0, 2))
    serve(bench, { director: new Map([['3.root.json', root], ...(await forge(bench, 'director', [], loot(thief)))]) })
    assert.equal(await bench.refresh(), 'taken')
    // A new director by other holders; the gateway is enrolled with its root, on an empty store.
    const fresh = ['xenia', 'yuri'].map(name => bench.fleet.newKey(name))
    await exchange(bench, 'director', { root: roleOf(2, ...fresh) }, { by: [...holders, ...fresh] })
    const brought = (await bench.fleet.world.store.file('director/quay', '3.root.json')) as Uint8Array
    const forgotten = [...(await bench.site.store.files('director')).keys()].map(path => ({ repo: 'director', path }))
    await bench.site.store.commit({ forgotten })
    bench.site = { ...bench.site, roots: { ...bench.site.roots, director: brought } }
    leave(bench)
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.1.0')
    serve(bench, { director: new Map([['4.root.json', await coup(thief, holders.slice(0, 2))]]) })
    assert.equal(await bench.refresh(), 'metadata-below-threshold')
  })
})
