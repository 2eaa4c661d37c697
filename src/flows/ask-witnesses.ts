import { type Millis, millis } from '../core/encoding/units.ts'
import { openCheckpoint } from '../core/ledger/checkpoint.ts'
import { verifyCosignature } from '../core/ledger/cosignature.ts'
import { checkQuorum, type LogPolicy } from '../core/ledger/log-policy.ts'
import {
  type Note,
  type NoteKey,
  type NoteSignature,
  parseNote,
  parseSignatures,
  verifierKey,
  writeNote,
  writeSignatures,
} from '../core/ledger/signed-note.ts'
import { consistencyIn } from '../core/ledger/tile-reader.ts'
import { readWitnessAnswer } from '../core/ledger/witness-answer.ts'
import { writeAddCheckpoint } from '../core/ledger/witness-request.ts'
import { decideRound, type Round, type RoundEvent } from '../core/ledger/witness-round.ts'
import type { Trouble, WitnessChange, WitnessRow } from '../core/ledger/witness-rows.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { type Event, record } from './audit.ts'
import { type LogFiles, readFiles } from './log-files.ts'
import type { FleetWorld } from './ports.ts'
import type { GatheredStore, WitnessLink } from './witness-ports.ts'

/**
 * The fleet's log goes to its witnesses: one checkpoint at a time, to all of them, until enough have signed it. What they sign is kept
 * and served beside the checkpoint; what is missing is told to people. The log itself waits for nobody.
 */

/** What the fleet server gathers cosignatures with. */
export type Gathering = {
  readonly world: FleetWorld
  readonly store: GatheredStore
  readonly files: LogFiles
  readonly policy: LogPolicy
  /** How long a checkpoint may take to get enough signatures before people are told. */
  readonly patience: Millis
  readonly memory: GatheringMemory
}

/** What is known for as long as the program runs. */
export class GatheringMemory {
  /** Whether the log was held against its witnesses since the start. */
  started = false
  /** Witnesses that were asked since the start. */
  readonly asked = new Set<string>()
  /** Without a quorum nothing of a round is worth a write: it is kept here. */
  round: Open | null = null
  /** When each gateway that is in no policy signed last, and how much, since the start. */
  readonly seen = new Map<string, { readonly size: number; readonly at: number }>()
  /** What was recorded of gateways since the start: site and code. */
  readonly told = new Set<string>()
  /** Proofs that many gateways ask for, by sizes. */
  readonly proofs = new Map<string, readonly Uint8Array[]>()
}

/** The checkpoint under way, and how it stands with it. */
export type Open = { readonly round: Round; readonly checkpoint: string }

export const IDLE: Open = { round: { at: 'idle' }, checkpoint: '' }

export async function roundOf({ store, memory, policy }: Gathering): Promise<Open> {
  if (policy.quorum === null) return memory.round ?? IDLE
  const row = await store.round()
  return row === null ? IDLE : { round: JSON.parse(row.state) as Round, checkpoint: row.checkpoint }
}

/**
 * Lets time pass: takes the newest checkpoint when the one before is through, or its time is up, and tells people when that got too few
 * signatures. To be called once a second at most. Durable on return.
 */
export function turnRound(gathering: Gathering): Promise<null> {
  const { world, memory, policy } = gathering
  // Where no witness has to sign none is waited for: gateways, which sign for themselves, always get the newest.
  const patience = policy.quorum === null ? millis(0) : gathering.patience
  return world.store.exclusive(async () => {
    const { size, checkpoint } = await world.store.log()
    if (!memory.started) await move(gathering, { kind: 'start' }, checkpoint)
    // The log's key is replaced between two starts alone.
    const foreign = !memory.started && isForeign(world, await roundOf(gathering))
    memory.started = true
    await move(gathering, { kind: 'head', size, now: world.clock.now(), patience, foreign }, checkpoint)
    return null
  })
}

/** Whether the checkpoint under way is none of the key that signs the log now. */
const isForeign = ({ name, auditSigner, crypto }: FleetWorld, { round, checkpoint }: Open): boolean =>
  round.at !== 'idle' && isRefusal(openCheckpoint(checkpoint, { name, key: auditSigner.key }, crypto))

