import type { Governance } from '../core/campaign/change-request.ts'
import type { KeptTime } from '../core/campaign/clock-line.ts'
import type { SiteLink } from '../core/campaign/link.ts'
import type { PlantView } from '../core/campaign/plant-view.ts'
import type { Reading } from '../core/campaign/rules/readings.ts'
import type { OrderRow, TurnRow } from '../core/campaign/turn-rows.ts'
import type { Cipher } from '../core/encoding/cipher.ts'
import type { Crypto, PublicKey, SignatureForm } from '../core/encoding/crypto.ts'
import type { Instant, Millis } from '../core/encoding/units.ts'
import type { Anchor } from '../core/firmware/suit-open.ts'
import type { AccountChange } from '../core/fleet/account-rows.ts'
import type { AnswerRow, Once, Repeatable } from '../core/fleet/answer-rows.ts'
import type { AskingRow, Silence } from '../core/fleet/attention.ts'
import type { CopyMark } from '../core/fleet/backup.ts'
import type { ControllerRef } from '../core/fleet/inventory.ts'
import type { Experience } from '../core/fleet/inventory-row.ts'
import type { PatchChange } from '../core/fleet/patch-rows.ts'
import type { Point } from '../core/fleet/points.ts'
import type {
  BreakRow,
  ControllerRow,
  GatewayControllerRow,
  HistoryRow,
  OrderableRow,
  SiteRow,
  WrapRow,
} from '../core/fleet/rows.ts'
import type { Site } from '../core/fleet/topology.ts'
import type { ClockQuality } from '../core/ledger/entry.ts'
import type { EntryRow, LogRow, TileRow } from '../core/ledger/log-rows.ts'
import type { ItemKind, OutboxItem, OwnLog, SentItem, ToldRow, Upstream } from '../core/ledger/own-log-rows.ts'
import type { PersonChange } from '../core/ledger/person-rows.ts'
import type { SiemChange } from '../core/ledger/siem-rows.ts'
import type { SoughtFilter, SoughtRow, Stretch } from '../core/ledger/sought-rows.ts'
import type { WebhookChange } from '../core/ledger/webhook-rows.ts'
import type { WitnessChange, WitnessedLog } from '../core/ledger/witness-rows.ts'
import type { Refusal } from '../core/refusal/refusal.ts'
import type { PublishPolicy } from '../core/trust/evidence/judge.ts'
import type { ArchiveChange, ArchiveStore, RestoreChange, RestoredStore } from './archive-ports.ts'
import type { AttentionStore, HistoryStore, ImportStore, InventoryStore } from './inventory-ports.ts'
import type { PatchPolicy, PatchStore } from './patch-ports.ts'
import type { AccountStore, PersonStore, Random } from './people-ports.ts'
import type { TurnStore } from './turn-ports.ts'

/** What the flows need of the world. A port is added when a flow needs it, with its second implementation in sight. */

/** The time, with what is known of its quality. One reading per decision. */
export interface Clock {
  now(): Instant
  /** How good it is: `free` runs by itself, `simulated` is a test's or a demo's. */
  readonly quality: ClockQuality
  /**
   * A counter beside it that nobody can set, in milliseconds since some moment: jumps of the clock show against it. Absent:
   * the process has one of its own.
   */
  readonly steady?: () => Millis
}

/** A private key that signs and cannot be read: in a file for development, in a PKCS #11 token otherwise. */
export interface Signer {
  readonly key: PublicKey
  /**
   * True for a key that can be copied: in a plain file, or in a token that lets it out. Everything that it signs is
   * labelled a development signature.
   */
  readonly development: boolean
  sign(message: Uint8Array, form: SignatureForm): Promise<Uint8Array | Refusal>
}

/** The private key that makers of releases wrap content keys for, and which cannot be read. P-256. */
export interface WrappingKey {
  /** SubjectPublicKeyInfo of its public half. */
  readonly spki: Uint8Array
  /** True for a key that lives in a plain file. */
  readonly development: boolean
  /** The secret that it comes to with a point of P-256 (SEC 1, uncompressed). Refuses `wrap-not-opened`: no such point. */
  agree(point: Uint8Array): Promise<Uint8Array | Refusal>
}

// --- Blobs: immutable bytes named by their SHA-256 (fleet: the repository's payloads; gateway: the cache) ---

/** A blob's name and size: every download has both before its first byte. */
export type BlobId = { readonly sha256: string; readonly length: number }

