import { sameBytes, utf8 } from '../core/encoding/bytes.ts'
import type { Crypto, PublicKey } from '../core/encoding/crypto.ts'
import type { Instant } from '../core/encoding/units.ts'
import { type Checkpoint, checkpointText, isOrigin, openCheckpoint } from '../core/ledger/checkpoint.ts'
import { type AuditEntry, ENTRY_VERSION, entryBytes, parseEntry } from '../core/ledger/entry.ts'
import type { EntryKind } from '../core/ledger/entry-kinds.ts'
import type { EntryRow, LogRow, TileRow } from '../core/ledger/log-rows.ts'
import { isTreeHead, leafHash, rootOf } from '../core/ledger/merkle.ts'
import type { PersonChange } from '../core/ledger/person-rows.ts'
import { noteKeyId, writeNote } from '../core/ledger/signed-note.ts'
import { type Begun, growTree } from '../core/ledger/tile-growth.ts'
import { isRefusal, orThrow, type Refusal, RefusalError, refuse } from '../core/refusal/refusal.ts'
import { keyId } from '../core/trust/keys.ts'
import { fleetActor, openRow } from './opened.ts'
import { pseudonymous, type Told } from './persons.ts'
import type { FleetChange, FleetStore, FleetWorld, Signer, SiteWorld } from './ports.ts'
import { Sequencer } from './sequence.ts'

/** The key of the log and the name it signs under: the origin of every checkpoint. */
export type LogSigner = {
  readonly origin: string
  readonly signer: Signer
  /** The key that has signed the log so far, where it is another one (log-key.ts). */
  readonly before?: PublicKey
}

/** What a store persists in one transaction with the change that the entries tell of: the parts of a `FleetChange`. */
export type Sealed = {
  readonly entries: readonly EntryRow[]
  readonly log: LogRow
  readonly tiles: readonly TileRow[]
}

/** What the end of a log is read from. */
export type LogEnd = Pick<FleetStore, 'log' | 'tile'>

/**
 * Appends entries to the log and signs the checkpoint over them. Nothing is durable on return: the caller commits
 * all of it together with its own change, under the store's `exclusive`, since the next index depends on what
 * is stored. Verifies first that the stored checkpoint is the one over the stored range, and the tiles that the entries
 * are added to are those of the range, so that a damaged store never gets a fresh signature.
 *
 * If power fails before that commit, the next start sees the old log and the old state: the checkpoint that was signed
 * here has left this function only towards that commit, so nobody holds two histories.
 *
 * Refuses `log-signer-unsuitable`, `log-state-inconsistent`, what `entryBytes` and `growTree` refuse, and what the signer refuses.
 */
export async function sealEntries(
  end: LogEnd,
  entries: readonly AuditEntry[],
  { origin, signer, before: last = signer.key }: LogSigner,
  crypto: Crypto,
): Promise<Sealed | Refusal> {
  const logKey = { name: origin, key: signer.key }
  const id = noteKeyId(crypto, logKey)
  if (id === null) return refuse('log-signer-unsuitable', 'the key of the log', 'an Ed25519 key', signer.key.alg)
  if (!isOrigin(origin)) {
    return refuse(
      'log-signer-unsuitable',
      'the origin of the log',
      'a name without spaces or plus',
      JSON.stringify(origin),
    )
  }
  const log = await end.log()
  const damage = checkEnd(log, { name: origin, key: last }, crypto)
  if (damage !== null) return damage
  const rows: EntryRow[] = []
  for (const entry of entries) {
    const bytes = entryBytes(entry)
    if (isRefusal(bytes)) return bytes
    const leaf = leafHash(crypto, bytes)
    rows.push({ bytes, leaf, ...columns(entry) })
  }
  const leaves = rows.map(({ leaf }) => leaf)
  const growth = await readTiles(growTree(crypto, log, leaves), end)
  if (isRefusal(growth)) return growth
  const { tree, tiles } = growth
  const text = checkpointText({ origin, size: tree.size, root: rootOf(crypto, tree), extensions: [] })
  const signature = await signer.sign(utf8(text), 'der')
  if (isRefusal(signature)) return signature
  const checkpoint = writeNote({ text, signatures: [{ name: origin, id, signature }] })
  return { entries: rows, log: { size: tree.size, range: tree.range, checkpoint }, tiles }
}

