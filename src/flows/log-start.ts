import type { Crypto, PublicKey } from '../core/encoding/crypto.ts'
import { type Instant, millis } from '../core/encoding/units.ts'
import { formatUtc } from '../core/encoding/utc-time.ts'
import { openCheckpoint } from '../core/ledger/checkpoint.ts'
import { parseEntry } from '../core/ledger/entry.ts'
import type { NoteKey } from '../core/ledger/signed-note.ts'
import { entriesIn } from '../core/ledger/tile-reader.ts'
import { TILE_WIDTH } from '../core/ledger/tiles.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { headOf } from './audit.ts'
import { readFiles, storedLog } from './log-files.ts'
import type { FleetStore } from './ports.ts'

/** The key that signs checkpoints now, and those that did before. */
export type LogKeys = { readonly name: string; readonly key: PublicKey; readonly retired: readonly PublicKey[] }

/**
 * Whether a log can be gone on with: what a fleet server asks before it does anything, since whatever it does it writes down. The
 * checkpoint must be signed by the key of now; the end of the log, its tiles and its last entries must be those that were signed; no
 * index may be missing or too many. What lies further back is read by `audit verify`, which reads all of it. Reads only. Null: it can.
 *
 * Refuses what `headOf` refuses, `checkpoint-key-retired`, `log-index-gap`, `log-overlong`, and what `entriesIn` refuses.
 */
export async function refuseToGoOn(
  store: Pick<FleetStore, 'log' | 'entries' | 'entriesThere' | 'tile'>,
  keys: LogKeys,
  crypto: Crypto,
): Promise<null | Refusal> {
  const log = await store.log()
  const head = headOf(log, keys, crypto)
  if (isRefusal(head))
    return head.code === 'checkpoint-key-unknown' ? retired(log.checkpoint, keys, crypto, head) : head
  const size = head?.size ?? 0
  const indices = await refuseIndices(store, keys.name, size)
  if (indices !== null || head === null || size === 0) return indices
  const files = storedLog(store)
  // With their entries, the tiles that bear them out, up to the root.
  for (const start of startsOf(size)) {
    const end = Math.min(size, start + TILE_WIDTH)
    const entries = await readFiles(files, entriesIn(crypto, head, { start, end }))
    if (isRefusal(entries)) return entries
  }
  return null
}

/** Where the last bundles begin: the full one and what came behind it. */
const startsOf = (size: number): number[] => {
  const last = Math.floor((size - 1) / TILE_WIDTH) * TILE_WIDTH
  return last === 0 ? [0] : [last - TILE_WIDTH, last]
}

/** Entries stand one behind the other, up to the checkpoint and not beyond it. */
async function refuseIndices(store: Pick<FleetStore, 'entries'>, name: string, size: number): Promise<null | Refusal> {
  const [start = 0] = size === 0 ? [] : startsOf(size)
  const rows = await store.entries(start, size)
  const gap = Array.from({ length: size - start }).findIndex((_, at) => rows[at]?.index !== start + at)
  if (gap >= 0) {
    const found = rows[gap] === undefined ? 'none' : `entry ${rows[gap].index}`
    return refuse('log-index-gap', name, `entry ${start + gap}`, found)
  }
  // Only what is in the way of the next entries: one further away would stop the log when it gets there.
  const [beyond] = await store.entries(size, size + TILE_WIDTH)
  return beyond === undefined ? null : refuse('log-overlong', name, `${size} entries`, `entry ${beyond.index}`)
}

/** By how much a clock may be put back: corrections of one that is kept in step are smaller. */
const CORRECTION = millis(60_000)
/** Entries that are looked through for the last one that this fleet server dated: between them may be what gateways said. */
const LOOKED_THROUGH = 1000

/**
 * Whether the clock stands before the last entry that the fleet server dated. A machine that starts with a clock that has lost its
 * time would write times that never were, and judge every expiry by them. Refuses `log-clock-behind`.
 */
export async function refuseClock(store: Pick<FleetStore, 'log' | 'entries'>, now: Instant): Promise<null | Refusal> {
  const { size } = await store.log()
  const rows = await store.entries(Math.max(0, size - LOOKED_THROUGH), size)
  for (const { index, bytes } of rows.reverse()) {
    const entry = parseEntry(bytes, `entry ${index}`)
    // What a gateway wrote has its gateway's time.
    if (isRefusal(entry) || entry.origin !== undefined) continue
    if (entry.at - now <= CORRECTION) return null
    return refuse('log-clock-behind', `entry ${index}`, `a clock at ${formatUtc(entry.at)} or later`, formatUtc(now))
  }
  return null
}

/** Whether it is a key of before that signed: then somebody put back an older log, or the key was changed without the log. */
function retired(signed: string, { name, retired }: LogKeys, crypto: Crypto, otherwise: Refusal): Refusal {
  const of = retired.findIndex(key => !isRefusal(openCheckpoint(signed, { name, key } satisfies NoteKey, crypto)))
  if (of < 0) return otherwise
  return refuse(
    'checkpoint-key-retired',
    `checkpoint of ${name}`,
    'a signature of the key of now',
    'one of a key that was retired',
  )
}
