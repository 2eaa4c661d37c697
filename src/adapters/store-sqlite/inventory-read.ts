import { type Instant, instant } from '../../core/encoding/units.ts'
import type { Version } from '../../core/firmware/version.ts'
import type { InventoryRow } from '../../core/fleet/inventory-row.ts'
import type { Value } from './inventory-where.ts'

export type Row = Record<string, Value>

/** What a row of the inventory is read with. */
export const COLUMNS = `site, id, region, class, hardware, cabinet, rack, standing, decrypts, said, version, state, counter,
  running_sequence, digest, report, attested_at, seen_at, claimed_version, claimed_at,
  (SELECT names FROM name_set WHERE id = labels) AS labels, (SELECT names FROM name_set WHERE id = anchors) AS anchors`

/** Texts and lists that many rows have in common are one object: who plans a million controllers holds them all. */
const texts = new Map<string, string>()
const lists = new Map<string, readonly string[]>()
const KEPT = 10_000

function shared(text: string): string {
  const known = texts.get(text)
  if (known !== undefined) return known
  if (texts.size >= KEPT) texts.clear()
  texts.set(text, text)
  return text
}

function listOf(json: string): readonly string[] {
  const known = lists.get(json)
  if (known !== undefined) return known
  if (lists.size >= KEPT) lists.clear()
  const list = Object.freeze((JSON.parse(json) as string[]).map(shared))
  lists.set(json, list)
  return list
}

export function rowOf(row: Row): InventoryRow {
  const text = (name: string): string => shared(row[name] as string)
  const number = (name: string): number => row[name] as number
  const moment = (name: string): Instant | null => (number(name) === 0 ? null : instant(number(name)))
  const place = (name: string): string | null => (row[name] === null ? null : text(name))
  return {
    site: text('site'),
    id: text('id'),
    region: text('region'),
    class: text('class'),
    hardware: text('hardware'),
    cabinet: place('cabinet'),
    rack: place('rack'),
    labels: listOf(row.labels as string),
    standing: text('standing') as InventoryRow['standing'],
    claim:
      text('claimed_version') === ''
        ? null
        : { version: text('claimed_version') as Version, at: instant(number('claimed_at')) },
    attested:
      text('said') === 'attested'
        ? {
            sequence: number('report'),
            at: instant(number('attested_at')),
            state: text('state') as 'stable',
            running: {
              version: text('version') as Version,
              sequence: number('running_sequence'),
              digest: shared((row.digest as Uint8Array).toHex()),
            },
            counter: number('counter'),
            anchors: listOf(row.anchors as string),
          }
        : null,
    seenAt: moment('seen_at'),
    decrypts: number('decrypts') === 1,
  }
}
