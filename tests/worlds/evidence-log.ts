import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { packZip } from '../../src/adapters/zip-files.ts'
import { fromUtf8, toBase64, toHex, utf8 } from '../../src/core/encoding/bytes.ts'
import { type Instant, instant } from '../../src/core/encoding/units.ts'
import { parseUtc } from '../../src/core/encoding/utc-time.ts'
import type { Checkpoint } from '../../src/core/ledger/checkpoint.ts'
import { type AuditEntry, entryBytes } from '../../src/core/ledger/entry.ts'
import { noWitness } from '../../src/core/ledger/log-policy.ts'
import type { Standard } from '../../src/core/ledger/pack/clauses.ts'
import { type Findings, keysText, makePack, packFiles } from '../../src/core/ledger/pack/make.ts'
import { type Query, queryJson } from '../../src/core/ledger/pack/query.ts'
import { CHECKPOINT_PATH } from '../../src/core/ledger/tiles.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { gather, headOf, proveContinues, proveEvents } from '../../src/flows/gather.ts'
import type { LogFiles } from '../../src/flows/ports.ts'
import { logKey, ORIGIN, signedBy, testLogKey } from '../core/ledger/keys.ts'
import { logFilesOf } from '../core/ledger/tile-files.ts'

/** Logs of campaigns as a fleet server writes them, and packs of them as the command line makes them. */

const hex = (text: string): string => toHex(crypto.sha256(utf8(text)))
export const RELEASE = hex('bms 1.5.0')
const DAY = 86_400_000
const BEGIN = parseUtc('2026-03-01T06:00:00Z') as Instant

type Told = Pick<AuditEntry, 'kind' | 'actor' | 'detail'> & Partial<AuditEntry>

/** People are pseudonyms in a log. */
export const pseudonym = (name: string): string => `person:${hex(name)}`
const person = (name: string, key?: string) =>
  ({ kind: 'person', id: pseudonym(name), ...(key === undefined ? {} : { key }) }) as const
const fleet = { kind: 'fleet', id: ORIGIN } as const

/** Of each site, this many controllers, updated in one campaign a month; the last controller of a site fails. */
export type Scale = { readonly sites: number; readonly controllers: number; readonly months: number }

/** The entries of a log, in order, a minute apart within a day. */
export function campaignEntries({ sites, controllers, months }: Scale): AuditEntry[] {
  const told: Told[] = []
  const say = (...some: Told[]): unknown => told.push(...some)
  const entries: AuditEntry[] = []
  const flush = (at: number): void => {
    for (const [minute, one] of told.splice(0).entries()) {
      entries.push({
        v: 1,
        at: instant(at + minute * 60_000),
        clock: minute % 7 === 0 ? 'free' : 'synchronised',
        ...one,
      })
    }
  }
  say({ kind: 'log-opened', actor: fleet, detail: {} })
  for (let site = 1; site <= sites; site += 1) {
    say({ kind: 'site-registered', actor: person('ada'), site: `harbour-${site}`, detail: {} })
  }
  say({
    kind: 'release-published',
    actor: person('rhea'),
    release: RELEASE,
    detail: { class: 'bms', version: '1.5.0', path: 'bms/1.5.0/envelope.suit' },
  })
  flush(BEGIN)
  for (let month = 0; month < months; month += 1) {
    campaign(say, month, { sites, controllers, months })
    flush(BEGIN + (1 + month * 30) * DAY)
  }
  return entries
}

function campaign(say: (...some: Told[]) => unknown, month: number, { sites, controllers }: Scale): void {
  const about = { campaign: `spring-${month + 1}`, changeRequest: `CHG-20260${month + 1}` }
  const releases = [{ path: 'bms/1.5.0/envelope.suit', sha256: RELEASE }]
  say({ kind: 'access-granted', actor: person('olga'), detail: { way: 'password' } })
  say({
    kind: 'campaign-created',
    actor: person('olga'),
    ...about,
    detail: { title: 'Cell balancing, Łódź and Αθήνα', criticality: 'routine', sha256: hex(`plan ${month}`), releases },
  })
  for (const id of ['anna', 'björn']) {
    say({ kind: 'approval-signed', actor: person(id, hex(id).slice(0, 16)), ...about, detail: {} })
  }
  say({ kind: 'campaign-approved', actor: fleet, ...about, detail: {} })
  say({ kind: 'campaign-started', actor: person('olga'), ...about, detail: {} })
  say({ kind: 'wave-opened', actor: fleet, ...about, detail: { wave: 'first' } })
  for (let site = 1; site <= sites; site += 1) {
    for (let at = 1; at <= controllers; at += 1)
      turn(say, about, `harbour-${site}`, `bms-${at}`, at === controllers && at > 1)
  }
  say({ kind: 'wave-passed', actor: fleet, ...about, detail: { wave: 'first' } })
  say({ kind: 'campaign-done', actor: fleet, ...about, detail: {} })
  say({ kind: 'access-refused', actor: person('mallory'), code: 'role-missing', detail: { attempt: 'campaign start' } })
}

