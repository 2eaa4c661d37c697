import assert from 'node:assert/strict'
import { join } from 'node:path'
import { SimController } from '../../sim/controller/sim-controller.ts'
import { DiskBlobs } from '../../src/adapters/blobs-disk.ts'
import { nodeCipher } from '../../src/adapters/cipher-node.ts'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { generateKeyFile } from '../../src/adapters/signer-file.ts'
import { openGatewayStore, type SqliteGatewayStore } from '../../src/adapters/store-sqlite/gateway.ts'
import { fromBase64, toHex } from '../../src/core/encoding/bytes.ts'
import type { Json } from '../../src/core/encoding/canonical-json.ts'
import { type Instant, instant, millis } from '../../src/core/encoding/units.ts'
import { releaseTarget, type Transition } from '../../src/core/firmware/release-facts.ts'
import { type Anchor, inspectEnvelope } from '../../src/core/firmware/suit-open.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { keyId } from '../../src/core/trust/keys.ts'
import type { Target } from '../../src/core/trust/metadata.ts'
import { signableBytes } from '../../src/core/trust/read-metadata.ts'
import { type Report, reportBytes, sealReport } from '../../src/core/trust/report.ts'
import { signatureBy, withTargets } from '../../src/core/trust/repository.ts'
import { approve, draftOf } from '../../src/flows/approve.ts'
import { command } from '../../src/flows/campaign.ts'
import { giveTurns } from '../../src/flows/coordinate.ts'
import { flushOutbox } from '../../src/flows/hand-over.ts'
import { fileFor, openRepository } from '../../src/flows/keep.ts'
import { offerFor } from '../../src/flows/offer.ts'
import { createCampaign } from '../../src/flows/plan.ts'
import type { FleetLink, Signer, SiteWorld } from '../../src/flows/ports.ts'
import { publishRelease, storeBlob } from '../../src/flows/publish.ts'
import { refreshSite } from '../../src/flows/relay.ts'
import { createRelease } from '../../src/flows/release.ts'
import { acceptControllerReport, acceptUpstream } from '../../src/flows/report.ts'
import { takePlant } from '../../src/flows/show-plant.ts'
import { signEnvelope } from '../../src/flows/sign.ts'
import { imageOf, SMALL } from '../sim/bench-board.ts'
import { anywhere } from '../worlds/anywhere.ts'
import { usualPlan } from '../worlds/asked.ts'
import { QuietFleet, sealedBy } from '../worlds/quiet-fleet.ts'

/** A release with everything that is published of it: two targets, and the bytes of both. */
export type Made = {
  readonly version: string
  readonly envelope: Uint8Array
  readonly image: Uint8Array
  readonly targets: readonly [Target, Target]
}

export type MakeOptions = {
  readonly counter?: number
  readonly class?: string
  readonly hardware?: readonly string[]
  /** Whose signature is on the envelope; null: nobody's. The id that it goes under is the firmware key's, unless told. */
  readonly signer?: Signer | null
  readonly kid?: string
  readonly transition?: Transition
  /** Where it lies in the image repository. */
  readonly folder?: string
}

const WINDOW = 8_000
const DAY = 86_400_000

/**
 * A whole fleet in one process, with a key of its own for each role, as `voltseal fleet init` makes them: the server's
 * flows and store, a gateway with its store and cache, and two controllers with flash, element and boot chain. A thief
 * takes keys out of it, and whoever is on the line decides what the gateway gets.
 *
 * At the beginning c0 and c1 run 1.0.0; 1.1.0 is published, planned for both as campaign `spring`, approved by both
 * approvers, and ordered for c0. 1.2.0 is published and nothing else.
 */
