import assert from 'node:assert/strict'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { memoryOf, parseHeader } from '../../src/core/delta/patch.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import type { Json } from '../../src/core/encoding/canonical-json.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { releaseTarget } from '../../src/core/firmware/release-facts.ts'
import type { Version } from '../../src/core/firmware/version.ts'
import { orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import type { OrderedPatch } from '../../src/core/trust/director-target.ts'
import { type FileRef, type ImageTarget, patchPath } from '../../src/core/trust/image-target.ts'
import { keyId } from '../../src/core/trust/keys.ts'
import type { Target } from '../../src/core/trust/metadata.ts'
import { type Report, sealReport } from '../../src/core/trust/report.ts'
import { withTargets } from '../../src/core/trust/repository.ts'
import { record } from '../../src/flows/audit.ts'
import { directSites, ordersFor } from '../../src/flows/direct.ts'
import type { EncryptTo } from '../../src/flows/encrypt.ts'
import { openRepository } from '../../src/flows/keep.ts'
import type { PatchMaker, PatchPolicy } from '../../src/flows/patch-ports.ts'
import type { FleetWorld } from '../../src/flows/ports.ts'
import { publishRelease, storeBlob } from '../../src/flows/publish.ts'
import { createRelease, type Release } from '../../src/flows/release.ts'
import { signEnvelope } from '../../src/flows/sign.ts'
import { planOf } from '../core/campaign/plans.ts'
import { drawn, patchOf } from '../core/delta/images.ts'
import { QuietFleet, sealedBy } from './quiet-fleet.ts'
import { running } from './running.ts'

export const POLICY: PatchPolicy = { bases: 2, queue: 4, seconds: 60, bytes: 1 << 30 }

/** Images that are alike, and are no code. */
export const IMAGES = [drawn(3, 6000), drawn(3, 6000).with(100, 1), drawn(3, 6000).with(200, 2)] as const
export const digestOf = (image: Uint8Array): string => toHex(crypto.sha256(image))

/** Makes a patch in this thread. */
export const makeHere: PatchMaker = async (old, now) => patchOf({ old, now, architecture: 'none', load: 0 })

/** A patch that a publisher makes with a release, and what is said of it; `path`: a target's of another name. */
export type Brought = {
  readonly bytes: Uint8Array
  readonly base: string
  readonly memory: number
  readonly path?: string
}

/** A patch as a publisher brings it. */
export function brought(old: Uint8Array, now: Uint8Array, change: Partial<Brought> = {}): Brought {
  const bytes = patchOf({ old, now, architecture: 'none', load: 0 })
  const memory = memoryOf(orThrow(parseHeader(bytes, 'it')))
  return { bytes, base: digestOf(old), memory, ...change }
}

/** A release as it is published: its envelope, and what it is. */
export type Published = Release & { readonly target: FileRef; readonly metadata: Uint8Array }

/** A quiet fleet that makes patches: a site with two controllers, which attest to run what they are told to. */
export class PatchedFleet {
  readonly fleet: QuietFleet
  #policy: PatchPolicy | null = POLICY

  private constructor(fleet: QuietFleet) {
    this.fleet = fleet
  }

  static async make(): Promise<PatchedFleet> {
    const made = new PatchedFleet(await QuietFleet.make())
    await made.fleet.site('harbour', 2)
    return made
  }

  get world(): FleetWorld {
    const { patches, ...world } = this.fleet.world
    return this.#policy === null ? world : { ...world, patches: this.#policy }
  }

  set policy(policy: PatchPolicy | null) {
    this.#policy = policy
  }

  close(): void {
    this.fleet.close()
  }

  /** A controller attests the image that it runs. */
  async attests(controller: string, version: string, digest: string): Promise<void> {
    const row = (await this.world.store.controller('harbour', controller))!
    const report: Report = {
      ...{ kind: 'voltseal-report', v: 1, site: 'harbour', controller, sequence: row.sequence + 1 },
      ...{ at: this.fleet.clock.now(), event: 'boot', state: 'stable' },
      running: { version: version as Version, sequence: 1, digest, slot: 'a' },
      ...{ counter: 1, anchors: [], attempts: [] },
    }
    const bytes = sealReport(report, Uint8Array.of(1))
    const seenAt = this.fleet.clock.now()
    await this.world.store.commit({ controllers: [{ ...row, report: bytes, sequence: report.sequence, seenAt }] })
  }

  /** What a publisher says and signs of a release, with its blobs at the fleet. `said`: changes to it. */
  async drawnUp(
    minor: number,
    image: Uint8Array,
    {
      brought = [],
      encrypt,
      said = {},
      left = [],
    }: {
      readonly brought?: readonly Brought[]
      readonly encrypt?: EncryptTo
      readonly said?: Partial<ImageTarget>
      /** Paths that are no targets, though the release speaks of them. */
      readonly left?: readonly string[]
    } = {},
  ): Promise<Published> {
    const version = `1.${minor}.0`
    const facts = { vendor: 'voltworks.example', class: 'bms', hardware: ['r1'], version, sequence: minor, counter: 1 }
    const made = orThrow(createRelease({ image, facts, ...(encrypt === undefined ? {} : { encrypt }) }, { crypto }))
    const signer = this.fleet.key('firmware')
    const signed = orThrow(await signEnvelope(made.envelope, keyId(signer.key, crypto), { crypto, signer }))
    const release = { ...made, envelope: signed.envelope }
    const sized = (bytes: Uint8Array) => ({ length: bytes.length, sha256: digestOf(bytes) })
    const at = (name: string) => `bms/${version}/${name}`
    const patches = brought.map(({ bytes, base, memory, path = patchPath(at('envelope.suit'), base) }) => {
      return { bytes, ref: { base, memory, path, ...sized(bytes) } }
    })
    const custom = {
      ...releaseTarget(release.facts, at('payload.bin'), release.contentKeys),
      ...(patches.length === 0 ? {} : { patches: patches.map(({ ref }) => ref) }),
      ...said,
    } as unknown as Json
    const envelope = { path: at('envelope.suit'), ...sized(release.envelope), custom }
    const files: (readonly [Target, Uint8Array])[] = [
      [envelope, release.envelope],
      [{ path: at('payload.bin'), ...sized(release.payload), custom: null }, release.payload],
      ...patches.map(({ ref: { path, length, sha256 }, bytes }) => {
        return [{ path, length, sha256, custom: null }, bytes] as const
      }),
    ]
    for (const [target, bytes] of files) {
      const body = async function* () {
        yield bytes
      }
      assert.equal(await storeBlob(this.world, target, 1 << 20, body()), null)
    }
    const add = files.map(([target]) => target).filter(({ path }) => !left.includes(path))
    return { ...release, target: envelope, metadata: await this.signed({ add }) }
  }

  async signed(change: { readonly add?: readonly Target[]; readonly remove?: readonly string[] }): Promise<Uint8Array> {
    const { signed: before } = orThrow(await openRepository(this.world, 'image')).targets!
    const expires = instant(this.fleet.clock.now() + 30 * 86_400_000)
    const written = orThrow(withTargets(before, change, before.version + 1, expires))
    return sealedBy(written, [this.fleet.key('release')])
  }

  async publish(...what: Parameters<PatchedFleet['drawnUp']>): Promise<Published> {
    const published = await this.drawnUp(...what)
    orThrow(await publishRelease(this.world, 'somebody', published))
    return published
  }

  /** Takes releases away, as their publisher does: with all that belongs to them. */
  async revoke(...paths: readonly string[]): Promise<Refusal | object> {
    return publishRelease(this.world, 'somebody', { metadata: await this.signed({ remove: paths }) })
  }

  /** A campaign that has ordered the release for both controllers. */
  async campaign(id: string, { target }: Published): Promise<void> {
    const version = target.path.split('/')[1] as Version
    const { path, sha256, length } = target
    const planned = { path, sha256, length, class: 'bms', version, counter: 1, criticality: 'security' } as const
    const plan = { ...planOf([2], { releases: [planned] }), id }
    await this.fleet.campaign(plan, running(plan))
  }

  /** Writes the orders of the site as a decision about it does; answers the patch of each controller's. */
  async order(): Promise<Map<string, OrderedPatch | undefined>> {
    return this.world.store.exclusive(async () => {
      const { orders, wraps, patches, events } = await ordersFor(this.world, new Set(['harbour']))
      const directed = orThrow(await directSites(this.world, orders, this.fleet.clock.now()))
      await record(this.world, { files: directed.files, wraps, ...patches }, [...directed.events, ...events])
      return this.#patchesIn(orders.get('harbour') ?? [])
    })
  }

  /** What the site's gateway is given now. */
  async ordered(): Promise<Map<string, OrderedPatch | undefined>> {
    const bytes = (await this.world.store.file('director/harbour', 'targets.json'))!
    const { signed } = JSON.parse(new TextDecoder().decode(bytes)) as { signed: { targets: Record<string, Target> } }
    return this.#patchesIn(Object.values(signed.targets))
  }

  #patchesIn(targets: readonly Pick<Target, 'custom'>[]): Map<string, OrderedPatch | undefined> {
    const all = targets.flatMap(({ custom }) =>
      Object.entries((custom as { controllers: Record<string, { patch?: OrderedPatch }> }).controllers),
    )
    return new Map(all.map(([id, { patch }]) => [id, patch]))
  }
}
