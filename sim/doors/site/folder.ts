import { join } from 'node:path'
import { readConfig, readText, writeWhole } from '../../../src/adapters/config-file.ts'
import { fromBase64, toBase64 } from '../../../src/core/encoding/bytes.ts'
import type { KeyAlgorithm } from '../../../src/core/encoding/crypto.ts'
import type { Anchor } from '../../../src/core/firmware/suit-open.ts'
import { parseSite, type Site } from '../../../src/core/fleet/topology.ts'
import { isRefusal, type Refusal, refuse } from '../../../src/core/refusal/refusal.ts'
import type { Geometry } from '../../../src/core/slot/layout.ts'
import type { AnchorJson } from '../../../src/wire/fleet-api.ts'
import { DEFAULT_GEOMETRY } from '../../controller/sim-controller.ts'

/** Where a simulated site keeps what. `faults.json` and `issued.json` come from outside; the rest is its own. */
export const siteFiles = (folder: string) => ({
  made: join(folder, 'site.json'),
  enrolment: join(folder, 'enrolment.json'),
  issued: join(folder, 'issued.json'),
  faults: join(folder, 'faults.json'),
  notes: join(folder, 'notes.sqlite'),
  controllers: join(folder, 'controllers'),
  controller: (id: string) => join(folder, 'controllers', id),
})

/** What a site was made as: its description, and the keys whose firmware its controllers accept. */
export type MadeSite = { readonly site: Site; readonly anchors: readonly Anchor[] }

/** What the fleet gave the controllers of a site: where their gateway is, whom they trust, who they are. */
export type IssuedSite = {
  readonly gateway: { readonly url: string }
  readonly siteCa: string
  readonly controllers: Readonly<Record<string, { readonly cert: string }>>
}

const MAX_FILE = 1 << 25

export function writeMade(folder: string, { site, anchors }: MadeSite): void {
  const written = anchors.map(({ kid, key }): AnchorJson => ({ kid, alg: key.alg, spki: toBase64(key.spki) }))
  writeWhole(siteFiles(folder).made, `${JSON.stringify({ kind: 'voltseal-simulated-site', site, anchors: written })}\n`)
}

/** Refuses `file-missing` and the like, `config-malformed`, and what `parseSite` refuses. */
export function readMade(folder: string): MadeSite | Refusal {
  const path = siteFiles(folder).made
  const value = readJson(path)
  if (isRefusal(value)) return value
  const { kind, site, anchors } = value as { kind?: unknown; site?: unknown; anchors?: readonly AnchorJson[] }
  if (kind !== 'voltseal-simulated-site' || !Array.isArray(anchors)) {
    return refuse('config-malformed', path, 'a site that `site.ts make` made', 'something else')
  }
  const parsed = parseSite(site, path)
  if (isRefusal(parsed)) return parsed
  return { site: parsed, anchors: (anchors as readonly AnchorJson[]).map(anchorOf) }
}

/** Refuses `gateway-not-enrolled`, `file-unreadable`, `config-malformed`. */
export function readIssued(folder: string): IssuedSite | Refusal {
  const path = siteFiles(folder).issued
  const value = readJson(path)
  if (!isRefusal(value)) return value as IssuedSite
  if (value.code !== 'file-missing') return value
  return refuse('gateway-not-enrolled', folder, 'an issued.json from the fleet', 'none')
}

/** A site's description from its `site.yaml`. */
export function readSiteFile(path: string): Site | Refusal {
  const value = readConfig(path)
  return isRefusal(value) ? value : parseSite(value, path)
}

export function readJson(path: string): unknown | Refusal {
  const text = readText(path, MAX_FILE)
  if (typeof text !== 'string') return text
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    return refuse('config-malformed', path, 'JSON', (error as Error).message)
  }
}

/** The flash of a class: what its site calls the slot is the room for the image; the envelope stands before it. */
export function geometryOf(site: Site, className: string): Geometry {
  const { sector } = DEFAULT_GEOMETRY.slot
  const room = site.classes[className]?.slot ?? DEFAULT_GEOMETRY.slot.size
  const size = Math.ceil(room / sector) * sector + DEFAULT_GEOMETRY.imageOffset
  return { ...DEFAULT_GEOMETRY, slot: { size, sector }, golden: { size, sector } }
}

function anchorOf({ kid, alg, spki }: AnchorJson): Anchor {
  return { kid, key: { alg: alg as KeyAlgorithm, spki: fromBase64(spki) ?? new Uint8Array(0) } }
}
