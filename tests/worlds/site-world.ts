import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { World } from '../../sim/doors/world.ts'
import { DiskBlobs } from '../../src/adapters/blobs-disk.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { HttpsClient } from '../../src/adapters/link-https/client.ts'
import { HttpsFleetLink } from '../../src/adapters/link-https/fleet-link.ts'
import { loadSigner } from '../../src/adapters/signer-file.ts'
import { openGatewayStore } from '../../src/adapters/store-sqlite/gateway.ts'
import { decoded, readGatewayFolder } from '../../src/apps/gateway/files.ts'
import type { KeyAlgorithm } from '../../src/core/encoding/crypto.ts'
import { instant, millis } from '../../src/core/encoding/units.ts'
import { type AuditEntry, parseEntry } from '../../src/core/ledger/entry.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { FleetLink, GatewayStore, SiteWorld } from '../../src/flows/ports.ts'
import { fleetUrl, tls } from './people.ts'

/** A gateway of a world's site with a new store and a new cache, whose flows a test runs one by one. */
export type Gateway = {
  readonly site: SiteWorld
  readonly store: GatewayStore
  readonly cache: string
  /** The entries that it has for the fleet. */
  entries(): Promise<AuditEntry[]>
  close(): void
}

export type Wiring = {
  /** Puts somebody between the gateway and the fleet server. */
  readonly link?: (honest: FleetLink) => Partial<FleetLink>
  readonly url?: string
  /** How far its clock is off, in milliseconds. */
  readonly skew?: number
  readonly cache?: string
}

export async function gatewayOf(world: World, wiring: Wiring = {}): Promise<Gateway> {
  const folder = world.at('gateway')
  const own = mkdtempSync(world.at('own-'))
  const { site, issued } = orThrow(readGatewayFolder(folder))
  const store = orThrow(openGatewayStore(join(own, 'gateway.sqlite')))
  const controllers = Object.entries(issued.controllers).map(([id, { reportKey }]) => {
    return { id, reportKey: decoded(reportKey, id), report: null, sequence: 0, work: '{"at":"idle"}' }
  })
  await store.commit({ controllers })
  const client = new HttpsClient(wiring.url ?? fleetUrl(world), tls.gateway(folder))
  const honest = new HttpsFleetLink(client)
  const bound: FleetLink = {
    checkIn: (tag, director) => honest.checkIn(tag, director),
    file: (repo, path, max) => honest.file(repo, path, max),
    blob: (id, from) => honest.blob(id, from),
    send: (items, manifest) => honest.send(items, manifest),
    showPlant: view => honest.showPlant(view),
    upstream: () => honest.upstream(),
  }
  const cache = wiring.cache ?? join(own, 'cache')
  return {
    site: {
      site,
      store,
      blobs: new DiskBlobs(cache),
      clock: { now: () => instant(Date.now() + (wiring.skew ?? 0)), quality: 'simulated' },
      crypto: nodeCrypto,
      fleet: { ...bound, ...wiring.link?.(bound) },
      signer: orThrow(loadSigner(join(folder, 'keys', 'manifest'))),
      anchors: issued.anchors.map(({ kid, alg, spki }) => {
        return { kid, key: { alg: alg as KeyAlgorithm, spki: decoded(spki, kid) } }
      }),
      roots: {
        image: decoded(issued.roots.image, 'image'),
        approval: decoded(issued.roots.approval, 'approval'),
        director: decoded(issued.roots.director, 'director'),
      },
      maxRestarting: 1,
      conditions: null,
      steady: () => millis(performance.now()),
    },
    store,
    cache,
    entries: async () => {
      const items = (await store.outbox(1000)).filter(({ kind }) => kind === 'entry')
      return items.map(({ bytes }) => orThrow(parseEntry(bytes, 'an entry')))
    },
    close: () => {
      client.close()
      store.close()
      rmSync(own, { recursive: true, force: true })
    },
  }
}
