import { copyFileSync, cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VirtualClock } from '../../../sim/clock/virtual-clock.ts'
import { World } from '../../../sim/doors/world.ts'
import { SimElement } from '../../../sim/secure-element/sim-element.ts'
import { DiskBlobs } from '../../../src/adapters/blobs-disk.ts'
import { readConfig } from '../../../src/adapters/config-file.ts'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { readRelease } from '../../../src/adapters/release-folder.ts'
import { loadSigner } from '../../../src/adapters/signer-file.ts'
import { openFleetStore } from '../../../src/adapters/store-sqlite/fleet.ts'
import { openGatewayStore } from '../../../src/adapters/store-sqlite/gateway.ts'
import { FLEET_KEYS, type FleetKey, fleetFiles } from '../../../src/apps/fleet/files.ts'
import { fleetWorld } from '../../../src/apps/fleet/world.ts'
import { decoded, readGatewayFolder } from '../../../src/apps/gateway/files.ts'
import { toHex } from '../../../src/core/encoding/bytes.ts'
import type { Json } from '../../../src/core/encoding/canonical-json.ts'
import type { KeyAlgorithm } from '../../../src/core/encoding/crypto.ts'
import { instant, millis } from '../../../src/core/encoding/units.ts'
import { releaseTarget } from '../../../src/core/firmware/release-facts.ts'
import type { AuditEntry } from '../../../src/core/ledger/entry.ts'
import { parseEntry } from '../../../src/core/ledger/entry.ts'
import type { LogVerdict } from '../../../src/core/ledger/verify.ts'
import { isRefusal, orThrow, refuse } from '../../../src/core/refusal/refusal.ts'
import { NO_POLICY } from '../../../src/core/trust/evidence/judge.ts'
import type { Target } from '../../../src/core/trust/metadata.ts'
import { signableBytes } from '../../../src/core/trust/read-metadata.ts'
import { seal, signatureBy, withTargets } from '../../../src/core/trust/repository.ts'
import { fileFor, openRepository } from '../../../src/flows/keep.ts'
import type { BlobId, FleetLink, FleetWorld, Signer, SiteWorld } from '../../../src/flows/ports.ts'
import { verifyStore } from '../../../src/flows/prove.ts'
import { inspectRelease } from '../../../src/flows/release.ts'
import { acceptUpstream } from '../../../src/flows/report.ts'
import { takePlant } from '../../../src/flows/show-plant.ts'
import { FleetConfig, parseConfig } from '../../../src/wire/config.ts'
import { ModelController } from './controller.ts'
import { Died, type Interruptor } from './interruptor.ts'

const SITE = {
  site: 'quay',
  name: 'Quay',
  region: 'nl-west',
  zone: 'Europe/Amsterdam',
  vendor: 'voltworks.example',
  gateway: { id: 'quay-gateway' },
  links: [{ id: 'lan', kind: 'ethernet' }],
  classes: { bms: { hardware: 'primehub', slot: '64KiB', bootloader: 1 } },
  controllers: [
    { id: 'bms-1', class: 'bms', link: 'lan' },
    { id: 'bms-2', class: 'bms', link: 'lan' },
  ],
}
const APPROVERS = 2
/** Hundreds of runs, each of a hundred synced commits: in memory where the system has such a folder. */
const FAST = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A release as it is published: its two targets with their bytes. */
export type Publication = readonly { readonly target: Target; readonly bytes: Uint8Array }[]

/** An enrolled fleet and site in a folder, from which each run takes a copy. */
export class Bench {
  readonly #world: World
  readonly release: Publication
  readonly imageDigest: string
  readonly factoryDigest: string

  private constructor(world: World, release: Publication, factoryDigest: string) {
    this.#world = world
    this.release = release
    this.imageDigest = release[1]!.target.sha256
    this.factoryDigest = factoryDigest
  }

  static async make(imageBytes: number): Promise<Bench> {
    const factory = new Uint8Array(imageBytes).fill(1)
    const options = { site: SITE, factory: { bms: factory }, approvers: APPROVERS, approvalThreshold: APPROVERS }
    const world = await World.make(options)
    await world.startFleet()
    await world.enrol()
    await world.fleet?.close()
    world.fleet = null
    await register(world.at('gateway'))
    const image = Uint8Array.from({ length: imageBytes }, (_, index) => (index * 7 + (index >> 8)) & 0xff)
    const files = orThrow(readRelease(await world.release('bms', '2.0.0', image)))
    const { facts } = orThrow(inspectRelease(files, { crypto }))
    const payload = { path: 'bms/2.0.0/payload.bin', length: facts.imageSize, sha256: facts.imageDigest, custom: null }
    const envelope = {
      path: 'bms/2.0.0/envelope.suit',
      length: files.envelope.length,
      sha256: toHex(crypto.sha256(files.envelope)),
      custom: releaseTarget(facts, payload.path) as unknown as Json,
    }
    const release = [
      { target: envelope, bytes: files.envelope },
      { target: payload, bytes: files.payload },
    ]
    return new Bench(world, release, toHex(crypto.sha256(factory)))
  }

