import { join } from 'node:path'
import type { World } from '../../sim/doors/world.ts'
import { SimElement } from '../../sim/secure-element/sim-element.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { loadSigner } from '../../src/adapters/signer-file.ts'
import { openGatewayStore } from '../../src/adapters/store-sqlite/gateway.ts'
import { fromHex, fromUtf8, toBase64 } from '../../src/core/encoding/bytes.ts'
import { canonicalJson } from '../../src/core/encoding/canonical-json.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { type AuditEntry, entryBytes } from '../../src/core/ledger/entry.ts'
import { firstHead } from '../../src/core/ledger/site-chain.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { openReport, type Report, reportBytes, sealReport } from '../../src/core/trust/report.ts'
import { batchDigest, sealSiteManifest, writeSiteManifest } from '../../src/core/trust/site-manifest.ts'
import { call, fleetUrl, log, tls } from './people.ts'
import { heads } from './site-log.ts'

/** What a controller of a resting world last said, by id. */
export async function lastReports(world: World): Promise<Map<string, { bytes: Uint8Array; report: Report }>> {
  const store = orThrow(openGatewayStore(world.at('gateway', 'gateway.sqlite')))
  try {
    const rows = await store.controllers()
    return new Map(
      rows.map(({ id, report, reportKey }) => {
        const key = { alg: 'ecdsa-p256', spki: reportKey } as const
        const opened = orThrow(openReport(report!, { site: 'quay', controller: id, key }, nodeCrypto))
        return [id, { bytes: report!, report: opened }]
      }),
    )
  } finally {
    store.close()
  }
}

/** A board's voice: each word is the last report with changes, under the next number, by the key of `signer`. */
export async function speaker(
  world: World,
  id: string,
  signer = id,
): Promise<(changes?: Partial<Report>) => Uint8Array> {
  const element = new SimElement({ file: world.at('site', 'controllers', signer, 'element.json') })
  const last = (await lastReports(world)).get(id)!.report
  return changes => {
    const report: Report = { ...last, sequence: last.sequence + element.nextReport(), ...changes }
    return sealReport(report, element.signReport(orThrow(reportBytes(report))))
  }
}

/** One word of a board. */
export async function signedReport(world: World, id: string, changes: Partial<Report> = {}, signer = id) {
  return (await speaker(world, id, signer))(changes)
}

export type Item = { readonly kind: 'entry' | 'report'; readonly bytes: Uint8Array }

/** An entry of the gateway, with changes. */
export function entryItem(changes: Partial<AuditEntry> = {}): Item {
  const entry: AuditEntry = {
    v: 1,
    kind: 'download-finished',
    at: instant(1_800_000_000_000),
    clock: 'simulated',
    actor: { kind: 'gateway', id: 'quay' },
    site: 'quay',
    detail: {},
    ...changes,
  }
  return { kind: 'entry', bytes: orThrow(entryBytes(entry)) }
}

/** How far the fleet has taken in what the gateway said. */
export async function takenIn(world: World): Promise<number> {
  return Math.max(0, ...(await log(world)).map(({ origin }) => origin?.sequence ?? 0))
}

export type Handing = {
  /** The sequence of the first item: the next one, unless told. */
  readonly from?: number
  /** The key that signs the manifest: the gateway's own, unless told. */
  readonly key?: string
  readonly manifestSite?: string
  /** What the manifest is signed for; the items themselves, unless told. */
  readonly signedFor?: readonly Item[]
}

const known = new WeakMap<World, Map<number, Uint8Array>>()

/** The head in front of an item, as the fleet had it when it was next; a gateway remembers it. */
async function headBefore(world: World, sequence: number): Promise<Uint8Array> {
  const ends = known.get(world) ?? new Map<number, Uint8Array>()
  known.set(world, ends)
  const answer = orThrow(await call(fleetUrl(world), tls.gateway(world.at('gateway')), 'GET', '/v1/upstream'))
  const end = JSON.parse(fromUtf8(answer.body) ?? '') as { sequence: number; head: string }
  ends.set(end.sequence + 1, fromHex(end.head) as Uint8Array)
  return ends.get(sequence) ?? firstHead()
}

/** Hands items to the fleet server over the gateway's own connection. */
export async function handOver(
  world: World,
  items: readonly Item[],
  { from, key, manifestSite, signedFor }: Handing = {},
) {
  const first = from ?? (await takenIn(world)) + 1
  const numbered = items.map((item, index) => ({ ...item, sequence: first + index }))
  const sequence = first + items.length - 1
  const site = manifestSite ?? 'quay'
  const covered = (signedFor ?? items).map((item, index) => ({ ...item, sequence: first + index }))
  const batch = batchDigest(covered, nodeCrypto)
  const before = await headBefore(world, first)
  const ends = { batch, ...heads(before, covered) }
  const body = writeSiteManifest({ site, sequence, at: instant(1_800_000_000_000), ...ends, reports: [] })
  const signer = orThrow(loadSigner(key ?? join(world.at('gateway'), 'keys', 'manifest')))
  const manifest = sealSiteManifest(body, orThrow(await signer.sign(canonicalJson(body), 'der')))
  return call(fleetUrl(world), tls.gateway(world.at('gateway')), 'POST', '/v1/upstream', {
    manifest: toBase64(manifest),
    items: numbered.map(({ bytes, ...item }) => ({ ...item, bytes: toBase64(bytes) })),
  })
}