export class Bench {
  readonly fleet: QuietFleet
  readonly controllers: readonly SimController[]
  readonly anchor: Anchor
  readonly releases: Record<'1.0.0' | '1.1.0' | '1.2.0', Made>
  site: SiteWorld
  /** Sheets that somebody without a server serves, by the path that the gateway asks for. */
  readonly sheets = new Map<string, Uint8Array>()
  /** What stands between the gateway and the fleet server. */
  line: (honest: FleetLink) => Partial<FleetLink> = () => ({})
  /** Bytes that somebody serves beside what the server has, by SHA-256. */
  readonly contraband = new Map<string, Uint8Array>()
  /** The number of the newest forged file: a client looks at no other of the same number. */
  forgeries = 900
  #store: SqliteGatewayStore

  private constructor(
    fleet: QuietFleet,
    parts: Pick<Bench, 'controllers' | 'anchor' | 'releases' | 'site'>,
    store: SqliteGatewayStore,
  ) {
    this.fleet = fleet
    this.controllers = parts.controllers
    this.anchor = parts.anchor
    this.releases = parts.releases
    this.site = { ...parts.site, fleet: this.#link() }
    this.#store = store
  }

  static async make(): Promise<Bench> {
    const fleet = await QuietFleet.make()
    const firmware = fleet.key('firmware')
    const anchor = { kid: keyId(firmware.key, crypto), key: firmware.key }
    const make = (version: string, options?: MakeOptions) => makeRelease(fleet, version, options)
    const factory = await make('1.0.0')
    const golden = await make('0.9.0', { counter: 0 })
    const controllers = ['c0', 'c1'].map(id => {
      const controller = new SimController({
        id,
        device: { class: 'bms', hardware: 'r1', bootloader: 3, anchors: [anchor] },
        crypto,
        cipher: nodeCipher,
        clock: fleet.clock,
        geometry: SMALL,
      })
      orThrow(controller.manufacture(golden, factory))
      controller.powerUp()
      return controller
    })
    const manifest = orThrow(generateKeyFile(fleet.keyFile('manifest'), 'ecdsa-p256'))
    const reports = controllers.map(({ element }) => element.reportKey.spki)
    const site = await fleet.site('quay', 2, { gateway: manifest.key.spki, reports })
    const root = async (repo: string): Promise<Uint8Array> =>
      (await fleet.world.store.file(repo === 'director' ? 'director/quay' : repo, '1.root.json')) as Uint8Array
    const store = orThrow(openGatewayStore(join(fleet.folder, 'gateway.sqlite')))
    await store.commit({
      controllers: controllers.map(({ id, element }) => {
        return { id, reportKey: element.reportKey.spki, report: null, sequence: 0, work: '{"at":"idle"}' }
      }),
    })
    const world: Omit<SiteWorld, 'fleet'> = {
      site,
      store,
      blobs: new DiskBlobs(join(fleet.folder, 'cache')),
      clock: fleet.clock,
      crypto,
      signer: manifest,
      anchors: [anchor],
      roots: { image: await root('image'), approval: await root('approval'), director: await root('director') },
      maxRestarting: 1,
      conditions: null,
      steady: () => millis(performance.now()),
    }
    const releases = { '1.0.0': factory, '1.1.0': await make('1.1.0'), '1.2.0': await make('1.2.0') }
    const bench = new Bench(fleet, { controllers, anchor, releases, site: world as SiteWorld }, store)
    await bench.#begin()
    return bench
  }

  async #begin(): Promise<void> {
    await this.publish(this.releases['1.1.0'], this.releases['1.2.0'])
    for (const controller of this.controllers) await this.report(controller, { event: 'boot' })
    orThrow(await flushOutbox(this.site))
    await this.plan('spring', this.releases['1.1.0'])
    for (const name of ['approver-0', 'approver-1']) await this.approve('spring', name)
    orThrow(await command(this.fleet.world, 'ada', 'spring', 'start', null))
  }

  close(): void {
    this.#store.close()
    this.fleet.close()
  }