  key(name: string): Signer {
    return orThrow(loadSigner(this.#world.at('keys', name)))
  }

  /** A copy to run in. `fleet` and `gateway` decide when the two processes die. */
  copy(fleet: Interruptor, gateway: Interruptor): Run {
    const folder = mkdtempSync(join(FAST, 'voltseal-interruption-'))
    cpSync(this.#world.at('fleet'), join(folder, 'fleet'), { recursive: true })
    cpSync(this.#world.at('gateway'), join(folder, 'gateway'), { recursive: true })
    for (const { id } of SITE.controllers) {
      copyFileSync(this.#world.at('site', 'controllers', id, 'element.json'), join(folder, `${id}.json`))
    }
    return new Run(this, folder, fleet, gateway)
  }

  async stop(): Promise<void> {
    await this.#world.stop()
  }
}

/** The gateway's controllers, as its first start registers them. */
async function register(folder: string): Promise<void> {
  const { issued } = orThrow(readGatewayFolder(folder))
  const store = orThrow(openGatewayStore(join(folder, 'gateway.sqlite')))
  const controllers = Object.entries(issued.controllers).map(([id, { reportKey }]) => {
    return { id, reportKey: decoded(reportKey, id), report: null, sequence: 0, work: '{"at":"idle"}' }
  })
  await store.commit({ controllers })
  store.close()
}

/** One run: a fleet and a gateway that share no process and no network, over real stores. */
export class Run {
  readonly bench: Bench
  readonly folder: string
  readonly clock = new VirtualClock(Date.now())
  readonly controllers: readonly ModelController[]
  readonly #interruptors: { readonly fleet: Interruptor; readonly gateway: Interruptor }
  #fleet: { world: FleetWorld; close(): void }
  #gateway: { world: SiteWorld; close(): void }
  /** What the gateway has taken of the fleet's news, as its process remembers it. */
  tag: string | null = null
  /** What becomes of a blob's transfer; a test may cut it. */
  carry: (body: AsyncIterable<Uint8Array>, id: BlobId) => AsyncIterable<Uint8Array> = body => body
  /** Called before each file of a repository is read. */
  onFile: () => Promise<void> = async () => {}
  /** Bytes of a blob that went from the fleet to the gateway. */
  onBytes: (id: BlobId, length: number) => void = () => {}

  constructor(bench: Bench, folder: string, fleet: Interruptor, gateway: Interruptor) {
    this.bench = bench
    this.folder = folder
    this.#interruptors = { fleet, gateway }
    this.#fleet = this.#openFleet()
    this.#gateway = this.#openGateway()
    const factory = { version: '1.0.0', sequence: 1_000_000, digest: bench.factoryDigest }
    const anchors = this.gateway.anchors.map(({ kid }) => kid)
    this.controllers = SITE.controllers.map(({ id }) => {
      const element = new SimElement({ file: join(folder, `${id}.json`) })
      return new ModelController(id, SITE.site, element, this.clock, factory, anchors)
    })
  }

  get fleet(): FleetWorld {
    return this.#fleet.world
  }

  get gateway(): SiteWorld {
    return this.#gateway.world
  }

  /** Starts the processes anew that have died: nothing of them is left but what is on the disk. */
  revive(): void {
    const { fleet, gateway } = this.#interruptors
    if (fleet.dead) {
      this.#fleet.close()
      fleet.restart()
      this.#fleet = this.#openFleet()
    }
    if (gateway.dead) this.restartGateway()
  }

  /** A new process of the gateway on the same folder. */
  restartGateway(): void {
    this.#gateway.close()
    this.#interruptors.gateway.restart()
    this.tag = null
    this.#gateway = this.#openGateway()
  }

  /** The next image targets with the release beside what is published, signed; as `voltseal publish` makes them. */
  async metadata(): Promise<Uint8Array> {
    const set = orThrow(await openRepository(this.fleet, 'image'))
    const before = set.targets!.signed
    const add = this.bench.release.map(({ target }) => target)
    const expires = instant(Math.ceil(this.clock.now() / 1000) * 1000 + 86_400_000)
    const written = orThrow(withTargets(before, { add }, before.version + 1, expires))
    const signer = this.bench.key('release')
    const signature = orThrow(await signer.sign(signableBytes(written), 'der'))
    return seal(written, [signatureBy(signer.key, signature, crypto)])
  }

  async entries(): Promise<AuditEntry[]> {
    const rows = await this.fleet.store.entries(0, 100_000)
    return rows.map(({ index, bytes }) => orThrow(parseEntry(bytes, `entry ${index}`)))
  }

  verdict(): Promise<LogVerdict> {
    const key = { name: this.fleet.name, key: this.fleet.auditSigner.key }
    return verifyStore(this.fleet.store, key, crypto).then(orThrow)
  }

  /** Changes a byte of a blob in the gateway's cache. */
  spoil(sha256: string, bytes: Uint8Array): void {
    const changed = bytes.slice()
    changed[changed.length >> 1]! ^= 1
    writeFileSync(join(this.folder, 'gateway', 'cache', sha256.slice(0, 2), sha256), changed)
  }

  close(): void {
    this.#fleet.close()
    this.#gateway.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  #openFleet(): { world: FleetWorld; close(): void } {
    const folder = join(this.folder, 'fleet')
    const files = fleetFiles(folder)
    const config = orThrow(parseConfig<FleetConfig>(FleetConfig, orThrow(readConfig(files.config)), files.config))
    const keys = Object.fromEntries(FLEET_KEYS.map(name => [name, orThrow(loadSigner(files.key(name)))]))
    const parts = {
      crypto,
      clock: this.clock,
      keys: keys as Record<FleetKey, Signer>,
      anchors: config.anchors,
      publishPolicy: NO_POLICY,
      wrappingKey: null,
    }
    const store = orThrow(openFleetStore(files.database))
    const { fleet } = this.#interruptors
    const world = fleetWorld(config, fleet.store(store), folder, parts)
    return { world: { ...world, blobs: fleet.blobs(world.blobs) }, close: () => store.close() }
  }

  #openGateway(): { world: SiteWorld; close(): void } {
    const folder = join(this.folder, 'gateway')
    const { site, issued } = orThrow(readGatewayFolder(folder))
    const store = orThrow(openGatewayStore(join(folder, 'gateway.sqlite')))
    const { gateway } = this.#interruptors
    const roots = issued.roots
    const world: SiteWorld = {
      site,
      store: gateway.store(store),
      blobs: gateway.blobs(new DiskBlobs(join(folder, 'cache'))),
      clock: this.clock,
      crypto,
      fleet: this.#link(),
      signer: orThrow(loadSigner(join(folder, 'keys', 'manifest'))),
      anchors: issued.anchors.map(({ kid, alg, spki }) => {
        return { kid, key: { alg: alg as KeyAlgorithm, spki: decoded(spki, kid) } }
      }),
      roots: {
        image: decoded(roots.image, 'root'),
        approval: decoded(roots.approval, 'root'),
        director: decoded(roots.director, 'root'),
      },
      maxRestarting: 1,
      conditions: null,
      steady: () => millis(performance.now()),
    }
    return { world, close: () => store.close() }
  }

  /** What HTTPS carries, without it. A fleet that dies before it answers is not reachable, as seen from here. */
  #link(): FleetLink {
    return {
      checkIn: async tag => {
        const repos = ['image', 'approval', `director/${SITE.site}`]
        const files = await Promise.all(repos.map(repo => this.fleet.store.file(repo, 'timestamp.json')))
        const now = toHex(crypto.sha256(Buffer.concat(files.map(file => file ?? new Uint8Array(0)))))
        return { tag: now === tag ? null : now, at: this.clock.now() }
      },
      file: async (repo, path) => {
        await this.onFile()
        return fileFor(this.fleet, SITE.site, repo, path)
      },
      blob: async (id, from) => this.#counted(id, this.carry(this.fleet.blobs.stream(id, from, id.length), id)),
      send: async (items, manifest) => {
        try {
          const taken = await acceptUpstream(this.fleet, SITE.site, items, manifest)
          return isRefusal(taken) ? taken : taken.acknowledged
        } catch (error) {
          if (!(error instanceof Died)) throw error
          return refuse('not-reachable', 'the fleet', 'a server that answers', 'none')
        }
      },
      showPlant: async view => {
        takePlant(this.fleet, SITE.site, view)
        return null
      },
      upstream: async () => {
        const { upstream, head } = (await this.fleet.store.site(SITE.site))!
        const restored = (await this.fleet.store.upstream(SITE.site))!.behind
        return { sequence: upstream, head, restored }
      },
    }
  }

  async *#counted(id: BlobId, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.onBytes(id, chunk.length)
      yield chunk
    }
  }
}
