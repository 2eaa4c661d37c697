import type { Guard } from './guard.ts'

const BRICKS = 'tests/sim/known-bricks.test.ts'
const STALE_RECORD = 'tests/sim/stale-record.test.ts'
const LOST_RECORD = 'tests/sim/lost-record.test.ts'
const MACHINE = 'src/core/slot/boot-machine.ts'
const POWER_UP = 'src/core/slot/power-up.ts'
const MEMORY = 'src/core/slot/memory.ts'
const RECORD_LOG = 'src/core/slot/record-log.ts'
const SLOT = 'src/core/slot/verify-slot.ts'
const INSTALL = 'src/flows/install.ts'
const FIT = 'src/flows/fit.ts'

/** The guards against what bricked the devices of others, each judged by the replay of how it happened. */
export const BRICK_GUARDS: readonly Guard[] = [
  {
    stops: 'a confirmation of what the record does not have on trial',
    file: 'src/flows/boot.ts',
    text: 'if (watched !== null && newest !== null && !names(memory, watched))',
    without: 'if (watched !== null && newest === null)',
    tests: LOST_RECORD,
  },
  {
    stops: 'a confirmation of another image than the one on trial',
    file: MEMORY,
    text: 'return named && note.digest === digestPrefix(image.digest)',
    without: 'return named && digestPrefix(image.digest) !== null',
    tests: LOST_RECORD,
  },
  {
    stops: 'a reversal of another image than the one on trial',
    file: 'src/flows/health.ts',
    text: "{ kind: 'revert', cause }, now, running)",
    without: "{ kind: 'revert', cause }, now)",
    tests: STALE_RECORD,
  },
  {
    stops: 'a candidate staged into the active slot',
    file: 'src/core/slot/boot-machine.ts',
    text: 'if (event.slot !== other(state.active))',
    without: 'if (event.update === null)',
    tests: STALE_RECORD,
  },
  {
    stops: 'a decision number given twice',
    file: 'src/flows/remember.ts',
    text: 'const numbered = Math.max(scan.newest?.entry.decision ?? 0, known.newest)',
    without: 'const numbered = scan.newest?.entry.decision ?? known.newest',
    tests: STALE_RECORD,
  },
  {
    stops: 'a history erased for one word that cannot be read',
    file: 'src/flows/remember.ts',
    text: 'if (bytes !== null) parts.set(bytes, at)',
    without: 'if (bytes === null) parts.set(parts, at)',
    tests: STALE_RECORD,
  },
  {
    stops: 'an installation over the slot that runs',
    file: INSTALL,
    text: 'if (slot === running.slot)',
    without: 'if (slot === null)',
    tests: LOST_RECORD,
  },
  {
    stops: 'a brick: an update over the image that runs (mcuboot #1588)',
    file: INSTALL,
    text: 'return other(state.active)',
    without: 'return state.active',
    tests: BRICKS,
  },
  {
    stops: 'a brick: a record that was half written (mcuboot #1966)',
    file: 'src/core/slot/record.ts',
    text: 'return recordHolds(bytes, mac, equal) ? inspectRecord(bytes) : null',
    without: 'return inspectRecord(bytes)',
    tests: BRICKS,
  },
  {
    stops: 'a brick: a trial that raises the counter (mcuboot #2282, #2549)',
    file: POWER_UP,
    text: "{ kind: 'watchdog', on: true },",
    without: "{ kind: 'watchdog', on: true }, { kind: 'raise', counter: verdict.counter },",
    tests: BRICKS,
  },
  {
    stops: 'a brick: a confirmation that waits for the next boot with the counter (mcuboot #2549)',
    file: MACHINE,
    text: "{ kind: 'raise', counter: note.counter },",
    without: '',
    tests: BRICKS,
  },
  {
    stops: 'a brick: a slot whose head cannot be read (mcuboot #2219)',
    file: SLOT,
    text: 'if (inFlash === null) return unreadable(subject, SLOT_HEADER_BYTES)',
    without: "if (inFlash === null) throw new Error('a fault')",
    tests: BRICKS,
  },
  {
    stops: 'a brick: a slot whose image cannot be read (mcuboot #2845)',
    file: SLOT,
    text: 'if (part === null) return unreadable(subject, start + at)',
    without: "if (part === null) throw new Error('a fault')",
    tests: BRICKS,
  },
  {
    stops: 'a brick: a confirmation that the next boot does not believe (mcuboot #2811, rauc #643)',
    file: MACHINE,
    text: "{ ...note, state: 'confirmed' }",
    without: 'note',
    tests: BRICKS,
  },
  {
    stops: 'a brick: power losses that no budget ends (rauc #683)',
    file: POWER_UP,
    text: 'if ((power ? lossesLeft : triesLeft) <= 0)',
    without: 'if (triesLeft <= 0)',
    tests: BRICKS,
  },
  {
    stops: 'a brick: a spoilt newest record that hides the one before (nerves_runtime #375)',
    file: RECORD_LOG,
    text: 'if (record === null) continue',
    without: 'if (record === null) break',
    tests: BRICKS,
  },
  {
    stops: 'a circle: a rolled-back version that is forgotten',
    file: MEMORY,
    text: 'failed: [...memory.failed, failed].slice(-FAILED_KEPT)',
    without: 'failed: [...memory.failed]',
    tests: BRICKS,
  },
  {
    stops: 'a circle: a rolled-back version that is installed again',
    file: FIT,
    text: 'if (hasFailed(memory, { digest: facts.imageDigest, sequence: facts.sequence }))',
    without: 'if (facts.sequence < 0)',
    tests: BRICKS,
  },
]