/** One step of the machine, with what it tells. Under the store's `exclusive`. */
async function move(gathering: Gathering, event: RoundEvent, head: string, also: WitnessChange = {}): Promise<void> {
  const { world, memory, policy } = gathering
  const open = await roundOf(gathering)
  const { next, effects } = decideRound(open.round, event)
  if (next === open.round && Object.keys(also).length === 0) return
  const checkpoint = effects.includes('take') ? head : open.checkpoint
  if (policy.quorum === null) {
    memory.round = { round: next, checkpoint }
    if (Object.keys(also).length > 0) await world.store.commit(also)
    return
  }
  const events: Event[] = []
  const actor = { kind: 'fleet', id: world.name } as const
  if (effects.includes('alarm') && open.round.at === 'gathering') {
    const { code, expected, actual } = await shortage(gathering, open)
    const detail = { event: 'too-few', size: open.round.size, expected, actual }
    events.push({ kind: 'witness-alarm', actor, code, detail })
  }
  if (effects.includes('clear') && next.at === 'enough') {
    events.push({ kind: 'witness-alarm-over', actor, detail: { event: 'enough', size: next.size } })
  }
  // If power fails before this commit, the next second decides the same. Nobody is asked for a checkpoint that is not durable as the one
  // under way.
  const change = { ...also, round: { state: JSON.stringify(next), checkpoint } }
  if (events.length > 0) await record(world, change, events)
  else await world.store.commit(change)
}

/** What the checkpoint under way lacks. */
export async function shortage(gathering: Gathering, open: Open): Promise<Refusal> {
  const verdict = checkQuorum(gathering.world.crypto, gathering.policy, await noteOf(gathering, open))
  return isRefusal(verdict)
    ? verdict
    : refuse('cosignatures-too-few', 'the checkpoint', 'its signatures in time', 'later ones')
}

/** The size that a checkpoint of our own says. */
export const sizeOf = (text: string): number => Number(text.split('\n', 2)[1])

/** The most signatures that a note can carry beside the log's own. */
export const MAX_WITNESSES = 63

/** A checkpoint with the cosignatures of the policy's witnesses that are of its size. */
export async function noteOf({ world, store, policy }: Gathering, { checkpoint }: Open): Promise<Note> {
  const { text, signatures } = parseNote(checkpoint) as Note
  const size = sizeOf(text)
  const lines: NoteSignature[] = []
  for (const { key } of policy.witnesses.values()) {
    const row = await store.witness(wordOf(world, key))
    const parsed = row?.size === size ? parseSignatures(row.line) : []
    if ('fault' in parsed) continue
    // A line is of this very text, or it is left out: two trees of one size are never mixed.
    for (const line of parsed) {
      if (typeof verifyCosignature(world.crypto, { text, signatures: [line] }, key) === 'number') lines.push(line)
    }
  }
  return { text, signatures: [...signatures, ...lines.slice(0, MAX_WITNESSES)] }
}

export const wordOf = (world: FleetWorld, key: NoteKey): string =>
  verifierKey(world.crypto, key, 'cosignature') as string

// --- Witnesses that are asked ---

/** Tries from another size that a witness names. It names one once, unless somebody else asks it at the same time. */
const TRIES = 3
const ASK_PATIENCE = millis(10_000)

/**
 * Has a witness of the policy sign the checkpoint under way. Null when it has, or when nothing is under way. Its signature is durable
 * on return, and what enough of them make of the checkpoint too.
 *
 * Refuses what the link refuses, what `readWitnessAnswer` refuses, `witness-size-differs`, `cosignature-invalid`, what
 * `consistencyIn` refuses; `log-behind-witness` when the witness has signed more than the log has. Of these, what concerns the log
 * itself is told to people: see `inTrouble`.
 */
export async function askWitness(gathering: Gathering, name: string, link: WitnessLink): Promise<null | Refusal> {
  const { world, store, policy, memory } = gathering
  const { key } = policy.witnesses.get(name)!
  const word = wordOf(world, key)
  const under = await roundOf(gathering)
  if (under.round.at === 'idle') return null
  let { size } = under.round
  let checkpoint = under.checkpoint
  const row = await store.witness(word)
  const has = row !== null && row.size >= size && row.line !== '' && row.trouble?.until !== null
  if (has && memory.asked.has(name)) return null
  let old = Math.min(row?.size ?? 0, size)
  for (let tries = 0; tries < TRIES; tries += 1) {
    const proof = await proofOf(gathering, old, checkpoint)
    if (isRefusal(proof)) return proof
    const answer = await link.addCheckpoint(writeAddCheckpoint({ old, proof, checkpoint: checkpoint }), ASK_PATIENCE)
    if (isRefusal(answer)) return answer
    const read = readWitnessAnswer(name, { old, size }, answer)
    if (isRefusal(read)) return inTrouble(gathering, { key: word, name }, read, checkpoint)
    if ('signatures' in read) {
      memory.asked.add(name)
      const fault = await take(gathering, { key, name }, checkpoint, read.signatures)
      return fault === null ? null : inTrouble(gathering, { key: word, name }, fault, checkpoint)
    }
    const end = await world.store.log()
    if (read.size > end.size) {
      const behind = refuse(
        'log-behind-witness',
        name,
        `at least the ${read.size} entries that it signed`,
        `${end.size}`,
      )
      return inTrouble(gathering, { key: word, name }, behind, checkpoint)
    }
    // It has signed a later checkpoint than the one under way: whether that was of this log, its end shows.
    if (read.size > size) ({ size, checkpoint } = end)
    old = read.size
  }
  return refuse('witness-size-differs', name, 'the size that it named before', 'another one at each try')
}