  /** A new process of the gateway, on the same store and cache. */
  restartGateway(): void {
    this.#store.close()
    this.#store = orThrow(openGatewayStore(join(this.fleet.folder, 'gateway.sqlite')))
    this.site = { ...this.site, store: this.#store }
  }

  make(version: string, options: MakeOptions = {}): Promise<Made> {
    return makeRelease(this.fleet, version, options)
  }

  /** What the maker does: both files of each release at the server, and targets that name them. */
  async publish(...made: readonly Made[]): Promise<void> {
    for (const { targets, envelope, image } of made) {
      for (const [index, bytes] of [envelope, image].entries()) {
        orThrow(await storeBlob(this.fleet.world, targets[index] as Target, 1 << 20, once(bytes)))
      }
    }
    const before = orThrow(await openRepository(this.fleet.world, 'image')).targets!.signed
    const add = made.flatMap(({ targets }) => targets)
    const written = orThrow(withTargets(before, { add }, before.version + 1, this.soon(30)))
    const metadata = await sealedBy(written, [this.fleet.key('release')])
    orThrow(await publishRelease(this.fleet.world, 'ada', { metadata }))
  }

  async plan(id: string, { targets: [envelope] }: Made): Promise<void> {
    orThrow(await createCampaign(this.fleet.world, 'ada', usualPlan(id, [envelope.path]), false, anywhere))
  }

  async approve(id: string, approver: string): Promise<void> {
    const { signed } = orThrow(await draftOf(this.fleet.world, id))
    const signer = this.fleet.key(approver)
    const signature = orThrow(await signer.sign(signableBytes(signed), 'der'))
    orThrow(await approve(this.fleet.world, approver, id, signatureBy(signer.key, signature, crypto)))
  }

  soon(days: number): Instant {
    return instant(this.fleet.clock.now() + days * DAY)
  }

  // --- The site ---

  /** What the gateway makes of what it gets: `taken`, or the code of its refusal. */
  async refresh(): Promise<string> {
    return codeOf(await refreshSite(this.site))
  }

  /**
   * Lets a controller do all that its gateway offers: stage, restart when it is its turn, hold through the trial, report.
   * Answers the version that it runs then, or the code with which gateway or controller refused.
   */
  async deliver(controller: SimController): Promise<string> {
    const refused = await this.refresh()
    if (refused !== 'taken') return refused
    const offer = await offerFor(this.site, controller.id)
    if (isRefusal(offer)) return offer.code
    if (offer === null) return running(controller)
    const image = await collect(this.site.blobs.stream(offer.payload, 0, offer.payload.length))
    const staged = this.install(controller, fromBase64(offer.envelope) as Uint8Array, image, offer.assignment)
    if (staged !== null) return staged
    await this.report(controller, { event: 'staged', assignment: offer.assignment })
    if (!(await giveTurns(this.site)).granted.includes(controller.id)) return 'waits'
    const booted = this.start(controller)
    await this.report(controller, { event: 'confirmed', assignment: offer.assignment })
    return booted
  }

  /** Hands an image to a controller, as whoever speaks to it can. Null when it is staged, else why not. */
  install(controller: SimController, envelope: Uint8Array, image: Uint8Array, update = 'by hand'): string | null {
    const begun = controller.begin({ envelope, update })
    if (isRefusal(begun)) return begun.code
    if (begun.state.at === 'staged') return null
    for (let at = begun.offset; at < image.length; at += 700) {
      const refused = controller.write(at, image.subarray(at, at + 700))
      if (refused !== null) return refused.code
    }
    const finished = controller.finish()
    return isRefusal(finished) ? finished.code : null
  }

  /** Restarts a controller into what it has staged and lets the trial end. Answers the version that runs. */
  start(controller: SimController): string {
    const outcome = controller.activate()
    if (isRefusal(outcome)) return outcome.code
    for (let look = 0; look < 32 && controller.running()?.trial === true; look += 1) {
      this.fleet.clock.advance(WINDOW / 16)
      controller.tick()
    }
    return running(controller)
  }

  /** A report of a controller, by its own key or by `by`. Answers `taken` or the code of the refusal. */
  async report(controller: SimController, changes: Partial<Report>, by = controller): Promise<string> {
    return codeOf(await acceptControllerReport(this.site, controller.id, this.signedReport(controller, changes, by)))
  }

  signedReport(controller: SimController, changes: Partial<Report>, by = controller): Uint8Array {
    const report: Report = {
      ...orThrow(controller.status()),
      kind: 'voltseal-report',
      v: 1,
      site: 'quay',
      sequence: controller.element.nextReport() as number,
      at: this.fleet.clock.now(),
      event: 'boot',
      ...changes,
    }
    return sealReport(report, by.element.signReport(orThrow(reportBytes(report))))
  }

  #link(): FleetLink {
    // A server that was started anew is another world.
    const world = () => this.fleet.world
    const honest: FleetLink = {
      checkIn: async () => ({ tag: 'news', at: this.fleet.clock.now() }),
      file: async (repo, path) => this.sheets.get(`${repo}/${path}`) ?? fileFor(world(), 'quay', repo, path),
      blob: async (id, from) => {
        const bytes = this.contraband.get(id.sha256)
        return bytes === undefined ? world().blobs.stream(id, from, id.length) : once(bytes.subarray(from))
      },
      send: async (items, manifest) => {
        const taken = await acceptUpstream(world(), 'quay', items, manifest)
        return isRefusal(taken) ? taken : taken.acknowledged
      },
      showPlant: async view => {
        takePlant(world(), 'quay', view)
        return null
      },
      upstream: async () => {
        const { upstream, head } = (await world().store.site('quay'))!
        return { sequence: upstream, head, restored: (await world().store.upstream('quay'))!.behind }
      },
    }
    return {
      checkIn: (tag, director) => (this.line(honest).checkIn ?? honest.checkIn)(tag, director),
      file: (repo, path, max) => (this.line(honest).file ?? honest.file)(repo, path, max),
      blob: (id, from) => (this.line(honest).blob ?? honest.blob)(id, from),
      send: (items, manifest) => (this.line(honest).send ?? honest.send)(items, manifest),
      showPlant: view => (this.line(honest).showPlant ?? honest.showPlant)(view),
      upstream: () => (this.line(honest).upstream ?? honest.upstream)(),
    }
  }
}

