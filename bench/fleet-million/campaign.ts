import { SitesKept } from '../../src/apps/fleet/dry-runs.ts'
import type { Draft } from '../../src/core/campaign/draft.ts'
import { previewSites } from '../../src/core/campaign/preview.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import { canonicalJson } from '../../src/core/encoding/canonical-json.ts'
import type { ReleaseFacts } from '../../src/core/firmware/release-facts.ts'
import type { SentItem } from '../../src/core/ledger/own-log-rows.ts'
import { headBehind } from '../../src/core/ledger/site-chain.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { type Report, reportBytes, sealReport } from '../../src/core/trust/report.ts'
import { batchDigest, sealSiteManifest, writeSiteManifest } from '../../src/core/trust/site-manifest.ts'
import { Advance, command, tick } from '../../src/flows/campaign.ts'
import { openCampaign } from '../../src/flows/opened.ts'
import { createCampaign } from '../../src/flows/plan.ts'
import { publishedReleases } from '../../src/flows/publish.ts'
import { acceptUpstream } from '../../src/flows/report.ts'
import { usualPlan } from '../../tests/worlds/asked.ts'
import { median } from '../figure.ts'
import { controllerName, PER_SITE, reportOf, siteName } from './drawn.ts'
import type { SharedKey } from './keys.ts'
import { type Measured, spent } from './measured.ts'
import type { MillionWorld } from './world.ts'

const ID = 'million'
/** Controllers that the fleet lets restart at once, and that report between two ticks. */
const AT_ONCE = 1000
const ROUNDS = 5
/** Sites of a page of a dry run. */
const PAGE = 200
const MINUTE = 60_000

/** Plans a campaign of every controller, and lets it run for a few rounds in which a thousand controllers come through. */
export async function* measureCampaign(
  made: MillionWorld,
  sites: number,
  key: SharedKey,
  say: (progress: string) => void,
): AsyncGenerator<Measured> {
  const { world, clock, releases } = made
  const budgets = [{ per: 'fleet', controllers: AT_ONCE }]
  const waves = [
    { name: 'canary', take: { perClass: 1 }, soak: '1min' },
    { name: 'rest', take: 'rest', soak: '1min' },
  ]
  const asked = usualPlan(ID, releases, { waves, rules: { budgets } })
  say('tries it out')
  // What each further page of a dry run cost, and what it costs of one that is at hand.
  let draft: Draft | null = null
  const tried = await spent(async () => {
    draft = orThrow(await createCampaign(world, 'ann', asked, true, async () => null))
  })
  yield { what: 'a dry run of every controller', value: tried.wall / 1000, unit: 's' }
  let kept = new SitesKept([])
  const words = await spent(async () => {
    kept = new SitesKept(previewSites(draft as unknown as Draft, Number.POSITIVE_INFINITY).sites)
  })
  draft = null
  yield { what: '  all its sites in words, which are kept', value: words.wall / 1000, unit: 's' }
  yield { what: '  their size', value: kept.characters / 2 ** 20, unit: 'MiB' }
  const behind = siteName(Math.floor(sites / 2))
  const page = await spent(async () => kept.page(PAGE, behind))
  yield { what: '  a page of 200 sites of it, from the middle', value: page.wall, unit: 'ms' }
  say('plans a campaign of every controller')
  const planned = await spent(async () => orThrow(await createCampaign(world, 'ann', asked, false, async () => null)))
  yield { what: 'plan a campaign of every controller, kept', value: planned.wall / 1000, unit: 's' }
  yield { what: '  time of the processor', value: planned.cpu / 1000, unit: 's' }
  await approve(made)
  orThrow((await command(world, 'ann', ID, 'start', null)) ?? 'done')
  const published = [...orThrow(await publishedReleases(world)).values()].map(({ facts }) => facts)
  const site = new Reporters(made, sites, key, new Map(published.map(facts => [facts.class, facts])))
  // The canary, its soak, and the first of the rest.
  for (let step = 0; step < 4; step += 1) {
    await site.confirmAll()
    clock.advance(2 * MINUTE)
    orThrow((await tick(world)) ?? 'done')
  }
  const [intakes, ticks]: [Spent[], Spent[]] = [[], []]
  for (let round = 0; round < ROUNDS; round += 1) {
    const reports = await site.reports()
    say(`${reports.count} controllers report`)
    intakes.push(await spent(() => site.hand(reports)))
    clock.advance(MINUTE)
    ticks.push(await spent(async () => orThrow((await tick(world)) ?? 'done')))
  }
  for (const [what, times] of [
    ['taking in the reports of 1,000 controllers, verified: median', intakes],
    ['the tick behind them, which orders the next: median', ticks],
  ] as const) {
    const [wall, cpu] = [times.map(one => one.wall), times.map(one => one.cpu)]
    yield { what, value: median(wall), unit: 'ms' }
    yield { what: '  time of the processor', value: median(cpu), unit: 'ms' }
  }
}

