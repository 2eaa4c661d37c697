import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import type { FullImages, LinkPolicy, SiteLink } from '../../src/core/campaign/link.ts'
import { canonicalJson, type Json } from '../../src/core/encoding/canonical-json.ts'
import { type Instant, millis } from '../../src/core/encoding/units.ts'
import { FROM_NOTHING } from '../../src/core/fleet/patch-rows.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import type { Assignment } from '../../src/core/trust/mapping.ts'
import { giveTurns } from '../../src/flows/coordinate.ts'
import { sayYes } from '../../src/flows/full-images.ts'
import { offerFor } from '../../src/flows/offer.ts'
import type { FleetLink } from '../../src/flows/ports.ts'
import { waitOf } from '../../src/flows/reason.ts'
import { assignmentOf, fetchPayloads, needing, takeOrders } from '../../src/flows/relay.ts'
import { payloadOf } from '../../src/flows/stage.ts'
import {
  downloads,
  giveUpPatch,
  linkWaits,
  needsOf,
  noteTaker,
  PATCH_PATIENCE,
  patchRefused,
  wayOf,
} from '../../src/flows/way.ts'
import { QUAY } from '../worlds/quay.ts'
import { type Gateway, gatewayOf } from '../worlds/site-world.ts'
import { started } from '../worlds/started.ts'
import { Died, Interruptor } from './interruption/interruptor.ts'
import { fill, type Place } from './relay-rows.ts'

const BYTES = new TextEncoder().encode('bytes of a patch, as the gateway sees them')
const SHA = nodeCrypto.sha256(BYTES).toHex()
const PATCH = { base: FROM_NOTHING, sha256: SHA, length: BYTES.length, memory: 20_000 }
const COMING = { base: FROM_NOTHING, coming: true } as const

/** A gateway with the order of bms-1 in force, for which the director names a patch; and what was fetched over its link. */
type On = {
  readonly gateway: Gateway
  readonly fetched: string[]
  readonly world: Gateway['site']
  /** Lets the counter that no clock moves go on. */
  readonly later: (millis: number) => void
  readonly yes: Set<string>
}