/** The proof that the checkpoint under way continues its first entries. Each size is made once for all who ask. */
export async function proofOf(
  { world, files, memory }: Gathering,
  from: number,
  checkpoint: string,
): Promise<readonly Uint8Array[] | Refusal> {
  const logKey = { name: world.name, key: world.auditSigner.key }
  const head = openCheckpoint(checkpoint, logKey, world.crypto)
  if (isRefusal(head)) return head
  const name = `${from} ${head.size}`
  const known = memory.proofs.get(name)
  if (known !== undefined) return known
  const proof = await readFiles(files, consistencyIn(world.crypto, head, from))
  if (isRefusal(proof)) return proof
  if (memory.proofs.size >= PROOFS) memory.proofs.clear()
  memory.proofs.set(name, proof)
  return proof
}

const PROOFS = 256

/** Takes a witness's signature of a checkpoint: verified, kept, and counted. Refuses `cosignature-invalid`. */
export async function take(
  gathering: Gathering,
  { key, name }: { readonly key: NoteKey; readonly name: string },
  checkpoint: string,
  signatures: readonly NoteSignature[],
): Promise<null | Refusal> {
  const { world, store } = gathering
  const { text } = parseNote(checkpoint) as Note
  const own = signatures.filter(
    line => typeof verifyCosignature(world.crypto, { text, signatures: [line] }, key) === 'number',
  )
  if (own.length === 0) {
    return refuse('cosignature-invalid', name, 'a signature of its own that verifies', 'none')
  }
  const word = wordOf(world, key)
  const size = sizeOf(text)
  return world.store.exclusive(async () => {
    const before = await store.witness(word)
    // What was signed last is never followed by less: an answer that was long under way is too late.
    if (before !== null && before.size > size && before.trouble?.until !== null) return null
    const now = world.clock.now()
    const ended = before?.trouble?.until === null
    const trouble: Trouble | null = ended ? { ...before.trouble!, until: now } : (before?.trouble ?? null)
    const row: WitnessRow = { key: word, name, size, line: writeSignatures(own.slice(-1)), at: now, trouble }
    const change: WitnessChange = { witnesses: [row] }
    // If power fails before this commit, the witness is asked again, and signs the same again.
    if (ended) {
      const detail = { event: 'signs-again', witness: name, size }
      await record(world, change, [{ kind: 'witness-alarm-over', actor: { kind: 'fleet', id: world.name }, detail }])
    } else await world.store.commit(change)
    await count(gathering, checkpoint)
    return null
  })
}

/** Counts the signatures of the checkpoint under way; with enough of them it is the newest one that is witnessed. */
async function count(gathering: Gathering, checkpoint: string): Promise<void> {
  const { world, policy } = gathering
  const open = await roundOf(gathering)
  if (open.round.at === 'idle' || open.checkpoint !== checkpoint) return
  const note = await noteOf(gathering, open)
  if (note.signatures.length < 2 || isRefusal(checkQuorum(world.crypto, policy, note))) return
  const witnessed = writeNote(note)
  // If power fails between the signature's commit and this one, the start asks the witnesses again.
  await move(gathering, { kind: 'enough', now: world.clock.now() }, checkpoint, { witnessed })
}

// --- Trouble ---

/** What says something of the log or of a witness, and not of the way between them. */
const TROUBLE: ReadonlySet<string> = new Set([
  'log-forked',
  'log-behind-witness',
  'witness-proof-invalid',
  'witness-log-unknown',
  'witness-refused',
  'cosignature-invalid',
  'checkpoint-signature-invalid',
  'checkpoint-unsigned',
  'checkpoint-key-unknown',
])

/** Tells people of trouble with a witness, once for as long as it lasts. Answers the refusal. */
export async function inTrouble(
  { world, store }: Gathering,
  { key, name }: { readonly key: string; readonly name: string },
  refusal: Refusal,
  checkpoint: string,
): Promise<Refusal> {
  const { code, expected, actual } = refusal
  if (!TROUBLE.has(code)) return refusal
  await world.store.exclusive(async () => {
    const before = await store.witness(key)
    if (before?.trouble?.until === null && before.trouble.code === code) return
    const since = world.clock.now()
    const trouble: Trouble = { code, expected, actual, since, until: null, checkpoint }
    const row: WitnessRow = { size: 0, line: '', at: since, ...before, key, name, trouble }
    const detail = { event: 'not-signed', witness: name, expected, actual }
    // If power fails before this commit, the next time that the witness is asked tells of it.
    await record(world, { witnesses: [row] }, [
      { kind: 'witness-alarm', actor: { kind: 'fleet', id: world.name }, code, detail },
    ])
  })
  return refusal
}
