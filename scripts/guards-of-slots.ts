// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const BOOT = 'src/flows/boot.ts'
const REMEMBER = 'src/flows/remember.ts'
const INSTALL = 'src/flows/install.ts'
const FIT = 'src/flows/fit.ts'
const MACHINE = 'src/core/slot/boot-machine.ts'
const POWER_UP = 'src/core/slot/power-up.ts'
const KEYS = 'src/core/slot/key-change.ts'
const RECORDS = 'src/core/slot/record-log.ts'
const RECORD = 'src/core/slot/record.ts'
const CHUNKS = 'src/core/slot/install-machine.ts'
const HEALTH = 'src/core/slot/health-machine.ts'
const BOARD = 'tests/sim/*.test.ts'
const CORE = 'tests/core/slot/*.test.ts'
const BOTH = 'tests/{core/slot,sim}/*.test.ts'

/** What a controller that cannot be bricked rests on: records, budgets, order of writes, keys, groups, chunks. */
export const SLOT_GUARDS: readonly Guard[] = [
  // Rule 2, and what a record is worth.
  {
    stops: 'acting on a record that may read differently tomorrow: it is appended again after an unclean reset',
    file: BOOT,
    text: "if (newest !== null && cause !== 'software') {",
    without: 'if (newest !== null && cause === null) {',
    tests: 'tests/sim/weak-record.test.ts',
  },
  {
    stops: 'a record that does not read back as it was written',
    file: REMEMBER,
    text: 'if (back !== null && sameBytes(back, encoded)) return scanBehind(record, place, bytes)',
    without: 'if (back !== undefined) return scanBehind(record, place, bytes)',
    tests: BOTH,
  },
  {
    stops: 'an older record, for one read that went wrong',
    file: REMEMBER,
    text: 'if (sameBytes(one, two)) return two',
    without: 'if (sameBytes(one, two) || one !== two) return one',
    tests: 'tests/sim/failing-reads.test.ts',
  },
  {
    stops: 'erasing the only block in which a record can be read',
    file: REMEMBER,
    text: 'if (newestIn === place.block) place = { ...place, block: newestIn === 0 ? 1 : 0 }',
    without: '',
    tests: 'tests/sim/failing-reads.test.ts',
  },
  {
    stops: 'a forged or torn record: its MAC',
    file: RECORD,
    text: 'return peekSequence(bytes) !== null && equal(mac(bytes.subarray(0, MAC_AT)), bytes.subarray(MAC_AT, RECORD_BYTES))',
    without: 'return peekSequence(bytes) !== null',
    tests: BOTH,
  },
  {
    stops: 'erasing the block that holds the newest record',
    file: RECORDS,
    text: ': { block: block === 0 ? 1 : 0, index: 0, erase: true }\n}',
    without: ': { block, index: 0, erase: true }\n}',
    tests: BOTH,
  },
  {
    stops: 'two records under one number: a spoilt place uses its number up',
    file: RECORDS,
    text: 'const sequence = record.sequence + (free - claim.index)',
    without: 'const sequence = record.sequence + 1',
    tests: CORE,
  },
  // Rule 3: stage.
  {
    stops: 'a candidate that was not verified from flash',
    file: INSTALL,
    text: 'if (isRefusal(image)) {\n      this.#advance',
    without: 'if (isRefusal(image) && image.code === null) {\n      this.#advance',
    tests: BOARD,
  },
  {
    stops: 'touching a slot that a record still names as candidate',
    file: INSTALL,
    text: "const withdrawn = act(board, { kind: 'withdraw' }, now)\n    if (isRefusal(withdrawn)) return withdrawn",
    without: '',
    tests: BOTH,
  },
  {
    stops: 'a chunk of other bytes',
    file: INSTALL,
    text: 'if (!this.#holds(chunk)) return this.#goBack(chunk)',
    without: '',
    tests: BOARD,
  },
  {
    stops: 'keeping the chunk that a cut may have hit',
    file: CHUNKS,
    text: 'return begun ? good : Math.max(0, good - 1)',
    without: 'return good + (begun ? 0 : 0)',
    tests: BOTH,
  },
  {
    stops: 'half a group for the whole of it',
    file: 'src/core/slot/verify-slot.ts',
    text: 'for (const [index, { size }] of components.entries()) {\n    const start',
    without: 'for (const [index, { size }] of components.slice(0, 1).entries()) {\n    const start',
    tests: 'tests/sim/groups.test.ts',
  },
  {
    stops: 'the images of another controller',
    file: 'src/core/firmware/acceptance.ts',
    text: 'if (wanted !== named)',
    without: 'if (wanted === null)',
    tests: 'tests/sim/groups.test.ts',
  },
  // Rules 4 and 5: budgets.
  {
    stops: 'an image that resets for ever: the try is counted before it runs',
    file: POWER_UP,
    text: ': runTrial(memory, slot, verdict, triesLeft - 1, lossesLeft, event.cause)',
    without: ': runTrial(memory, slot, verdict, triesLeft, lossesLeft, event.cause)',
    tests: BOTH,
  },
  {
    stops: 'losses of power that burn the tries of a good image',
    file: POWER_UP,
    text: '? runTrial(memory, slot, verdict, triesLeft, lossesLeft - 1, event.cause)',
    without: '? runTrial(memory, slot, verdict, triesLeft - 1, lossesLeft, event.cause)',
    tests: BOTH,
  },
  {
    stops: 'losses of power that never end: their own budget',
    file: POWER_UP,
    text: 'if ((power ? lossesLeft : triesLeft) <= 0) {',
    without: 'if (!power && triesLeft <= 0) {',
    tests: BOTH,
  },
  {
    stops: 'a trial that could not be counted',
    file: BOOT,
    text: 'const slot = run.trial && isRefusal(written) ? wayBack(memory, run.slot, seen) : run.slot',
    without: 'const slot = run.slot',
    tests: BOTH,
  },
  // Rule 6: confirm, record, counter, keys.
  {
    stops: 'a counter that rises before the record stands',
    file: BOOT,
    text: '  if (isRefusal(written)) return written\n  // If power fails here, or the element',
    without: '  // If power fails here, or the element',
    tests: BOTH,
  },
  {
    stops: 'a floor that stays unfinished',
    file: POWER_UP,
    text: "if (floor > event.counter && floor === verdict.counter) effects.push({ kind: 'raise', counter: floor })",
    without: '',
    tests: BOTH,
  },
  {
    stops: 'a floor above the image that runs',
    file: POWER_UP,
    text: 'floor > event.counter && floor === verdict.counter',
    without: 'floor > event.counter',
    tests: CORE,
  },
  {
    stops: 'a confirmation without its image: what is swapped in runs as a trial',
    file: POWER_UP,
    text: "if (note.state !== 'confirmed' || note.digest !== digestPrefix(verdict.digest)) {",
    without: "if (note.state !== 'confirmed') {",
    tests: BOTH,
  },
  {
    stops: 'retiring the key in use',
    file: KEYS,
    text: "return there && signedByAnother(transition.kid, facts) ? { kind: 'revoke-anchor', kid: transition.kid } : null",
    without: "return there ? { kind: 'revoke-anchor', kid: transition.kid } : null",
    tests: CORE,
  },
  {
    stops: 'staging a release that retires the only key that signs it',
    file: KEYS,
    text: 'if (!signedByAnother(transition.kid, facts)) {',
    without: 'if (transition.kid === null) {',
    tests: BOARD,
  },
  {
    stops: 'a retired key that the release which brought it brings again',
    file: KEYS,
    text: 'if (counter > floor || owed) return null',
    without: 'if (counter >= floor || owed) return null',
    tests: BOARD,
  },
  {
    stops: 'retiring a key before the floor is raised',
    file: BOOT,
    text: '} else if (undone === null && !told(element, effect)) undone = effect.kind',
    without: '} else if (!told(element, effect)) undone = effect.kind',
    tests: 'tests/sim/element-faults.test.ts',
  },
  {
    stops: 'giving an image up for one read that failed',
    file: BOOT,
    text: 'const image = isRefusal(first) ? verify(board, slot, floor) : first',
    without: 'const image = first',
    tests: 'tests/sim/failing-reads.test.ts',
  },
  {
    stops: 'a third key',
    file: KEYS,
    text: 'if (there === undefined && anchors.length < ANCHOR_PLACES) return null',
    without: 'if (there === undefined) return null',
    tests: BOARD,
  },
  {
    stops: 'golden for ever: a retirement that its own floor keeps out',
    file: KEYS,
    text: 'if (counter > floor || owed) return null',
    without: 'if (counter > floor) return null',
    tests: 'tests/sim/key-change.test.ts',
  },
  {
    stops: 'a change of keys that stays unfinished',
    file: POWER_UP,
    text: 'if (change !== null) effects.push(change)',
    without: '',
    tests: BOTH,
  },
  {
    stops: 'a change of keys that the verified image does not ask for',
    file: KEYS,
    text: 'intent.kind !== transition.kind || intent.kid !== prefixOf(transition.kid)',
    without: 'intent.kind === null',
    tests: CORE,
  },
  {
    stops: 'a trial that forgets the floor and the keys of the last confirmation: they are finished before it',
    file: POWER_UP,
    text: 'event.finishes ? leftOf(memory, confirmed, event) : []',
    without: 'event.finishes ? leftOf(memory, confirmed, event).slice(0, 0) : []',
    tests: BOTH,
  },
  {
    stops: 'a boot that waits for an element which does not do what it is told',
    file: BOOT,
    text: 'decide(problem !== null && told < COMMAND_TRIES)',
    without: 'decide(problem !== null)',
    tests: BOARD,
  },
  {
    stops: 'finishing in the name of an armed record that could not be written again',
    file: BOOT,
    text: 'decide(problem === null)',
    without: 'decide(true)',
    tests: BOARD,
  },
  // Rules 7 to 9: ways back.
  {
    stops: 'falling back to a version that failed',
    file: POWER_UP,
    text: 'if (!verdict.good || hasFailed(memory, verdict)) return recover(memory, from, reason, event)',
    without: 'if (!verdict.good) return recover(memory, from, reason, event)',
    tests: BOTH,
  },
  {
    stops: 'running an unconfirmed way back as if it were confirmed',
    file: POWER_UP,
    text: "if (note.state === 'confirmed' && note.digest === digestPrefix(verdict.digest)) {",
    without: "if (note.state !== 'failed') {",
    tests: BOTH,
  },
  {
    stops: 'an unreadable sector that takes the whole block with it',
    file: REMEMBER,
    text: 'if (bytes !== null) parts.set(bytes, at)',
    without: '',
    tests: BOTH,
  },
  {
    stops: 'offering a failed version again',
    file: FIT,
    text: 'if (hasFailed(memory, { digest: facts.imageDigest, sequence: facts.sequence })) {',
    without: 'if (facts.sequence < 0) {',
    tests: BOARD,
  },
  {
    stops: 'golden exchanged',
    file: BOOT,
    text: "return pinned === found ? golden : refuse('golden-exchanged'",
    without: "return pinned !== '' ? golden : refuse('golden-exchanged'",
    tests: BOARD,
  },
  // The health window.
  {
    stops: 'a leap of the clock that confirms what nobody watched',
    file: HEALTH,
    text: 'moved > 0 ? Math.min(moved, state.spec.windowMillis / PARTS) : 0',
    without: 'moved > 0 ? moved : 0',
    tests: BOTH,
  },
  {
    stops: 'a probe that fell silent',
    file: HEALTH,
    text: "return silent === undefined ? { at: 'healthy' }",
    without: "return silent !== null ? { at: 'healthy' }",
    tests: BOTH,
  },
  {
    stops: 'staging during a trial: the other slot is the way back',
    file: MACHINE,
    text: '    staged: inTrial,',
    without: '    staged: stay,',
    tests: CORE,
  },
  // History.
  {
    stops: 'erasing the sector that was just begun, for a cell of before that a cut hit and that reads as whole again',
    file: 'src/core/slot/history.ts',
    text: 'return claim.sector === sector ? claim.at > at : claim.at < at',
    without: 'return false',
    tests: CORE,
  },
  {
    stops: 'a decision that the history does not tell: it is in the record too',
    file: REMEMBER,
    text: 'const known = caughtUp(keeping, scan)',
    without: 'const known = placed(keeping)',
    tests: 'tests/sim/stale-record.test.ts',
  },
  {
    stops: 'a decision that the history tells twice',
    file: REMEMBER,
    text: '    if (at.newest >= entry.decision) return at\n',
    without: '',
    tests: BOTH,
  },
]