describe('how images come to a site', () => {
  let place: Place
  before(async () => {
    place = await started(QUAY, fill)
  })
  after(() => place?.world.stop())

  async function on(
    { patch, policy, spent = 0 }: { patch?: Assignment['patch']; policy?: LinkPolicy; spent?: number },
    work: (on: On) => Promise<void>,
  ): Promise<void> {
    const fetched: string[] = []
    const link = (honest: FleetLink): Partial<FleetLink> => ({
      blob: async (id, from) => {
        fetched.push(id.sha256)
        if (id.sha256 !== SHA) return honest.blob(id, from)
        return (async function* () {
          yield BYTES.subarray(from)
        })()
      },
    })
    const gateway = await gatewayOf(place.world, { link })
    const yes = new Set<string>()
    let ahead = 0
    const allowed = (): ReadonlyMap<string, Instant> => new Map([...yes].map(sha256 => [sha256, 0 as Instant]))
    const world: Gateway['site'] = {
      ...gateway.site,
      steady: () => millis(performance.now() + ahead),
      ...(policy === undefined
        ? {}
        : { link: { policy, spent, allowed, allow: ({ sha256 }) => void yes.add(sha256) } satisfies SiteLink }),
    }
    try {
      assert.equal(await takeOrders(world), null)
      const agreed = JSON.parse(new TextDecoder().decode((await gateway.store.assignments()) as Uint8Array)) as object[]
      const changed = agreed.map(one => (patch === undefined ? one : { ...one, patch }))
      await gateway.store.commit({ assignments: canonicalJson(changed as unknown as Json) })
      fetched.length = 0
      await work({
        gateway,
        fetched,
        world,
        yes,
        later: by => {
          ahead += by
        },
      })
    } finally {
      gateway.close()
    }
  }

  const payload = async ({ world }: On): Promise<string> => (await assignmentOf(world, 'bms-1'))!.payload.sha256
  const kindOf = async ({ world }: On) => {
    const offer = await offerFor(world, 'bms-1')
    if (offer === null || isRefusal(offer)) return offer === null ? 'nothing' : offer.code
    return offer.patch === undefined ? 'whole' : 'patch'
  }

  it('as a patch, to a controller that applies them: fetched alone, offered, and given to nobody else', async () => {
    await on({ patch: PATCH, policy: { fullImages: 'never' } }, async here => {
      const { world, fetched } = here
      await noteTaker(world, 'bms-1', 20_000)
      assert.equal(await fetchPayloads(world), null)
      assert.deepEqual(fetched, [SHA], 'the patch, and not the image')
      assert.equal(await kindOf(here), 'patch')
      assert.deepEqual(await payloadOf(world, 'bms-1', SHA), { sha256: SHA, length: BYTES.length })
      for (const [id, memory] of [
        ['bms-2', 20_000],
        ['bms-1', 19_999],
      ] as const) {
        await noteTaker(world, id, memory)
        const given = await payloadOf(world, id, SHA)
        assert.ok(isRefusal(given) && given.code === 'not-found', `${id} with ${memory}`)
      }
    })
  })

  it('whole, to a controller that does not say that it applies patches', async () => {
    await on({ patch: PATCH }, async here => {
      assert.equal(await fetchPayloads(here.world), null)
      assert.deepEqual(here.fetched, [await payload(here)])
      assert.equal(await kindOf(here), 'whole')
    })
  })

  it('what a controller says of its memory outlives the process', async () => {
    await on({ patch: PATCH }, async here => {
      await noteTaker(here.world, 'bms-1', 20_000)
      const again = { ...here.world }
      assert.equal((await wayOf(again, (await assignmentOf(again, 'bms-1'))!)).at, 'patch')
      await noteTaker(again, 'bms-1', null)
      assert.equal((await wayOf(again, (await assignmentOf(again, 'bms-1'))!)).at, 'full')
    })
  })

  for (const fullImages of ['ask', 'never'] as const satisfies readonly FullImages[]) {
    it(`attack: nothing of a full image is fetched before the policy says so: ${fullImages}`, async () => {
      await on({ policy: { fullImages } }, async here => {
        const { world, fetched, yes } = here
        const image = await payload(here)
        assert.equal(await fetchPayloads(world), null)
        assert.equal(await kindOf(here), 'nothing')
        assert.deepEqual(fetched, [], 'neither by itself, nor because a controller asks')
        await giveTurns(world)
        assert.deepEqual([waitOf(world, 'bms-1')?.rule, waitOf(world, 'bms-1')?.about], ['link', fullImages])
        const told = (await here.gateway.entries()).find(({ kind }) => kind === 'activation-withheld')
        assert.deepEqual([told?.controller, told?.detail.rule, told?.detail.about], ['bms-1', 'link', fullImages])
        assert.deepEqual(await linkWaits(world, []), [], 'whoever has its image waits no more, at once')
        yes.add(image)
        assert.equal(await fetchPayloads(world), null)
        assert.deepEqual(fetched, fullImages === 'ask' ? [image] : [])
        assert.equal(await kindOf(here), fullImages === 'ask' ? 'whole' : 'nothing')
      })
    })
  }

  it('a yes by somebody on the page is for who waits, by a pseudonym; and there is none where never is the rule', async () => {
    for (const [policy, code] of [
      [{ fullImages: 'ask' }, undefined],
      [{ fullImages: 'never' }, 'full-images-never'],
      [{ fullImages: 'allow' }, 'full-image-not-waited-for'],
    ] as const) {
      await on({ policy }, async here => {
        const said = await sayYes(here.world, 'bms-1', 'person:aa')
        assert.equal(isRefusal(said) ? said.code : undefined, code)
        assert.deepEqual([...here.yes], code === undefined ? [await payload(here)] : [])
        const other = await sayYes(here.world, 'bms-2', 'person:aa')
        assert.equal(isRefusal(other) && other.code, 'full-image-not-waited-for')
      })
    }
  })

  it('attack: a month that is spent brings no full image without a person, and patches all the same', async () => {
    const policy: LinkPolicy = { fullImages: 'allow', monthlyBytes: 50_000 }
    await on({ policy, spent: 20_000 }, async here => {
      assert.equal(await fetchPayloads(here.world), null)
      assert.deepEqual(here.fetched, [])
      here.yes.add(await payload(here))
      assert.equal(await fetchPayloads(here.world), null)
      assert.equal(here.fetched.length, 1)
    })
    await on({ policy, spent: 60_000, patch: PATCH }, async here => {
      await noteTaker(here.world, 'bms-1', 20_000)
      assert.equal(await fetchPayloads(here.world), null)
      assert.deepEqual(here.fetched, [SHA])
    })
  })

  it('a patch that a controller refuses is told in the log, never silently, and the policy decides what follows', async () => {
    await on({ patch: PATCH, policy: { fullImages: 'ask' } }, async here => {
      const { world, gateway, fetched } = here
      await noteTaker(world, 'bms-1', 20_000)
      assert.equal(await fetchPayloads(world), null)
      const assignment = (await assignmentOf(world, 'bms-1'))!
      const said = { assignment: assignment.id, sha256: SHA, code: 'patch-base-differs' }
      for (const [wrong, code] of [
        [{ ...said, code: 'no-such-code' }, 'request-malformed'],
        [{ ...said, sha256: assignment.payload.sha256 }, 'not-found'],
        [{ ...said, assignment: 'another' }, 'not-found'],
      ] as const) {
        const refusal = await patchRefused(world, assignment, wrong)
        assert.equal(refusal?.code, code)
      }
      assert.equal(await patchRefused(world, assignment, said), null)
      const told = (await gateway.entries()).filter(({ kind }) => kind === 'patch-refused')
      assert.deepEqual(
        told.map(({ controller, code, detail }) => [controller, code, detail.sha256, detail.by]),
        [['bms-1', 'patch-base-differs', SHA, 'controller']],
      )
      assert.equal(await kindOf(here), 'nothing', 'the full image needs a yes')
      assert.equal(await fetchPayloads(world), null)
      assert.deepEqual(fetched, [SHA])
      here.yes.add(assignment.payload.sha256)
      assert.equal(await fetchPayloads(world), null)
      assert.equal(await kindOf(here), 'whole')
    })
  })

  it('a patch that was refused stays refused when the gateway starts anew, and power that fails meanwhile tells of it once', async () => {
    for (const mode of ['lost', 'unanswered'] as const) {
      await on({ patch: PATCH }, async here => {
        const { world, gateway } = here
        await noteTaker(world, 'bms-1', 20_000)
        const assignment = (await assignmentOf(world, 'bms-1'))!
        const said = { assignment: assignment.id, sha256: SHA, code: 'patch-altered' }
        const power = new Interruptor(1, mode)
        const cut = { ...world, store: power.store(world.store) }
        await assert.rejects(patchRefused(cut, assignment, said), Died)
        // Whoever starts anew knows what the store has.
        const again = { ...world }
        const way = await wayOf(again, assignment)
        assert.equal(way.at, mode === 'lost' ? 'patch' : 'full', mode)
        const refusal = await patchRefused(again, assignment, said)
        assert.equal(refusal?.code, mode === 'lost' ? undefined : 'not-found', mode)
        assert.equal((await wayOf({ ...world }, assignment)).at, 'full')
        assert.equal((await gateway.entries()).filter(({ kind }) => kind === 'patch-refused').length, 1, mode)
      })
    }
  })

  it('a patch that was refused is forgotten with its assignment, and with the offer of it', async () => {
    await on({ patch: PATCH }, async here => {
      const { world } = here
      await noteTaker(world, 'bms-1', 20_000)
      const assignment = (await assignmentOf(world, 'bms-1'))!
      const rows = async () =>
        [...(await world.store.files('patches-refused'))].map(([id, bytes]) => [id, String.fromCharCode(...bytes)])
      const said = { by: 'controller', code: 'patch-altered' } as const
      await giveUpPatch(world, assignment, PATCH, said)
      // The fleet has made another one meanwhile.
      const other = { ...PATCH, sha256: 'ab'.repeat(32) }
      const next = { ...assignment, patch: other }
      assert.deepEqual(await wayOf(world, next), { at: 'patch', patch: other })
      await giveUpPatch(world, next, other, said)
      assert.deepEqual(await rows(), [['bms-1', `{"assignment":"${assignment.id}","refused":["${other.sha256}"]}`]])
      assert.equal((await wayOf(world, next)).at, 'full')
      // Other work: by its name, before anything was cleared.
      const fresh = { ...next, id: `${assignment.id}1` }
      assert.equal((await wayOf(world, fresh)).at, 'patch')
      assert.equal(await takeOrders(world), null)
      assert.equal((await rows()).length, 1, 'the same order')
      await giveUpPatch(world, fresh, other, said)
      assert.equal(await takeOrders(world), null)
      assert.deepEqual(await rows(), [], 'of an order that there is none of')
    })
  })

  it('attack: what is kept of refused patches is damaged: they are offered once more', async () => {
    await on({ patch: PATCH }, async ({ world }) => {
      await noteTaker(world, 'bms-1', 20_000)
      const assignment = (await assignmentOf(world, 'bms-1'))!
      await giveUpPatch(world, assignment, PATCH, { by: 'controller', code: 'patch-altered' })
      for (const text of ['', '{', '{"assignment":7}', '\xff', `{"assignment":"${assignment.id}","refused":"all"}`]) {
        const bytes = Uint8Array.from(text, letter => letter.charCodeAt(0))
        await world.store.commit({ files: [{ repo: 'patches-refused', path: 'bms-1', bytes }] })
        assert.equal((await wayOf(world, assignment)).at, 'patch', text)
      }
      await giveUpPatch(world, assignment, PATCH, { by: 'controller', code: 'patch-altered' })
      assert.equal((await wayOf(world, assignment)).at, 'full')
    })
  })

  it('waits for a patch that is being made, and no longer than it should', async () => {
    await on({ patch: COMING }, async here => {
      const { world, fetched, later } = here
      await noteTaker(world, 'bms-1', 20_000)
      for (const wait of [0, PATCH_PATIENCE - 60_000]) {
        later(wait)
        assert.equal(await fetchPayloads(world), null)
        assert.equal(await kindOf(here), 'nothing')
      }
      await giveTurns(world)
      assert.deepEqual([waitOf(world, 'bms-1')?.rule, waitOf(world, 'bms-1')?.about], ['link', 'patch'])
      later(61_000)
      assert.equal(await fetchPayloads(world), null)
      assert.deepEqual(fetched, [await payload(here)])
    })
  })

  it('says how long what is on its way takes, by the link’s rate, one behind the other', async () => {
    await on({ policy: { fullImages: 'allow', bitsPerSecond: 300, dutyCycle: 0.1 } }, async ({ world }) => {
      const [one, ...more] = await downloads(world, await needsOf(world, await needing(world)))
      assert.equal(more.length, 0)
      assert.deepEqual([one?.what, one?.here, one?.controllers], ['image', 0, ['bms-1']])
      assert.equal(one?.forecast?.millis, Math.ceil((place.bytes * 8 * 1000) / 30))
      await giveTurns(world)
      assert.match(
        waitOf(world, 'bms-1')?.sentence ?? '',
        /^bms-1 waits: its image comes over the link, 39\.1 KiB in about 2 h/,
      )
    })
  })
})