function turn(
  say: (...some: Told[]) => unknown,
  about: { campaign: string; changeRequest: string },
  site: string,
  controller: string,
  fails: boolean,
): void {
  const where = { site, controller, ...about }
  const gateway = { kind: 'gateway', id: site } as const
  const path = 'bms/1.5.0/envelope.suit'
  say({
    kind: 'controller-assigned',
    actor: fleet,
    ...where,
    release: RELEASE,
    detail: { path, wave: 'first', from: '1.4.0' },
  })
  say({ kind: 'activation-granted', actor: gateway, ...where, detail: { window: 'night' } })
  const version = fails ? '1.4.0' : '1.5.0'
  say({
    kind: 'controller-report',
    actor: { kind: 'controller', id: controller },
    site,
    controller,
    detail: { assignment: `${about.campaign}/${site}/${controller}/1`, version, slot: 'b', counter: 12, sequence: 4 },
  })
  if (fails)
    say({ kind: 'controller-failed', actor: fleet, ...where, code: 'health-failed', detail: { code: 'health-failed' } })
  else say({ kind: 'controller-confirmed', actor: fleet, ...where, detail: { step: 1, of: 1 } })
}

export const bytesOf = (entry: AuditEntry): Uint8Array => orThrow(entryBytes(entry))

/** The files of a log of these entries, signed by the key of `seed`. */
export function filesOf(entries: readonly AuditEntry[], seed = 1): LogFiles {
  const { files, head } = logFilesOf(entries.map(bytesOf))
  files.set(CHECKPOINT_PATH, utf8(signedBy(testLogKey(seed), `${ORIGIN}\n${head.size}\n${toBase64(head.root)}\n`)))
  return { file: path => Promise.resolve(files.get(path) ?? null) }
}

/** A small standard, of which the last clause never has its events. */
export const STANDARD: Standard = {
  v: 1,
  standard: 'EXAMPLE 1',
  title: 'Changes of firmware',
  edition: '2026',
  source: 'example.org',
  reading: 'direct',
  clauses: [
    {
      clause: '1.1',
      about: 'Changes are approved.',
      checked: true,
      enforced: [],
      recorded: [{ what: 'approvals', kinds: ['approval-signed'] }],
      left: '',
    },
    {
      clause: '1.2',
      about: 'Keys are exchanged.',
      checked: true,
      enforced: [],
      recorded: [
        { what: 'ceremonies', kinds: ['ceremony-closed'] },
        { what: 'refused attempts', kinds: ['access-refused'] },
      ],
      left: '',
    },
    {
      clause: '1.3',
      about: 'Time runs.',
      checked: true,
      enforced: [],
      recorded: [{ what: 'lost links', kinds: ['link-lost'] }],
      left: '',
    },
  ],
}

export const MADE = parseUtc('2026-09-01T12:00:00Z') as Instant

export type Wanted = {
  readonly entries: readonly AuditEntry[]
  readonly query?: Query
  /** Whose key signs the log. */
  readonly seed?: number
  /** Sealed, unless said otherwise. */
  readonly sealed?: boolean
  /** What stands in the log in place of the entry that seals the pack. */
  readonly instead?: (seal: AuditEntry) => AuditEntry
}

/** The files of a pack, sealed as a fleet server would. */
export async function packOf({
  entries,
  query = {},
  seed = 1,
  sealed = true,
  instead = seal => seal,
}: Wanted): Promise<Map<string, Uint8Array>> {
  const policy = noWitness(logKey(seed))
  const before = filesOf(entries, seed)
  const searched = orThrow(await headOf(before, policy, crypto))
  const found = orThrow(await gather(before, searched, query, crypto))
  const findings: Findings = {
    query,
    searched: searched.checkpoint,
    ...found,
    standards: [STANDARD],
    made: MADE,
    maker: 'a test',
  }
  const keys = keysText(crypto, policy)
  const beside = { keys, report: utf8('%PDF-1.7 a report'), page: utf8('<!doctype html>'), script: utf8('// verifier') }
  const pack = makePack(crypto, findings, beside)
  const seal = instead(sealOf(pack.manifest, findings.searched, found.events.length, query))
  const all = sealed ? [...entries, seal] : entries
  const files = filesOf(all, seed)
  const head = orThrow(await headOf(files, policy, crypto))
  const proofs = orThrow(await proveEvents(files, head, found.events, crypto))
  const continues = orThrow(await proveContinues(files, searched.checkpoint, head, crypto))
  const sealProof = sealed
    ? (orThrow(await proveEvents(files, head, [{ index: entries.length, bytes: bytesOf(seal) }], crypto)).get(
        entries.length,
      ) as string)
    : null
  return packFiles(pack, { checkpoint: head.signed, continues, proofs, seal: sealProof })
}

export const sealOf = (
  manifest: Uint8Array,
  { size }: Pick<Checkpoint, 'size'>,
  events: number,
  query: Query,
): AuditEntry => ({
  v: 1,
  kind: 'evidence-exported',
  at: MADE,
  clock: 'synchronised',
  actor: person('audrey'),
  detail: { manifest: toHex(crypto.sha256(manifest)), query: queryJson(query), size, events },
})

export const zipOf = (files: ReadonlyMap<string, Uint8Array>): Uint8Array => packZip(files, MADE)
export const textOf = (files: ReadonlyMap<string, Uint8Array>, name: string): string =>
  fromUtf8(files.get(name) as Uint8Array) as string