export interface Blobs {
  /** True when a complete blob of that name and length is there. Does not read it: see `verify`. */
  has(id: BlobId): Promise<boolean>
  /** The length of a complete blob by its name; null when there is none. */
  size(sha256: string): Promise<number | null>
  /** Bytes of an unfinished download that a further `append` goes on from. */
  partial(id: BlobId): Promise<number>
  /** Bytes of the unfinished download; `end` is exclusive. Nothing of them is verified. */
  unfinished(id: BlobId, start: number, end: number): AsyncIterable<Uint8Array>
  /**
   * Appends a body to the unfinished blob, and forgets what was behind `from`; at its full length verifies the digest
   * and only then gives it its name. Durable on return (file and folder synced). Refuses: `download-truncated` (what came stays, for resuming),
   * `download-too-long`, `blob-digest-mismatch` (what came is deleted), `no-space`.
   */
  append(id: BlobId, from: number, body: AsyncIterable<Uint8Array>): Promise<null | Refusal>
  /** Reads the whole blob again and compares its digest. Refuses: `blob-missing`, `blob-digest-mismatch`. */
  verify(id: BlobId): Promise<null | Refusal>
  /**
   * Moves a blob that failed its verification out of the way, where an investigator finds it. False when somebody else
   * has done so.
   */
  quarantine(id: BlobId): Promise<boolean>
  /** The bytes of a small blob, verified. Refuses: `blob-missing`, `blob-digest-mismatch`. */
  read(id: BlobId): Promise<Uint8Array | Refusal>
  /** A stream of a part of the blob; `end` is exclusive. */
  stream(id: BlobId, start: number, end: number): AsyncIterable<Uint8Array>
}

// --- A log as files ---

/**
 * A log as the files that it is served as (C2SP tlog-tiles), wherever it lies: in the fleet's store, in a folder, behind HTTPS. Whoever
 * reads a log asks for paths below the log's root: `checkpoint`, `tile/0/000.p/7`, `tile/entries/x001/234`. Null: there is no such
 * file. Where a partial tile has become full and was taken away, the full one is answered. Nothing of it is verified: what reads it does that
 * (core/ledger/tile-reader.ts).
 */
export interface LogFiles {
  file(path: string): Promise<Uint8Array | null>
}

// --- The fleet server's store ---

export type { ControllerRow, GatewayControllerRow, KeptTime, OrderableRow, SiteRow, WrapRow }

/**
 * A file of a repository, by the name that clients ask for (`7.snapshot.json`). `repo` is image, approval, director/SITE, or
 * sheets/CAMPAIGN with a file `SITE.json` for each site of a plan.
 */
export type RepoFile = { readonly repo: string; readonly path: string; readonly bytes: Uint8Array }

/** A campaign: its plan's bytes, the head of its rollout as text, and whether time still has to pass for it. */
export type CampaignRow = {
  readonly id: string
  readonly plan: Uint8Array
  readonly state: string
  readonly open: boolean
}

/**
 * Everything that one decision changes. It becomes durable whole, or not at all. A controller's report was verified before it
 * stands in a change: the store keeps the inventory in step with it, and verifies nothing.
 */
export type FleetChange = AccountChange &
  ArchiveChange &
  PatchChange &
  RestoreChange &
  PersonChange &
  WebhookChange &
  SiemChange &
  WitnessChange & {
    readonly files?: readonly RepoFile[]
    readonly sites?: readonly SiteRow[]
    readonly controllers?: readonly ControllerRow[]
    readonly wraps?: readonly WrapRow[]
    /** Rows of the inventory that do not hold: they are made anew from the site's description, and say nothing attested. */
    readonly doubted?: readonly { readonly site: string; readonly id: string }[]
    /** Sites whose roll-ups are counted anew from their rows, and whether those of the fleet are from theirs. */
    readonly recounted?: readonly string[]
    readonly recountedFleet?: boolean
    /** An import whose lines come into the inventory from now on. */
    readonly importDecided?: number
    /** What reports add to the experience with versions. */
    readonly experience?: readonly Experience[]
    readonly campaigns?: readonly CampaignRow[]
    readonly turns?: readonly TurnRow[]
    readonly orders?: readonly OrderRow[]
    /** Orders that are over: their controllers said themselves how they ended. */
    readonly ended?: readonly ControllerRef[]
    /** A site has shown which version of its director's targets it goes by: what was taken back up to it is over. */
    readonly shown?: { readonly site: string; readonly version: number }
    /** Orders that were taken back, and that nobody can carry out any more from this instant on, are over. */
    readonly expired?: Instant
    /** Whose full image waits for a yes at its site, or does not any more, in this order. Who waited before has waited since then. */
    readonly asking?: readonly AskingRow[]
    readonly histories?: readonly HistoryRow[]
    readonly breaks?: readonly BreakRow[]
    /** What was held back of a controller's history has come up to this decision; of a gateway's own log, it goes on. */
    readonly mended?: readonly { readonly site: string; readonly controller: string; readonly to: number }[]
    readonly entries?: readonly EntryRow[]
    readonly log?: LogRow
    /** Tiles of the log that the entries fill or add to. */
    readonly tiles?: readonly TileRow[]
    readonly answers?: readonly AnswerRow[]
  }