type Spent = Awaited<ReturnType<typeof spent>>

/** As the approvers' signatures do once there are enough: they are not what is measured. */
async function approve({ world }: MillionWorld): Promise<void> {
  await world.store.exclusive(async () => {
    const advance = new Advance(world)
    const opened = orThrow(await openCampaign(world, ID))
    orThrow(await advance.step(opened, { kind: 'approve', now: world.clock.now() }, { kind: 'person', id: 'ann' }))
    await advance.commit()
  })
}

type Batch = { readonly site: string; readonly items: readonly SentItem[]; readonly manifest: Uint8Array }

/** The gateways of the sites: each hands over that what was ordered has been confirmed, signed by each controller. */
class Reporters {
  readonly #made: MillionWorld
  readonly #sites: number
  readonly #key: SharedKey
  readonly #releases: ReadonlyMap<string, ReleaseFacts>

  constructor(made: MillionWorld, sites: number, key: SharedKey, releases: ReadonlyMap<string, ReleaseFacts>) {
    this.#made = made
    this.#sites = sites
    this.#key = key
    this.#releases = releases
  }

  /** What the gateways hand over now: a confirmation of everything that is ordered. */
  async reports(): Promise<{ readonly count: number; readonly batches: readonly Batch[] }> {
    const { store, clock, world } = this.#made
    const batches: Batch[] = []
    let count = 0
    for (let n = 0; n < this.#sites; n += 1) {
      const site = siteName(n)
      const ordered = (await store.turns.ordered(site)).map(({ controller }) => controller)
      if (ordered.length === 0) continue
      const { upstream, head } = (await store.site(site))!
      const items: SentItem[] = []
      for (const controller of ordered) {
        const bytes = this.#confirmed(n, controller, (await store.controller(site, controller))!.sequence)
        items.push({ sequence: upstream + 1 + items.length, kind: 'report', bytes })
      }
      const body = writeSiteManifest({
        site,
        sequence: items.at(-1)!.sequence,
        at: clock.now(),
        batch: batchDigest(items, world.crypto),
        before: toHex(head),
        head: toHex(headBehind(world.crypto, head, items)),
        reports: items.map(({ bytes }) => bytes),
      })
      batches.push({ site, items, manifest: sealSiteManifest(body, this.#key.sign(canonicalJson(body))) })
      count += items.length
    }
    return { count, batches }
  }

  async hand({ batches }: { readonly batches: readonly Batch[] }): Promise<void> {
    for (const { site, items, manifest } of batches)
      orThrow(await acceptUpstream(this.#made.world, site, items, manifest))
  }

  async confirmAll(): Promise<void> {
    await this.hand(await this.reports())
  }

  #confirmed(site: number, id: string, sequence: number): Uint8Array {
    const place = Array.from({ length: PER_SITE }, (_, at) => at).find(at => controllerName(at) === id)!
    const facts = this.#releases.get(id.replace(/-\d+$/, ''))!
    const before = reportOf(site, place)!
    const running = { version: facts.version, sequence: facts.sequence, digest: facts.imageDigest, slot: 'b' } as const
    const at = this.#made.clock.now()
    const counter = Math.max(before.counter, facts.counter)
    const report: Report = { ...before, sequence: sequence + 1, at, event: 'confirmed', running, counter }
    return sealReport(report, this.#key.sign(orThrow(reportBytes(report))))
  }
}