async function makeRelease(fleet: QuietFleet, version: string, options: MakeOptions = {}): Promise<Made> {
  const sequence = version.split('.').reduce((sum, part) => sum * 1000 + Number(part), 0)
  const made = orThrow(
    createRelease(
      {
        image: imageOf(sequence % 9973, 2_700),
        chunkBytes: 512,
        facts: {
          vendor: 'voltworks.example',
          class: options.class ?? 'bms',
          hardware: options.hardware ?? ['r1'],
          version,
          sequence,
          counter: options.counter ?? 1,
          bootloader: { min: 1, max: 9 },
          health: { windowMillis: WINDOW, probes: ['ems-link'] },
          transition: options.transition ?? null,
        },
      },
      { crypto },
    ),
  )
  const signer = options.signer === undefined ? fleet.key('firmware') : options.signer
  const kid = options.kid ?? keyId(fleet.key('firmware').key, crypto)
  const folder = options.folder ?? `bms/${version}`
  const envelope =
    signer === null ? made.envelope : orThrow(await signEnvelope(made.envelope, kid, { crypto, signer })).envelope
  const { facts } = orThrow(inspectEnvelope(envelope, crypto))
  const payload = { path: `${folder}/payload.bin`, ...fileOf(made.image), custom: null }
  const custom = releaseTarget(facts, payload.path) as unknown as Json
  const target = { path: `${folder}/envelope.suit`, ...fileOf(envelope), custom }
  return { version, envelope, image: made.image, targets: [target, payload] }
}

const fileOf = (bytes: Uint8Array) => ({ length: bytes.length, sha256: toHex(crypto.sha256(bytes)) })

export const codeOf = (answer: unknown): string => (isRefusal(answer) ? answer.code : 'taken')

export const running = (controller: SimController): string => controller.running()?.facts.version ?? controller.at

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function collect(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part)
  assert.ok(all.length > 0)
  return new Uint8Array(Buffer.concat(all))
}