/** Each filter has an index of its own: nothing here ever reads the whole log. */
export type EntryFilter = { readonly campaign: string } | { readonly site: string; readonly controller: string }

/**
 * Looks for entries in the log by what they say. Every look is at a stretch of it that the caller chooses, so that a log of any length
 * is searched in pieces, with room for others between them.
 */
export interface EntrySearch {
  /** At most `limit` entries of a stretch that fit, the newest first, or the oldest. */
  find(filter: SoughtFilter, stretch: Stretch, first: 'newest' | 'oldest', limit: number): SoughtRow[]
  /** How many entries of each kind a stretch has, as far as they fit. */
  kinds(filter: SoughtFilter, stretch: Stretch): ReadonlyMap<string, number>
  /** The bytes of some entries, by index, without those whose bytes are not to be had. */
  bytesOf(indices: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>>
}

export interface FleetStore extends AccountStore, RestoredStore {
  readonly sought: EntrySearch
  readonly people: PersonStore
  readonly turns: TurnStore
  readonly archived: ArchiveStore
  readonly inventory: InventoryStore
  readonly imports: ImportStore
  readonly patches: PatchStore
  /** Runs one decision at a time: what it read is still true when it commits. */
  exclusive<T>(work: () => Promise<T>): Promise<T>
  /** Whether the caller is a part of a request that `once` carries out: it has its turn already. */
  readonly inTurn: boolean
  /**
   * Carries out a request that may be repeated, as one decision in one turn: what `work` decides and what `write` makes of
   * its result become durable together. Asked again before it expires, nothing is done, and the first answer is given.
   * A refused request has decided nothing and is not kept. Refuses `idempotency-key-reused`, and what `work` refuses.
   */
  once<T>(
    request: Repeatable,
    work: () => Promise<T | Refusal>,
    write: (result: T) => Uint8Array,
  ): Promise<Once | Refusal>
  file(repo: string, path: string): Promise<Uint8Array | null>
  /** Files of a repository behind a path, in order of path: a page of at most `limit`. */
  filesAfter(repo: string, path: string, limit: number): Promise<Omit<RepoFile, 'repo'>[]>
  site(id: string): Promise<SiteRow | null>
  sites(): Promise<SiteRow[]>
  /** At most `limit` names of registered sites behind one, in order. */
  siteNames(after: string, limit: number): Promise<string[]>
  controller(site: string, id: string): Promise<ControllerRow | null>
  controllers(site?: string): Promise<ControllerRow[]>
  /** The controllers that stand in their site's description, as orders need them. Who was never registered has no turn. */
  orderables(site: string): Promise<OrderableRow[]>
  /** At most `limit` controllers behind one, in order of site and name; from the first one on when it is null. */
  controllersBehind(after: readonly [site: string, id: string] | null, limit: number): Promise<ControllerRow[]>
  /**
   * The version in a controller's last report, which was verified when it was taken in; empty: it never reported. The
   * inventory's row, which `checkStore` compares with the report.
   */
  attestedVersion(site: string, id: string): Promise<string>
  /** Whether a controller was once registered with this report key, and has another one since. */
  hadReportKey(site: string, id: string, key: Uint8Array): Promise<boolean>
  /** The wraps of a release's content key for the controllers of a site, by controller. */
  wraps(envelope: string, site: string): Promise<ReadonlyMap<string, Uint8Array>>
  /** A campaign: the same object until it is committed again, and the same plan for ever. */
  campaign(id: string): Promise<CampaignRow | null>
  campaigns(): Promise<CampaignRow[]>
  /** Those that time still has to pass for. */
  openCampaigns(): Promise<CampaignRow[]>
  readonly histories: HistoryStore
  readonly attention: AttentionStore
  log(): Promise<LogRow>
  /** The hashes that a tile of the log has so far, one after the other; null: none. */
  tile(level: number, index: number): Promise<Uint8Array | null>
  /**
   * Entries with their index, `from` inclusive, `to` exclusive. Those whose bytes have left the database come from the archive, held
   * against their hashes. Throws a `RefusalError` with `log-archived` when the archive is not there.
   */
  entries(from: number, to: number): Promise<{ index: number; bytes: Uint8Array }[]>
  /** The same without those whose bytes are not to be had. */
  entriesThere(from: number, to: number): Promise<{ index: number; bytes: Uint8Array }[]>
  /** The hash of an entry; null: there is none of that index. */
  leaf(index: number): Promise<Uint8Array | null>
  /** The newest entries of a filter, oldest first, without those whose bytes are not to be had. */
  entriesOf(filter: EntryFilter, limit: number): Promise<{ index: number; bytes: Uint8Array }[]>
  /** Its entries from an index on, oldest first. Throws as `entries` does. */
  entriesOfFrom(filter: EntryFilter, from: number, limit: number): Promise<{ index: number; bytes: Uint8Array }[]>
  /** Durable on return. Throws for dead I/O: nothing of the change is then there. */
  commit(change: FleetChange): Promise<void>
}

// --- The gateway's store ---

export type GatewayChange = {
  readonly files?: readonly RepoFile[]
  /** Files that are not kept any more. */
  readonly forgotten?: readonly Pick<RepoFile, 'repo' | 'path'>[]
  readonly controllers?: readonly GatewayControllerRow[]
  /** The verified assignments of this site, as canonical JSON; replaces the ones before. */
  readonly assignments?: Uint8Array
  /** Appended to the outbox; the store gives the sequences. */
  readonly outbox?: readonly { readonly kind: ItemKind; readonly bytes: Uint8Array }[]
  /** Items up to this sequence are durable at the fleet. */
  readonly acknowledged?: number
  /** The fleet has no more than this, though it had acknowledged more: what is behind it is handed over again. */
  readonly rewound?: number
  /** The log goes on behind this end: what is still to be handed over gets new numbers, behind the items of this change. */
  readonly continued?: { readonly sequence: number; readonly head: Uint8Array }
  readonly told?: readonly ToldRow[]
  readonly time?: KeptTime
  /** Marks the store as a copy; null: it has caught up. */
  readonly copied?: CopyMark | null
  /** What this gateway signed last of the fleet's log. */
  readonly witnessed?: WitnessedLog
}

export interface GatewayStore {
  exclusive<T>(work: () => Promise<T>): Promise<T>
  files(repo: string): Promise<Map<string, Uint8Array>>
  controller(id: string): Promise<GatewayControllerRow | null>
  controllers(): Promise<GatewayControllerRow[]>
  /** The assignments as they were committed: the same object until others are. */
  assignments(): Promise<Uint8Array | null>
  outbox(limit: number): Promise<OutboxItem[]>
  /** Items of its own log behind a number, as far as they are kept; `outbox`: the oldest that the fleet does not have. */
  logged(behind: number, limit: number): Promise<OutboxItem[]>
  /** The newest items of its own log about one controller, oldest first, as far as they are kept. */
  loggedAbout(controller: string, limit: number): Promise<OutboxItem[]>
  ownLog(): Promise<OwnLog>
  told(controller: string): Promise<ToldRow | null>
  /** The sequence that the outbox gave last, whether the item is still there or not; 0 before the first. */
  lastGiven(): Promise<number>
  /** What it signed last of a log, by origin. */
  witnessed(origin: string): Promise<WitnessedLog | null>
  /** Zeros before the first. A latest time that was committed is never followed by an earlier one. */
  time(): Promise<KeptTime>
  /** What a restored store knows of itself, until it has caught up; null: it is no copy. */
  copied(): Promise<CopyMark | null>
  /** Durable on return. Concurrent commits share one sync of the disk. */
  commit(change: GatewayChange): Promise<void>
}

// --- The gateway's link to the fleet server ---

/** Which versions the fleet has for a site, as an opaque tag, null when it is the tag that was given; and its time as it said so. */
export type News = {
  readonly tag: string | null
  readonly at: Instant
  /** Up to which number of the gateway's outbox everything is durable at the fleet; left out by one that does not say. */
  readonly upstream?: number
  /** The fleet was restored, and asks how far the outbox is. */
  readonly restored?: true
  /** Somebody looks at this site: its plant may be shown (flows/show-plant.ts). */
  readonly look?: true
}

export interface FleetLink {
  /**
   * `director`: by which version of its director's targets the site goes, when it says so (flows/shown-orders.ts). `acknowledged`: up
   * to which number the fleet has acknowledged the outbox.
   */
  checkIn(tag: string | null, director?: number, acknowledged?: number): Promise<News | Refusal>
  /**
   * A file of a repository, at most `maxBytes` long; null when there is none of that name. `sheets`: what plans give to this
   * site, `CAMPAIGN.json` each.
   */
  file(
    repo: 'image' | 'approval' | 'director' | 'sheets',
    path: string,
    maxBytes: number,
  ): Promise<Uint8Array | null | Refusal>
  /** The bytes of a blob from an offset on. */
  blob(id: BlobId, from: number): Promise<AsyncIterable<Uint8Array> | Refusal>
  /** Hands over outbox items in order; answers the highest sequence that is durable at the fleet. */
  send(items: readonly SentItem[], manifest: Uint8Array): Promise<number | Refusal>
  /** Shows the plant to people who look at it; nothing of it is kept for longer than they do. */
  showPlant(view: PlantView): Promise<null | Refusal>
  /** How far the fleet has this gateway's own log, and the head of it there; `restored`: it was restored, and may have had more. */
  upstream(): Promise<(Upstream & { readonly restored: boolean }) | Refusal>
}

// --- The plant, live ---

/** The live values of a site's plant: from its EMS or SCADA, or a simulated plant. */
export interface SiteConditions {
  /**
   * Reads points, of the site and of each feeder and controller that has them; what cannot be read is left out. Each
   * reading has the time at which the plant measured it. Refuses `conditions-not-read`.
   */
  read(points: readonly Point[]): Promise<readonly Reading[] | Refusal>
}

// --- The two worlds that flows of many steps run in ---

/** The roles of a repository that the fleet server signs online; root (and image and approval targets) are not here. */
export type OnlineRoles = { readonly snapshot: Signer; readonly timestamp: Signer }

/** What the fleet server's flows need. */
export type FleetWorld = {
  /** The fleet's name: the origin of its audit log. */
  readonly name: string
  readonly store: FleetStore
  readonly blobs: Blobs
  readonly clock: Clock
  readonly crypto: Crypto
  /** For the salts of people. */
  readonly random: Random
  readonly online: {
    readonly image: OnlineRoles
    readonly approval: OnlineRoles
    readonly director: OnlineRoles & { readonly targets: Signer }
  }
  /** Further keys for the roles above: those that the next root may name. The root says which of all of them sign. */
  readonly spares: readonly Signer[]
  readonly auditSigner: Signer
  readonly cipher: Cipher
  /** What content keys are wrapped for controllers with; null: a person brings the wraps. */
  readonly wrappingKey: WrappingKey | null
  /** The keys that sign firmware envelopes. */
  readonly anchors: readonly Anchor[]
  /** How long online metadata stays valid; it is renewed at half of it. */
  readonly metadataLife: Millis
  /** How many days before it expires people are told of metadata that only they can renew. */
  readonly warningDays: readonly number[]
  /** Behind how long people are told of who is silent. */
  readonly silence: Silence
  /** What a release must carry to be published. */
  readonly publishPolicy: PublishPolicy
  /** What is done about patches; absent: this server makes none. */
  readonly patches?: PatchPolicy
  /** What is demanded of accounts, and of plans before they may be approved. */
  readonly governance: Governance
}

/** What the gateway's flows need. */
export type SiteWorld = {
  readonly site: Site
  readonly store: GatewayStore
  readonly blobs: Blobs
  readonly clock: Clock
  readonly crypto: Crypto
  readonly fleet: FleetLink
  /** Signs the site manifest. */
  readonly signer: Signer
  readonly anchors: readonly Anchor[]
  /** The first root of each repository, as this gateway was enrolled with it. */
  readonly roots: { readonly image: Uint8Array; readonly approval: Uint8Array; readonly director: Uint8Array }
  readonly maxRestarting: number
  /** Null: nobody reads the plant, and whatever asks for a live value says no. */
  readonly conditions: SiteConditions | null
  /** Milliseconds since some moment, which no setting of the clock moves. */
  readonly steady: () => Millis
  readonly link?: SiteLink
}