/** Carries out what asks for the tiles of a store. */
export async function readTiles<T>(
  asking: Generator<Begun, T, Uint8Array | null>,
  store: Pick<FleetStore, 'tile'>,
): Promise<T> {
  let step = asking.next(null)
  while (!step.done) step = asking.next(await store.tile(step.value.level, step.value.index))
  return step.value
}

/** The stored end of the log: size, range and checkpoint must agree. A log of no entries has no checkpoint yet. */
function checkEnd(log: LogRow, logKey: { name: string; key: Signer['key'] }, crypto: Crypto): Refusal | null {
  const bad = (expected: string, actual: string) => refuse('log-state-inconsistent', logKey.name, expected, actual)
  if (!isTreeHead(log)) return bad(`the range of ${log.size} entries`, `${log.range.length} hashes`)
  if (log.checkpoint === '') return log.size === 0 ? null : bad(`a checkpoint of ${log.size} entries`, 'none')
  const checkpoint = openCheckpoint(log.checkpoint, logKey, crypto)
  if (isRefusal(checkpoint)) return checkpoint
  if (checkpoint.size !== log.size) return bad(`${log.size} entries in the checkpoint`, `${checkpoint.size}`)
  return sameBytes(checkpoint.root, rootOf(crypto, log)) ? null : bad('the root of the stored range', 'another root')
}

/** What an entry is looked up by. */
export function columns(entry: AuditEntry): Omit<EntryRow, 'bytes' | 'leaf'> {
  const { kind, at, actor, code, site, controller, campaign } = entry
  return {
    kind,
    at,
    actor: actor.id,
    ...(code === undefined ? {} : { code }),
    ...(site === undefined ? {} : { site }),
    ...(controller === undefined ? {} : { controller }),
    ...(campaign === undefined ? {} : { campaign }),
  }
}

/** The verified checkpoint of a stored log, or why it does not verify. A log of no entries may have none: null. */
export function headOf(
  log: LogRow,
  logKey: { readonly name: string; readonly key: Signer['key'] },
  crypto: Crypto,
): Checkpoint | null | Refusal {
  const damage = checkEnd(log, logKey, crypto)
  if (damage !== null) return damage
  return log.checkpoint === '' ? null : openCheckpoint(log.checkpoint, logKey, crypto)
}

/** A flow's entry before the log has dated it: who did what, to what. People stand in it by name (telling.ts). */
export type Event = Omit<Told, 'v' | 'at' | 'clock'>

/**
 * Makes a decision durable: the change and the entries that tell of it, in one transaction, under the store's
 * `exclusive`. When power fails before it, neither is there; after it, both. Throws for a log that cannot be continued
 * (its code in the error): a fleet server that cannot write its log does nothing.
 */
export async function record(
  world: FleetWorld,
  change: FleetChange,
  events: readonly Event[],
  by: LogSigner = { origin: world.name, signer: world.auditSigner },
): Promise<void> {
  const at = world.clock.now()
  const told: Told[] = []
  const changes = new ChangeRequests(world)
  for (const event of [...events, ...(await clockSetBack(world, at))]) {
    const { actor } = event
    const known = actor.kind === 'fleet' && actor.key === undefined ? { ...actor, key: fleetKey(world) } : actor
    told.push({
      v: ENTRY_VERSION,
      at,
      clock: world.clock.quality,
      ...event,
      ...(await changes.of(event)),
      actor: known,
    })
  }
  const { entries, change: people } = await pseudonymous(world, told, at)
  const sealed = orThrow(await sealEntries(world.store, entries, by, world.crypto))
  await world.store.commit({ ...change, ...joined(change, people), ...sealed })
  times.set(world, at)
}

const sequencers = new WeakMap<FleetWorld, Sequencer<readonly Event[]>>()

/**
 * Writes entries that change nothing else, and that nothing was read for: it waits for its turn together with all others that
 * arrive meanwhile, and they are sealed, signed and synced at once. Durable on return; not to be called within `exclusive`. In a
 * request that may be repeated, they are a part of what it decides. Throws as `record` does.
 */
export function appendEntries(world: FleetWorld, events: readonly Event[]): Promise<void> {
  const { store } = world
  // Such a request has the turn: whoever waited for another one would wait for themselves.
  if (store.inTurn) return store.exclusive(() => record(world, {}, events))
  const sequencer =
    sequencers.get(world) ??
    new Sequencer<readonly Event[]>({
      turn: work => store.exclusive(work),
      write: items => record(world, {}, items.flat()),
      isOfOne: error => error instanceof RefusalError && error.refusal.code.startsWith('entry-'),
    })
  sequencers.set(world, sequencer)
  return sequencer.add(events)
}

