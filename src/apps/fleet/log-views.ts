import { toBase64 } from '../../core/encoding/bytes.ts'
import { plainText } from '../../core/encoding/plain-text.ts'
import { FLEET, type Holder, mayDo } from '../../core/fleet/roles.ts'
import { type AuditEntry, parseEntry } from '../../core/ledger/entry.ts'
import { type LogPolicy, writePolicy } from '../../core/ledger/log-policy.ts'
import { isPseudonym, withNames } from '../../core/ledger/pseudonym.ts'
import { verifierKey } from '../../core/ledger/signed-note.ts'
import { orThrow, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { namesFor } from '../../flows/persons.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import type { PolicyView } from '../../wire/audit-views.ts'
import {
  type AuditPage,
  type CheckpointView,
  type HistoryView,
  MOST_PEOPLE,
  type PeopleView,
} from '../../wire/fleet-views.ts'
import { historyView } from '../process/history-view.ts'
import { type Page, pageOf, shown, type Wanted } from './api/page.ts'

/** What the fleet server shows of its audit log. */

type Row = { readonly index: number; readonly bytes: Uint8Array }

export async function history(
  world: FleetWorld,
  site: string,
  id: string,
  wanted: Wanted & { readonly newest?: string },
  reader: Holder,
): Promise<Page<HistoryView> | Refusal> {
  const row = await world.store.controller(site, id)
  if (row === null) return refuse('controller-unknown', `${site}/${id}`, 'a registered controller', 'none of that name')
  const { newest } = wanted
  const page =
    newest === undefined
      ? await pageOf(wanted, {
          name: `history ${site}/${id}`,
          sorts: ['number'],
          keyOf: ({ index }: Row) => [index] as const,
          behind: (after, count) => world.store.entriesOfFrom({ site, controller: id }, behind(after), count),
        })
      : { items: await world.store.entriesOf({ site, controller: id }, Number(newest)), next: null }
  return shown(page, async ({ index, bytes }) => {
    const entry = await readable(world, reader, orThrow(parseEntry(bytes, `entry ${index}`)))
    return historyView(index, entry)
  })
}

const behind = (after: readonly [number] | null): number => (after === null ? 0 : after[0] + 1)

export async function checkpoint(world: FleetWorld): Promise<CheckpointView | Refusal> {
  const { size, checkpoint } = await world.store.log()
  const key = verifierKey(world.crypto, { name: world.name, key: world.auditSigner.key })
  if (key === null) return refuse('log-signer-unsuitable', 'the key of the log', 'an Ed25519 key', 'another one')
  return { size, checkpoint, key }
}

/** Whom a reader of the log has to trust: its key, and the witnesses that the fleet server was told of. Their addresses are not shown. */
export function policyOf(world: FleetWorld, { witnesses, groups, quorum }: LogPolicy): LogPolicy {
  const log = { key: { name: world.name, key: world.auditSigner.key }, url: null }
  const named = new Map([...witnesses].map(([name, { key }]) => [name, { key, url: null }]))
  return { logs: [log], witnesses: named, groups, quorum }
}

export const policy = (world: FleetWorld, of: LogPolicy): PolicyView => ({
  policy: writePolicy(policyOf(world, of), world.crypto),
})

/** An entry for people to read: with names where the reader may see accounts, as it is in the log elsewhere. */
export async function readable(world: FleetWorld, reader: Holder, entry: AuditEntry): Promise<AuditEntry> {
  const mayName = mayDo(reader, 'read-accounts', FLEET) === null
  return mayName ? withNames(entry, await namesFor(world, [entry])) : entry
}

/** Whom pseudonyms of the log stand for, as far as it is known. */
export async function people(world: FleetWorld, of: string): Promise<PeopleView | Refusal> {
  const asked = of.split(',')
  const bad = asked.find(one => !isPseudonym(one))
  if (bad === undefined && asked.length <= MOST_PEOPLE) return Object.fromEntries(await world.store.people.named(asked))
  const expected = `at most ${MOST_PEOPLE} pseudonyms of the log, with commas between them`
  return refuse('request-malformed', 'of', expected, bad === undefined ? `${asked.length}` : plainText(bad, 80))
}

const PAGE = 1000

export async function entries(world: FleetWorld, from: number, to: number): Promise<AuditPage | Refusal> {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to < from || to - from > PAGE) {
    return refuse('request-malformed', `entries ${from} to ${to}`, `at most ${PAGE} from 0 up`, 'another range')
  }
  const rows = await world.store.entries(from, to)
  return { entries: rows.map(({ index, bytes }) => ({ index, bytes: toBase64(bytes) })) }
}

/** The log page by page. New entries come behind the last page: its end is the end for now. */
export async function allEntries(
  world: FleetWorld,
  wanted: Wanted,
): Promise<Page<AuditPage['entries'][number]> | Refusal> {
  const page = await pageOf(wanted, {
    name: 'entries',
    sorts: ['number'],
    keyOf: ({ index }: Row) => [index] as const,
    behind: (after, count) => world.store.entries(behind(after), behind(after) + count),
  })
  return shown(page, ({ index, bytes }) => ({ index, bytes: toBase64(bytes) }))
}
