import { fromUtf8 } from '../core/encoding/bytes.ts'
import { type Checkpoint, openCheckpoint } from '../core/ledger/checkpoint.ts'
import { parseEntry } from '../core/ledger/entry.ts'
import type { EntryRow } from '../core/ledger/log-rows.ts'
import { leafHash, verifyConsistency } from '../core/ledger/merkle.ts'
import { growTree } from '../core/ledger/tile-growth.ts'
import { consistencyIn, entriesIn } from '../core/ledger/tile-reader.ts'
import { CHECKPOINT_PATH, TILE_WIDTH } from '../core/ledger/tiles.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { columns, headOf, readTiles } from './audit.ts'
import { FoldedCopy } from './fold-copy.ts'
import { readFiles } from './log-files.ts'
import type { FleetWorld, LogFiles } from './ports.ts'

/**
 * Brings the log of a restored fleet forward: to the end of a copy of it that is further, an export or the archive. Only the log, and
 * how far sites' own logs and their controllers' histories were taken in by it: what else was decided since stays lost, but nobody's log forks. The copy must be
 * signed by the key of this log and continue what is stored; each entry is borne out by its root. Answers how many entries came.
 *
 * All of it in one transaction: if power fails before it, the log is the older one; after it, the one of the copy, with its checkpoint.
 *
 * Refuses `log-tile-missing`, `log-forked`, what `openCheckpoint`, `headOf`, `consistencyIn`, `entriesIn` and `growTree` refuse.
 */
export async function bringForward(world: FleetWorld, copy: LogFiles): Promise<number | Refusal> {
  const { store, crypto } = world
  const key = { name: world.name, key: world.auditSigner.key }
  const row = await store.log()
  const before = headOf(row, key, crypto)
  if (isRefusal(before)) return before
  const signed = await copy.file(CHECKPOINT_PATH)
  if (signed === null) return refuse('log-tile-missing', CHECKPOINT_PATH, 'a checkpoint of this log', 'none')
  const text = fromUtf8(signed) ?? ''
  const head = openCheckpoint(text, key, crypto)
  if (isRefusal(head)) return head
  if (before === null || head.size <= before.size) return 0
  const forked = await refuseOther(world, copy, before, head)
  if (forked !== null) return forked
  const entries: EntryRow[] = []
  const folded = await FoldedCopy.of(world)
  for (let size = row.size; size < head.size; ) {
    const end = Math.min(head.size, (Math.floor(size / TILE_WIDTH) + 1) * TILE_WIDTH)
    const bundle = await readFiles(copy, entriesIn(crypto, head, { start: size, end }))
    if (isRefusal(bundle)) return bundle
    for (const bytes of bundle) {
      const entry = parseEntry(bytes, `entry ${size}`)
      if (isRefusal(entry)) return entry
      entries.push({ bytes, leaf: leafHash(crypto, bytes), ...columns(entry) })
      await folded.take(entry, size)
      size += 1
    }
  }
  const leaves = entries.map(({ leaf }) => leaf)
  const growth = await readTiles(growTree(crypto, row, leaves), store)
  if (isRefusal(growth)) return growth
  const { tree, tiles } = growth
  const log = { size: tree.size, range: tree.range, checkpoint: text }
  await store.commit({ ...folded.change(), entries, log, tiles })
  return entries.length
}

async function refuseOther(
  { crypto }: FleetWorld,
  copy: LogFiles,
  before: Checkpoint,
  head: Checkpoint,
): Promise<Refusal | null> {
  const proof = await readFiles(copy, consistencyIn(crypto, head, before.size))
  if (isRefusal(proof)) return proof
  const claim = { from: before.size, fromRoot: before.root, to: head.size, toRoot: head.root }
  if (verifyConsistency(crypto, claim, proof)) return null
  return refuse('log-forked', `the log at ${before.size} entries`, 'the root of the restored log', 'another root')
}
