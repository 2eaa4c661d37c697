import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import type { FileRef } from '../../src/core/trust/image-target.ts'
import { offerFor } from '../../src/flows/offer.ts'
import type { FleetLink } from '../../src/flows/ports.ts'
import { refreshSite } from '../../src/flows/relay.ts'
import { payloadOf } from '../../src/flows/stage.ts'
import { judge, type Row } from '../bad-input/rows.ts'
import { FlakyLine } from '../worlds/flaky-line.ts'
import { fullDisk } from '../worlds/full-disk.ts'
import { fleetUrl } from '../worlds/people.ts'
import { QUAY } from '../worlds/quay.ts'
import { type Gateway, gatewayOf, type Wiring } from '../worlds/site-world.ts'
import { started } from '../worlds/started.ts'
import { agreed, fill, flipped, nothingOffered, type Place, ROWS } from './relay-rows.ts'

describe('what a gateway takes from the fleet server', () => {
  let place: Place
  before(async () => {
    place = await started(QUAY, fill)
  })
  after(() => place?.world.stop())

  const withGateway = async (wiring: Wiring, work: (gateway: Gateway) => Promise<void>): Promise<void> => {
    const gateway = await gatewayOf(place.world, wiring)
    try {
      await work(gateway)
    } finally {
      gateway.close()
    }
  }

  for (const row of ROWS) {
    it(`${row.name}: ${row.code}`, async () => judge(row, await row.meet(place)))
  }

  it('an honest fleet server: the canary is assigned, and each blob comes once', async () => {
    const asked: string[] = []
    const link = (honest: FleetLink): Partial<FleetLink> => ({
      blob: (id, from) => {
        asked.push(id.sha256)
        return honest.blob(id, from)
      },
    })
    await withGateway({ link }, async gateway => {
      assert.equal(await refreshSite(gateway.site), null)
      assert.equal(await refreshSite(gateway.site), null)
      const [one, ...more] = await agreed(gateway)
      assert.deepEqual([one?.controller, one?.campaign, more.length], ['bms-1', 'spring', 0])
      assert.equal(new Set(asked).size, asked.length, 'once each')
      assert.equal(asked.length, 3, 'the plan, the envelope, the payload')
      const offer = await offerFor(gateway.site, 'bms-1')
      assert.ok(offer !== null && !isRefusal(offer))
      assert.equal(offer.activate, false)
      assert.equal(await offerFor(gateway.site, 'bms-2'), null)
      const kinds = (await gateway.entries()).map(({ kind }) => kind)
      const fetched = 'download-finished'
      assert.deepEqual(kinds, [fetched, fetched, 'assignment-verified', fetched])
    })
  })

  it('attack: a controller that asks for the payload of another, or by another name', async () => {
    await withGateway({}, async gateway => {
      assert.equal(await refreshSite(gateway.site), null)
      const { sha256 } = (await agreed(gateway))[0]!.payload
      const begun = async () => (await gateway.entries()).filter(({ kind }) => kind === 'stage-begun')
      assert.equal((await begun()).length, 0)
      for (const _ of ['first', 'again']) {
        assert.deepEqual(await payloadOf(gateway.site, 'bms-1', sha256), { sha256, length: place.bytes })
        const said = (await begun()).map(({ controller, campaign, detail }) => [controller, campaign, detail.sha256])
        assert.deepEqual(said, [['bms-1', 'spring', sha256]], 'that it begins to fetch is told once')
      }
      for (const [id, name] of [
        ['bms-2', sha256],
        ['bms-9', sha256],
        ['bms-1', place.other.sha256],
        ['bms-1', '../../gateway.sqlite'],
        ['bms-1', `../${sha256.slice(0, 2)}/${sha256}`],
      ] as const) {
        const refusal = await payloadOf(gateway.site, id, name)
        assert.ok(isRefusal(refusal) && refusal.code === 'not-found', `${id} ${name}`)
      }
    })
  })

  it('attack: a cached blob that is changed on the disk is set aside, recorded, and comes again', async () => {
    await withGateway({}, async gateway => {
      assert.equal(await refreshSite(gateway.site), null)
      const { sha256 } = (await agreed(gateway))[0]!.payload
      const path = join(gateway.cache, sha256.slice(0, 2), sha256)
      const good = readFileSync(path)
      writeFileSync(path, flipped(good))
      const offers = await Promise.all([1, 2, 3].map(() => offerFor(gateway.site, 'bms-1')))
      for (const offer of offers) assert.ok(offer !== null && !isRefusal(offer), JSON.stringify(offer))
      assert.ok(readFileSync(path).equals(good), 'the bytes that were signed for')
      assert.deepEqual(readdirSync(join(gateway.cache, 'quarantine')), [sha256], 'kept for an investigator')
      const found = (await gateway.entries()).filter(({ kind }) => kind === 'blob-quarantined')
      assert.deepEqual(
        found.map(({ code, controller, campaign }) => [code, controller, campaign]),
        [['blob-digest-mismatch', 'bms-1', 'spring']],
        'once, though three asked',
      )
    })
  })

  it('a cached envelope that is changed, and a payload that is gone, come again', async () => {
    await withGateway({}, async gateway => {
      assert.equal(await refreshSite(gateway.site), null)
      const { payload, envelope } = (await agreed(gateway))[0]!
      const at = ({ sha256 }: FileRef): string => join(gateway.cache, sha256.slice(0, 2), sha256)
      writeFileSync(at(envelope), flipped(readFileSync(at(envelope))))
      rmSync(at(payload))
      const offer = await offerFor(gateway.site, 'bms-1')
      assert.ok(offer !== null && !isRefusal(offer))
      assert.equal(statSync(at(payload)).size, payload.length)
    })
  })

  it('a truncated download: download-truncated, kept, gone on with at the byte where it broke', async () => {
    const line = await FlakyLine.to(place.world.host, 8443, 8450)
    const froms: number[] = []
    const link = (honest: FleetLink): Partial<FleetLink> => ({
      blob: (id, from) => {
        if (id.length === place.bytes) froms.push(from)
        return honest.blob(id, from)
      },
    })
    try {
      await withGateway({ url: fleetUrl(place.world).replace('8443', '8450'), link }, async gateway => {
        // The metadata and the small blobs first, over a line that holds; then one that breaks inside the payload.
        const honest = gateway.site.fleet.blob
        let broken = 0
        const fleet: FleetLink = {
          ...gateway.site.fleet,
          blob: async (id, from) => {
            if (id.length === place.bytes && broken === 0) {
              broken += 1
              line.cutAfter(25_000)
            }
            return honest(id, from)
          },
        }
        const refusal = await refreshSite({ ...gateway.site, fleet })
        assert.ok(isRefusal(refusal))
        const row: Row<null> = {
          name: '',
          code: 'download-truncated',
          exit: 75,
          subject: /^blob [0-9a-f]{64}$/,
          expected: /^40000 bytes$/,
          actual: /^\d+ bytes$/,
          meet: async () => refusal,
        }
        judge(row, refusal)
        const part = join(gateway.cache, 'part')
        const [name] = readdirSync(part)
        const kept = statSync(join(part, name!)).size
        assert.equal(`${kept} bytes`, refusal.actual)
        assert.ok(kept > 0 && kept < place.bytes)
        assert.deepEqual(
          (await gateway.entries()).filter(({ kind }) => kind === 'assignment-refused'),
          [],
          'no event',
        )
        line.heal()
        assert.equal(await refreshSite(gateway.site), null)
        assert.deepEqual(froms, [0, kept], 'no byte twice')
        assert.equal((await agreed(gateway)).length, 1)
      })
    } finally {
      await line.close()
    }
  })

  it('disk full while caching: no-space, nothing offered, and on as soon as there is room', async test => {
    const folder = place.world.at('small-disk')
    mkdirSync(folder)
    const disk = fullDisk(folder, 32, place.bytes)
    test.diagnostic(`a disk that is full: ${disk.how}`)
    try {
      await withGateway({ cache: disk.cache }, async gateway => {
        const refusal = await refreshSite(disk.filling(gateway.site))
        assert.ok(isRefusal(refusal))
        const met: Row<null> = {
          name: '',
          code: 'no-space',
          exit: 74,
          subject: /part\/[0-9a-f]{64}$/,
          expected: /^room for the file$/,
          actual: /^ENOSPC$/,
          meet: async () => refusal,
        }
        judge(met, refusal)
        await nothingOffered(disk.filling(gateway.site))
        assert.deepEqual(
          (await gateway.entries()).filter(({ kind }) => kind === 'assignment-refused'),
          [],
        )
        const sha256 = refusal.subject.slice(-64)
        assert.ok(!existsSync(join(disk.cache, sha256.slice(0, 2), sha256)), 'no name for what is not whole')
        disk.makeRoom()
        assert.equal(await refreshSite(gateway.site), null)
        assert.equal((await agreed(gateway)).length, 1)
      })
    } finally {
      disk.remove()
    }
  })
})
