import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { beginPlan, type Draft, type PlanSources } from '../../../src/core/campaign/draft.ts'
import type { PublishedRelease } from '../../../src/core/campaign/draft-fit.ts'
import type { KnownController, SourceSite } from '../../../src/core/campaign/draft-site.ts'
import { parsePlanFile } from '../../../src/core/campaign/plan-file.ts'
import type { PlanRequest } from '../../../src/core/campaign/plan-request.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import type { ReleaseFacts } from '../../../src/core/firmware/release-facts.ts'
import type { Version } from '../../../src/core/firmware/version.ts'
import type { SiteController } from '../../../src/core/fleet/topology.ts'
import { parseSite } from '../../../src/core/fleet/topology.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { T0 } from './plans.ts'

/** Fleets that plans are drawn up for, as few words as a test needs. */

export const v = (text: string): Version => text as Version

/** The key that signs every release and that every controller accepts, where a test does not say otherwise. */
export const KEY = 'a1'.repeat(32)

/** A controller: its place in the site file, and what it attested; `version` null: nothing yet. */
export type Board = Partial<Omit<SiteController, 'id' | 'class'>> & {
  readonly id: string
  readonly class?: string
  readonly version?: string | null
  readonly sequence?: number
  readonly digest?: string
  readonly counter?: number
  readonly anchors?: readonly string[]
  readonly decrypts?: boolean
}

const HARDWARE: Readonly<Record<string, string>> = { pcs: 'essentialhub' }

/** A site of the fleet. `change`: more of its site file. */
export function siteOf(id: string, boards: readonly Board[], change: object = {}): SourceSite {
  const classes = Object.fromEntries(
    ['bms', 'pcs', 'ems', 'hmi'].map(name => [
      name,
      { slot: '1MiB', bootloader: 1, hardware: HARDWARE[name] ?? 'primehub' },
    ]),
  )
  const controllers = boards.map(
    ({ version: _v, sequence: _s, digest: _d, counter: _c, anchors: _a, decrypts: _k, ...board }) => ({
      class: 'bms',
      link: 'lan',
      ...board,
    }),
  )
  const site = orThrow(
    parseSite(
      {
        site: id,
        name: id,
        region: 'nl-west',
        zone: 'Europe/Amsterdam',
        vendor: 'voltworks.example',
        gateway: { id: `${id}-gateway` },
        links: [{ id: 'lan', kind: 'ethernet' }],
        classes,
        controllers,
        ...change,
      },
      id,
    ),
  )
  return { site, known: new Map(boards.map(board => [board.id, knownOf(board)])) }
}

function knownOf({
  version = '1.0.0',
  sequence = 1,
  digest = 'cd'.repeat(32),
  counter = 1,
  anchors = [KEY],
  decrypts = true,
}: Board): KnownController {
  if (version === null) return { attested: null, decrypts }
  const running = { version: v(version), sequence, digest }
  return { attested: { sequence: 4, at: instant(T0), state: 'stable', running, counter, anchors }, decrypts }
}

/** A published release; a bms's, where it does not say otherwise. */
export function releaseOf(
  path: string,
  change: Partial<ReleaseFacts> = {},
  signers: readonly string[] = [KEY],
): readonly [string, PublishedRelease] {
  const facts: ReleaseFacts = {
    vendor: 'voltworks.example',
    class: 'bms',
    hardware: ['primehub'],
    version: v('2.0.0'),
    sequence: 2,
    counter: 1,
    components: [{ name: 'app', size: 1000 }],
    chunks: { bytes: 4096, digests: ['00'.repeat(16)] },
    transition: null,
    encryption: null,
    imageSize: 1000,
    imageDigest: 'ef'.repeat(32),
    bootloader: { min: 1, max: 1 },
    dependencies: [],
    health: { windowMillis: 60_000, probes: [] },
    ...change,
  }
  return [path, { path, sha256: 'ab'.repeat(32), length: 500, facts, signers }]
}

export const BMS = releaseOf('bms/2.0.0.suit')
export const PCS = releaseOf('pcs/2.0.0.suit', { class: 'pcs', hardware: ['essentialhub'] })

export const sourcesOf = (releases: readonly (readonly [string, PublishedRelease])[] = [BMS, PCS]): PlanSources => ({
  createdAt: instant(T0),
  createdBy: 'ada',
  releases: new Map(releases),
})

/** A request from a plan file. */
export const asked = (file: object): PlanRequest =>
  orThrow(
    parsePlanFile(
      {
        id: 'spring',
        releases: [BMS[0], PCS[0]],
        waves: [
          { name: 'canary', take: { perClass: 1 } },
          { name: 'rest', take: 'rest' },
        ],
        ...file,
      },
      'plan.yaml',
    ),
  )

/** The draft of a request for a fleet; sites come in order. */
export function draftOf(request: PlanRequest, sites: readonly SourceSite[], sources = sourcesOf()): Draft | Refusal {
  const drafting = beginPlan(request, sources)
  if (isRefusal(drafting)) return drafting
  for (const source of sites.toSorted((a, b) => (a.site.site < b.site.site ? -1 : 1))) {
    const refused = drafting.site(source)
    if (refused !== null) return refused
  }
  return drafting.finish(crypto)
}

/** Who is in each wave, as `SITE/CONTROLLER`, with the paths of more than one step, or of the one that is not the first. */
export const wavesOf = (draft: Draft | Refusal): readonly (readonly string[])[] =>
  orThrow(draft).waves.map(({ turns }) => turns.map(({ site, controller }) => `${site}/${controller}`))
