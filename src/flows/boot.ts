import type { Cipher } from '../core/encoding/cipher.ts'
import type { Crypto } from '../core/encoding/crypto.ts'
import type { Instant } from '../core/encoding/units.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import type { Anchor, OpenEnvelope } from '../core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { BootDecision, BootEffect, BootEvent, Budget, Note } from '../core/slot/boot-decision.ts'
import { decideBoot } from '../core/slot/boot-machine.ts'
import type { Flash, SecureElement, Watchdog } from '../core/slot/hardware.ts'
import { ANCHOR_PLACES, NO_KEY_CHANGE } from '../core/slot/key-change.ts'
import type { FlashArea } from '../core/slot/layout.ts'
import { areaOf } from '../core/slot/layout.ts'
import { hasFailed, isNamed, type Memory } from '../core/slot/memory.ts'
import { type Bootable, digestPrefix, other, type ResetCause, UNKNOWN_NOTE, type Verdict } from '../core/slot/slot.ts'
import { allSteps, type Steps } from '../core/slot/steps.ts'
import { type DeviceIdentity, type SlotReader, type VerifiedSlot, verifySlot } from '../core/slot/verify-slot.ts'
import { append, BLANK, commit, readMemory, scanRecordBlocks } from './remember.ts'

/** A controller's hardware and what it was made to be: all that booting, installing and confirming need. */
export type Board = {
  readonly flash: Flash
  readonly element: SecureElement
  readonly watchdog: Watchdog
  readonly crypto: Crypto
  readonly cipher: Cipher
  readonly open: OpenEnvelope
  readonly device: DeviceIdentity
  /** Its flash has an area `journal`. */
  readonly hasJournal?: boolean
  readonly budget: Budget
  /** How long a trial image may go without a sign of life. */
  readonly watchdogMillis: number
}

/** The image that runs, with the facts that were verified at this power-up. `slot` golden: recovery only. */
export type Running = {
  readonly slot: Bootable
  readonly trial: boolean
  readonly facts: ReleaseFacts
  /** Ids of the accepted keys whose signature on it held. */
  readonly signers: readonly string[]
}

/**
 * How a power-up ended. `problem` names what went wrong on the way to an image that runs nevertheless (a worn record
 * block, an element that does not do what it is told), else null. `halted`: nothing verifies, not even golden.
 */
export type BootOutcome =
  | { readonly at: 'running'; readonly running: Running; readonly problem: Refusal | null }
  | { readonly at: 'halted'; readonly reason: string }

/**
 * How often an element is told in one boot what a confirmation still asks of it, before the next trial goes on without:
 * the record of a trial does not carry it.
 */
const COMMAND_TRIES = 3

/**
 * One power-up: reads the record, verifies what may run, decides, writes the decision down, and says what runs. A slot
 * that verifies is hashed once; one that does not is looked at twice, since a read may fail once. On return the record
 * and its line of history are durable, and an unfinished confirmation is finished.
 */
export function bootUp(board: Board, cause: ResetCause, now: Instant): BootOutcome {
  let scan = scanRecordBlocks(board)
  let problem: Refusal | null = null
  const { newest } = scan
  if (newest !== null && cause !== 'software') {
    // The newest record may have been cut while it was written, and read differently the next time: before anything
    // is done in its name it is written once more. If power fails here, the next boot sees the old one, or both.
    const again = append(board, scan, newest.memory, newest.entry)
    if (isRefusal(again)) problem = again
    else scan = again
  }
  const memory = newest?.memory ?? BLANK
  // One answer for both slots: else a floor that is not given for one of them would have the other run in its place.
  let floor = floorOf(board)
  const verified = new Map<Bootable, VerifiedSlot | Refusal>()
  const seen = (slot: Bootable): VerifiedSlot | Refusal => {
    const known = verified.get(slot)
    if (known !== undefined) return known
    const first = verify(board, slot, floor)
    const image = isRefusal(first) ? verify(board, slot, floor) : first
    verified.set(slot, image)
    return image
  }
  const decide = (finishes: boolean): BootDecision => {
    const decided = decideBoot(memory, {
      kind: 'reset',
      cause,
      // Where it cannot be read nothing of a or b verifies, and no floor is compared with it.
      counter: floor ?? 0,
      anchors: board.element.anchors(),
      budget: board.budget,
      finishes,
      verdict: slot => toVerdict(seen(slot)),
    })
    if (isRefusal(decided)) throw new Error('a reset is never refused')
    return decided
  }
  let decision = decide(problem === null)
  for (let told = 1; decision.effects.some(({ kind }) => kind === 'again'); told += 1) {
    // In the name of the record as it was found. If power fails here, the next boot finds it again, and does the rest.
    // Only the active image was verified so far, and what it asked for leaves it as good as it was.
    problem = performAll(board, decision.effects)
    floor = floorOf(board)
    decision = decide(problem !== null && told < COMMAND_TRIES)
  }
  // What a failed append left in the blocks is not known: they are read again.
  const written = commit(board, decision, cause, now, problem === null ? scan : scanRecordBlocks(board))
  // A floor whose record is not durable is not raised, and no key changed; a later boot does it.
  const undone = written ?? performAll(board, decision.effects)
  if (undone !== null) problem = undone
  const run = decision.effects.find(({ kind }) => kind === 'run')
  if (run?.kind !== 'run') return { at: 'halted', reason: decision.note?.cause ?? '' }
  // A trial that could not be counted is not run: it would be tried for ever.
  const slot = run.trial && isRefusal(written) ? wayBack(memory, run.slot, seen) : run.slot
  const image = seen(slot)
  if (isRefusal(image)) return { at: 'halted', reason: image.code }
  const trial = run.trial && slot === run.slot
  return { at: 'running', running: { slot, trial, facts: image.facts, signers: image.signers }, problem }
}