/** A change may forget somebody, and the entry that tells of it may speak of others. */
const joined = (change: FleetChange, people: PersonChange): PersonChange => ({
  ...people,
  forgottenPersons: [...(people.forgottenPersons ?? []), ...(change.forgottenPersons ?? [])],
})

const fleetKeys = new WeakMap<FleetWorld, string>()

/** The id of the key that signs the log: the fleet server does nothing without it. */
function fleetKey(world: FleetWorld): string {
  const known = fleetKeys.get(world) ?? keyId(world.auditSigner.key, world.crypto)
  fleetKeys.set(world, known)
  return known
}

/** The operators' numbers for the changes that campaigns are: each entry of a campaign has one, whether the event brings it or not. */
class ChangeRequests {
  readonly #world: FleetWorld
  readonly #known = new Map<string, { readonly changeRequest?: string }>()

  constructor(world: FleetWorld) {
    this.#world = world
  }

  async of({ campaign, changeRequest }: Event): Promise<{ readonly changeRequest?: string }> {
    if (campaign === undefined || changeRequest !== undefined) return {}
    const known = this.#known.get(campaign)
    if (known !== undefined) return known
    const row = await this.#world.store.campaign(campaign)
    const opened = row === null ? null : openRow(row)
    const asked = opened === null || isRefusal(opened) ? undefined : opened.plan.changeRequest
    const found = asked === undefined ? {} : { changeRequest: asked }
    this.#known.set(campaign, found)
    return found
  }
}

/** The time of the last entry that this process wrote, by the fleet's clock. */
const times = new WeakMap<FleetWorld, Instant>()
/** Corrections of a clock that is kept in step are smaller, and no event. */
const CORRECTION = 1000
/** Entries at the end of the log that are looked through for the fleet's own last one: between them may be what gateways said. */
const LOOKED_THROUGH = 500

/**
 * An entry that says that the clock went back behind the fleet's last entry, at the end of the first commit of the earlier time.
 * Entries keep the time that the clock showed, and their order is the log's: who reads the times knows what to think of them.
 */
async function clockSetBack(world: FleetWorld, now: Instant): Promise<readonly Event[]> {
  const last = times.get(world) ?? (await lastTime(world))
  if (last === null || now >= last - CORRECTION) return []
  const detail = { before: last, now, behind: last - now }
  return [{ kind: 'clock-set-back', actor: fleetActor(world), detail }]
}

async function lastTime({ store }: FleetWorld): Promise<Instant | null> {
  const { size } = await store.log()
  const rows = await store.entries(Math.max(0, size - LOOKED_THROUGH), size)
  for (const { index, bytes } of rows.reverse()) {
    const entry = parseEntry(bytes, `entry ${index}`)
    // What a gateway wrote has its gateway's time.
    if (!isRefusal(entry) && entry.origin === undefined) return entry.at
  }
  return null
}

// --- At a gateway: its own entries, on their way to the fleet's log ---

/** What the gateway tells of itself, before it is dated. */
export type Note = Pick<AuditEntry, 'kind' | 'detail'> &
  Partial<Pick<AuditEntry, 'controller' | 'campaign' | 'release' | 'code'>>

/** An entry of the gateway's own, dated, for the outbox. */
export function boxed(
  world: Pick<SiteWorld, 'site' | 'clock' | 'crypto' | 'signer'>,
  { kind, detail, ...about }: Note,
): { kind: 'entry'; bytes: Uint8Array } {
  const site = world.site.site
  const entry: AuditEntry = {
    v: ENTRY_VERSION,
    kind: kind as EntryKind,
    at: world.clock.now(),
    clock: world.clock.quality,
    actor: { kind: 'gateway', id: site, key: gatewayKey(world) },
    site,
    ...about,
    detail,
  }
  return { kind: 'entry', bytes: orThrow(entryBytes(entry)) }
}

const gatewayKeys = new WeakMap<object, string>()

/** The id of the key that signs what the gateway hands over. */
function gatewayKey(world: Pick<SiteWorld, 'crypto' | 'signer'>): string {
  const known = gatewayKeys.get(world) ?? keyId(world.signer.key, world.crypto)
  gatewayKeys.set(world, known)
  return known
}

/** Puts one entry into the outbox. Durable on return. */
export function note(world: SiteWorld, what: Note): Promise<void> {
  return world.store.commit({ outbox: [boxed(world, what)] })
}
