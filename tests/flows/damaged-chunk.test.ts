import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isRefusal, type Refusal } from '../../src/core/refusal/refusal.ts'
import type { SiteWorld } from '../../src/flows/ports.ts'
import { refreshSite } from '../../src/flows/relay.ts'
import { Bench, type Run } from './interruption/bench.ts'
import { Interruptor } from './interruption/interruptor.ts'
import { approveAndStart, publishAndPlan } from './interruption/people.ts'

/** The chunks of a release are 4 KiB unless told; the pieces of the line are shorter, and do not fit into them. */
const CHUNK = 4096
const PIECE = 1500
const IMAGE = 3 * CHUNK + 300

/** What becomes of a byte of the payload in the n-th transfer of it, counted from 1; null: it comes as it is. */
type Spoil = (transfer: number) => number | null

describe('a payload that is damaged on its way to the gateway', () => {
  let bench: Bench
  before(async () => {
    bench = await Bench.make(IMAGE)
  })
  after(() => bench.stop())

  type Seen = { run: Run; world: SiteWorld; froms: number[] }

  async function withLine(spoil: Spoil, cut: number, work: (seen: Seen) => Promise<void>): Promise<void> {
    const run = bench.copy(new Interruptor(0, 'lost'), new Interruptor(0, 'lost'))
    try {
      await publishAndPlan(run)
      await approveAndStart(run)
      const { sha256 } = run.bench.release[1]!.target
      const honest = run.gateway.fleet
      const froms: number[] = []
      const blob: typeof honest.blob = async (id, from) => {
        const body = await honest.blob(id, from)
        if (isRefusal(body) || id.sha256 !== sha256) return body
        froms.push(from)
        const end = froms.length === 1 ? cut : IMAGE
        return line(body, from, spoil(froms.length), end)
      }
      const fleet = { ...bound(honest), blob }
      await work({ run, world: { ...run.gateway, fleet }, froms })
    } finally {
      run.close()
    }
  }

  it('is noticed at the chunk, and comes again from there', async () => {
    for (let at = 0; at < IMAGE; at += 1001) {
      await withLine(
        transfer => (transfer === 1 ? at : null),
        IMAGE,
        async ({ run, world, froms }) => {
          assert.equal(await refreshSite(world), null, `byte ${at}`)
          assert.deepEqual(froms, [0, at - (at % CHUNK)], `byte ${at}`)
          assert.equal(await run.gateway.blobs.verify(run.bench.release[1]!.target), null)
        },
      )
    }
  })

  it('attack: one that keeps coming damaged is refused by the name of its source, and nothing of it is kept', async () => {
    await withLine(
      () => CHUNK + 7,
      IMAGE,
      async ({ run, world, froms }) => {
        const { target } = run.bench.release[1]!
        for (const round of [1, 2]) {
          const refusal = (await refreshSite(world)) as Refusal
          assert.equal(refusal.code, 'blob-digest-mismatch')
          assert.equal(refusal.subject, `blob ${target.sha256} from the fleet server`)
          assert.equal(await world.blobs.has(target), false)
          const kept = await world.blobs.partial(target)
          assert.ok(kept >= CHUNK && kept < 2 * CHUNK, `round ${round}: ${kept} bytes`)
        }
        assert.deepEqual(froms.slice(0, 3), [0, CHUNK, CHUNK])
      },
    )
  })

  it('is noticed when the line broke inside the chunk, and the damage came before', async () => {
    await withLine(
      transfer => (transfer === 1 ? CHUNK + 7 : null),
      CHUNK + 2 * PIECE,
      async ({ world, froms }) => {
        const first = (await refreshSite(world)) as Refusal
        assert.equal(first.code, 'download-truncated')
        const broke = await world.blobs.partial(bench.release[1]!.target)
        assert.equal(broke, CHUNK + 2 * PIECE)
        assert.equal(await refreshSite(world), null)
        assert.deepEqual(froms, [0, broke, CHUNK])
      },
    )
  })
})

/** A link whose calls keep their object: its parts may be replaced. */
const bound = (link: SiteWorld['fleet']): SiteWorld['fleet'] => ({
  checkIn: (tag, director) => link.checkIn(tag, director),
  file: (repo, path, max) => link.file(repo, path, max),
  blob: (id, from) => link.blob(id, from),
  send: (items, manifest) => link.send(items, manifest),
  showPlant: view => link.showPlant(view),
  upstream: () => link.upstream(),
})

/** Passes bytes on in pieces, to `end`, and flips a bit of the one at `spoilt`, counted from the start of the file. */
async function* line(
  body: AsyncIterable<Uint8Array>,
  from: number,
  spoilt: number | null,
  end: number,
): AsyncGenerator<Uint8Array> {
  let at = from
  for await (const bytes of body) {
    for (let index = 0; index < bytes.length; index += PIECE) {
      const piece = bytes.slice(index, Math.min(index + PIECE, bytes.length, index + end - at))
      if (spoilt !== null && spoilt >= at && spoilt < at + piece.length) piece[spoilt - at]! ^= 1
      if (piece.length > 0) yield piece
      at += piece.length
      if (at >= end) return
    }
  }
}