/** What runs instead of a trial: the other image when it is confirmed and verifies, else golden. */
function wayBack(memory: Memory, from: Bootable, seen: (slot: Bootable) => VerifiedSlot | Refusal): Bootable {
  if (from === 'golden') return from
  const note = memory.slots[other(from)]
  const image = seen(other(from))
  const holds = !isRefusal(image) && note.state === 'confirmed' && note.digest === digestPrefix(image.facts.imageDigest)
  return holds ? other(from) : 'golden'
}

/**
 * Lets the machine decide an event of a running device, and makes the decision durable. `reset` says that the caller
 * restarts the device now. `watched`: the image that a confirmation or a reversal is about; the record must name it, as
 * it is read here. Refuses what the machine refuses, `not-in-trial`, and `boot-record-not-written`; nothing has changed
 * then.
 */
export function act(
  board: Board,
  event: Exclude<BootEvent, { kind: 'reset' }>,
  now: Instant,
  watched: Running | null = null,
): { readonly memory: Memory; readonly reset: boolean } | Refusal {
  const scan = scanRecordBlocks(board)
  const { newest } = scan
  const memory = newest?.memory ?? BLANK
  // The record that the device booted by may have rotted since: an older one would have another image confirmed, or
  // blamed. The next boot decides anew.
  if (watched !== null && newest !== null && !names(memory, watched)) {
    const { slot, facts } = watched
    return refuse('not-in-trial', `slot ${slot}`, `${facts.version} on trial`, memory.state.at)
  }
  const decision = decideBoot(memory, event)
  if (isRefusal(decision)) return decision
  const written = commit(board, decision, newest?.entry.reset ?? 'power-on', now, scan)
  if (isRefusal(written)) return written
  // If power fails here, or the element does not obey, the record stands: a floor that was not raised yet is raised at the
  // next boot, a key that was not added or retired yet is then.
  performAll(board, decision.effects)
  return { memory: decision.next, reset: decision.effects.some(effect => effect.kind === 'reset') }
}

/**
 * Whether golden, which runs, would give way to another image at the next reset, since one of the slots reads well again.
 * Reads only. False while a candidate waits: that one is the site's to arm.
 */
export function wouldLeaveGolden(board: Board): boolean {
  const memory = readMemory(board) ?? BLANK
  if (memory.state.at !== 'stable' && memory.state.at !== 'blank') return false
  return (['a', 'b'] as const).some(slot => {
    const image = verify(board, slot)
    return !isRefusal(image) && !hasFailed(memory, { digest: image.facts.imageDigest, sequence: image.facts.sequence })
  })
}

const names = (memory: Memory, { slot, facts }: Running): boolean =>
  slot !== 'golden' && isNamed(memory, slot, { digest: facts.imageDigest })

/** The security counter, asked twice, since an answer may be lost. Null: nothing of a or b can be held against it. */
const floorOf = ({ element }: Board): number | null => element.counter() ?? element.counter()

/**
 * Verifies one slot as a power-up does, a and b against `floor`. Reads only. Refuses as `verifySlot`, and `golden-exchanged`: a golden image by
 * a key that was good once is not enough, it must be the one that left the factory.
 */
export function verify(board: Board, slot: Bootable, floor: number | null = floorOf(board)): VerifiedSlot | Refusal {
  return allSteps(verifyBySteps(board, slot, floor))
}

/** The same by steps, for who has other things to do beside it. */
export function* verifyBySteps(
  board: Board,
  slot: Bootable,
  floor: number | null = floorOf(board),
): Steps<VerifiedSlot | Refusal> {
  const { element, device } = board
  if (slot !== 'golden') {
    // Without a floor nothing that could be below it runs. Golden does, as nothing is held against it.
    if (floor === null) return refuse('counter-unreadable', `slot ${slot}`, 'the security counter', 'no answer')
    return yield* look(board, slot, element.anchors(), floor)
  }
  const golden = yield* look(board, slot, device.anchors, null)
  if (isRefusal(golden)) return golden
  const [pinned, found] = [element.goldenDigest(), golden.facts.imageDigest]
  return pinned === found ? golden : refuse('golden-exchanged', 'slot golden', pinned ?? 'a pinned image', found)
}

function* look(
  board: Board,
  slot: Bootable,
  anchors: readonly Anchor[],
  counter: number | null,
): Steps<VerifiedSlot | Refusal> {
  const { flash, device, open, crypto } = board
  const reader = (area: FlashArea): SlotReader => ({
    bytes: flash.size(area),
    read: (offset, length) => flash.read(area, offset, length),
  })
  // Recovery runs the device's own image only: the others of a group stay as they are.
  const further = slot === 'golden' ? [] : device.components.slice(1)
  const areas = [reader(slot), ...further.map((_, index) => reader(areaOf(slot, index + 1)))] as const
  return yield* verifySlot(areas, device, anchors, counter, open, crypto, `slot ${slot}`)
}

/**
 * Makes a new device: the factory's keys are accepted, the golden image is pinned, and the factory image in slot a counts
 * as confirmed, as the factory tested it. Both record blocks and the history must be erased. Refuses
 * `anchor-places-taken` (more keys than places), `element-command-not-done`, and what `verify` refuses of slot a or golden.
 */
export function manufacture(board: Board, now: Instant): Memory | Refusal {
  const { anchors } = board.device
  if (anchors.length > ANCHOR_PLACES) {
    return refuse('anchor-places-taken', 'factory', `at most ${ANCHOR_PLACES} keys`, String(anchors.length))
  }
  const golden = allSteps(look(board, 'golden', anchors, null))
  if (isRefusal(golden)) return golden
  // If power fails anywhere in here, there is no record yet: the factory makes the device again.
  const added = anchors.every(anchor => board.element.addAnchor(anchor))
  if (!added) return notDone('add-anchor')
  board.element.pinGolden(golden.facts.imageDigest)
  const factory = verify(board, 'a')
  if (isRefusal(factory)) return factory
  const verdict = toVerdict(factory)
  if (!verdict.good) throw new Error('a verified slot has a good verdict')
  const { digest, sequence, version, counter } = verdict
  const image = { digest: digestPrefix(digest), sequence, version, counter }
  const next: Memory = {
    ...BLANK,
    state: { at: 'stable', active: 'a', floor: counter, keys: NO_KEY_CHANGE },
    slots: { a: { state: 'confirmed', ...image }, b: UNKNOWN_NOTE },
  }
  const note: Note = { event: 'manufactured', phase: 'none', slot: 'a', cause: '', image }
  const written = commit(board, { next, effects: [], note }, 'power-on', now, scanRecordBlocks(board))
  if (isRefusal(written)) return written
  return board.element.raise(counter) ? next : notDone('raise')
}

function toVerdict(image: VerifiedSlot | Refusal): Verdict {
  if (isRefusal(image)) return { good: false, reason: image.code }
  const { imageDigest: digest, sequence, version, counter, transition } = image.facts
  return { good: true, digest, sequence, version, counter, transition, signers: image.signers }
}

/**
 * Each of these may be done again without harm: that is how the next boot makes up for a cut. Refuses
 * `element-command-not-done`: the element is told nothing more then, as a key goes only when the floor is raised.
 */
function performAll({ element, watchdog, watchdogMillis }: Board, effects: readonly BootEffect[]): null | Refusal {
  let undone: BootEffect['kind'] | null = null
  for (const effect of effects) {
    if (effect.kind === 'watchdog') {
      if (effect.on) watchdog.start(watchdogMillis)
      else watchdog.stop()
    } else if (undone === null && !told(element, effect)) undone = effect.kind
  }
  return undone === null ? null : notDone(undone)
}

/** Tells the element what is asked of it, if anything; false when it did not say that it is done. */
function told(element: SecureElement, effect: BootEffect): boolean {
  if (effect.kind === 'raise') return element.raise(effect.counter)
  if (effect.kind === 'add-anchor') return element.addAnchor(effect.anchor)
  return effect.kind !== 'revoke-anchor' || element.revokeAnchor(effect.kid)
}

const notDone = (command: string): Refusal =>
  refuse('element-command-not-done', 'secure element', `${command} done`, 'no answer that it is')
