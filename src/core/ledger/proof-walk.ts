import { sameBytes, toHex } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { Misfit } from '../encoding/shape.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { readBundle } from './bundle.ts'
import { joined, leafHash, nodeHash, rootOfLeaves } from './merkle.ts'
import { inclusionRanges, nodesOf, type Range } from './subtrees.ts'
import { type Came, type Head, hashesOfTile, maxTileBytes, type Wanted } from './tile-reader.ts'
import { placeOf, TILE_WIDTH, type Tile, tileAt, tilePath } from './tiles.ts'

/**
 * The way of one entry to the root, step by step, for who wants to see it: where something does not fit, the step that it breaks at.
 * Nothing is believed because of it: what it comes to is judged as any proof is (tlog-proof.ts).
 */

/** The other half of a step: the entries that it stands for, its side, its hash, and the tiles that it was read from. */
export type Sibling = {
  readonly over: Range
  readonly side: 'left' | 'right'
  readonly hash: Uint8Array
  readonly tiles: readonly string[]
}

/**
 * A step: of the entry itself (no sibling), or of two hashes that become one. `hash`: what it comes to, over the entries `over`; null:
 * something that it takes is missing. `held`: what the log has there by itself, which it is held against: a tile, or the signed root;
 * null: nothing. `standing`: `holds` when the step, or the next one that is held against something, agrees; `breaks` when it does not;
 * `open` for what stands behind a break, or between it and the step before that agreed.
 */
export type WalkStep = {
  readonly over: Range
  readonly sibling: Sibling | null
  readonly hash: Uint8Array | null
  readonly held: string | null
  readonly standing: 'holds' | 'breaks' | 'open'
  readonly fault: Refusal | null
}

/**
 * `bytes`: the entry as it was given out; null: it was not. `path`: the hashes of an audit path, when there are all. `arrives`: the entry leads
 * to the root of the head. A tile that says otherwise on the way is a false one, and the entry is the true one all the same.
 */
export type ProofWalk = {
  readonly arrives: boolean
  readonly index: number
  readonly size: number
  readonly bytes: Uint8Array | null
  readonly path: readonly Uint8Array[] | null
  readonly steps: readonly WalkStep[]
}

/** What the last step is held against. */
export const SIGNED_ROOT = 'checkpoint'

/**
 * Walks from an entry to the root of a head. Asks, at once, for its bundle and for every tile on its way. Refuses `log-index-beyond`; what
 * is missing, altered or no tile at all is a fault of the step that meets it: `log-tile-missing`, `log-tile-malformed`,
 * `log-bundle-malformed`, `log-entry-altered`, `log-tile-altered`, `log-root-mismatch`.
 */
export function* walkProof(crypto: Crypto, head: Head, index: number): Generator<Wanted, ProofWalk | Refusal, Came> {
  const { size } = head
  const siblings = inclusionRanges(index, size)
  if (siblings === null) return refuse('log-index-beyond', 'the log', `an entry below ${size}`, String(index))
  const wanted = new Map<string, Tile>()
  const want = (tile: Tile): void => void wanted.set(tilePath(tile), tile)
  want(tileAt('entries', index, size))
  want(tileAt(0, index, size))
  let over: Range = { start: index, end: index + 1 }
  for (const sibling of siblings) {
    for (const node of nodesOf(sibling)) want(placeOf(node, size).tile)
    over = { start: Math.min(over.start, sibling.start), end: Math.max(over.end, sibling.end) }
    const held = tileOver(over, size)
    if (held !== null) want(held.tile)
  }
  const tiles = [...wanted.values()]
  const came = yield tiles
  const files = new Map(tiles.map((tile, at) => [tilePath(tile), came[at] ?? null]))
  const walk = new Walk(crypto, head, files)
  const bytes = walk.entry(index)
  for (const sibling of siblings) walk.join(sibling)
  return { arrives: walk.arrives, index, size, bytes, path: walk.path(), steps: walk.end() }
}

/** The tile that has the hash over some entries as one of its own; null: none has. */
function tileOver({ start, end }: Range, size: number): { tile: Tile; at: number } | null {
  let level = 0
  for (let width = 1; width <= end - start; width *= TILE_WIDTH) {
    if (width === end - start && start % width === 0) {
      return { tile: tileAt(level, start / width, size), at: (start / width) % TILE_WIDTH }
    }
    level += 1
  }
  return null
}

type Files = ReadonlyMap<string, Uint8Array | null>

class Walk {
  readonly #crypto: Crypto
  readonly #head: Head
  readonly #files: Files
  readonly #steps: WalkStep[] = []
  #over: Range = { start: 0, end: 0 }
  #hash: Uint8Array | null = null

  constructor(crypto: Crypto, head: Head, files: Files) {
    this.#crypto = crypto
    this.#head = head
    this.#files = files
  }

  entry(index: number): Uint8Array | null {
    this.#over = { start: index, end: index + 1 }
    const entry = this.#bytesOf(index)
    const bytes = isRefusal(entry) ? null : entry
    this.#hash = bytes === null ? null : leafHash(this.#crypto, bytes)
    this.#step(null, isRefusal(entry) ? entry : null)
    return bytes
  }

  join(range: Range): void {
    const below = this.#over
    this.#over = { start: Math.min(below.start, range.start), end: Math.max(below.end, range.end) }
    const side = range.start < below.start ? 'left' : 'right'
    const hash = this.#hashOver(range)
    if (isRefusal(hash)) {
      this.#hash = null
      this.#step(null, hash)
      return
    }
    const tiles = [...new Set(nodesOf(range).map(node => tilePath(placeOf(node, this.#head.size).tile)))]
    const mine = this.#hash
    this.#hash =
      mine === null ? null : side === 'left' ? nodeHash(this.#crypto, hash, mine) : nodeHash(this.#crypto, mine, hash)
    this.#step({ over: range, side, hash, tiles }, null)
  }

  /** The last step comes to the signed root, out of the entry and the hashes beside its way. */
  get arrives(): boolean {
    const last = this.#steps.at(-1)
    return last?.held === SIGNED_ROOT && last.hash !== null && last.fault === null
  }

  /** The steps with how they stand. */
  end(): WalkStep[] {
    if (this.arrives)
      return this.#steps.map(step => (step.fault === null ? { ...step, standing: 'holds' } : falseTile(step)))
    const broken = this.#steps.findIndex(({ fault }) => fault !== null)
    // Between the last step that agreed and the one that does not, nobody knows which hash is the wrong one.
    const sure = this.#steps.slice(0, broken).findLastIndex(({ held }) => held !== null)
    return this.#steps.map((step, at) => ({
      ...step,
      standing: at === broken ? 'breaks' : at <= sure ? 'holds' : 'open',
    }))
  }

  path(): readonly Uint8Array[] | null {
    const path = this.#steps.slice(1).map(({ sibling }) => sibling?.hash ?? null)
    return path.every(hash => hash !== null) ? path : null
  }

  #step(sibling: Sibling | null, fault: Refusal | null): void {
    const over = this.#over
    const hash = this.#hash
    const { size, root } = this.#head
    const isWhole = over.start === 0 && over.end === size
    const stored = tileOver(over, size)
    // A full subtree has its hash in a tile, also when it is the whole log: there the root is what was signed.
    const held = isWhole ? SIGNED_ROOT : stored === null ? null : tilePath(stored.tile)
    const found = fault ?? (hash === null ? null : this.#against(hash, held, isWhole ? null : stored, root))
    this.#steps.push({ over, sibling, hash, held, fault: found, standing: 'open' })
  }

  /** Holds what the path has come to against what the log has there. */
  #against(
    hash: Uint8Array,
    held: string | null,
    stored: { tile: Tile; at: number } | null,
    root: Uint8Array,
  ): Refusal | null {
    if (held === null) return null
    const hashes = stored === null ? null : hashesOfTile(stored.tile, this.#files.get(held) ?? null)
    if (isRefusal(hashes)) return hashes
    const expected = hashes === null ? root : (hashes[stored?.at ?? 0] as Uint8Array)
    if (sameBytes(expected, hash)) return null
    const { start, end } = this.#over
    const wanted = `the hash ${short(expected)}`
    if (stored === null)
      return refuse('log-root-mismatch', 'the tiles of the log', `the root ${short(root)}`, short(hash))
    if (end - start === 1) return refuse('log-entry-altered', `entry ${start}`, wanted, short(hash))
    const level = (stored.tile.level as number) - 1
    const below = tileAt(level, start / TILE_WIDTH ** level, this.#head.size)
    return refuse('log-tile-altered', tilePath(below), `${wanted} in ${held}`, short(hash))
  }

  #bytesOf(index: number): Uint8Array | Refusal {
    const tile = tileAt('entries', index, this.#head.size)
    const place = tilePath(tile)
    const bytes = this.#files.get(place) ?? null
    if (bytes === null) return refuse('log-tile-missing', place, 'the bundle', 'none')
    const most = maxTileBytes({ ...tile, width: TILE_WIDTH })
    const read =
      bytes.length > most
        ? new Misfit('', 'no more bytes than its entries can have', `${bytes.length}`)
        : readBundle(bytes, tile.width)
    if (read instanceof Misfit) {
      return refuse('log-bundle-malformed', place, read.expected, `${read.actual} ${read.at}`.trim(), 'C2SP tlog-tiles')
    }
    return read[index - tile.index * TILE_WIDTH] as Uint8Array
  }

  /** The hash of a sibling, from the tiles as they came. */
  #hashOver(range: Range): Uint8Array | Refusal {
    const parts: Uint8Array[] = []
    for (const node of nodesOf(range)) {
      const { tile, from, to } = placeOf(node, this.#head.size)
      const hashes = hashesOfTile(tile, this.#files.get(tilePath(tile)) ?? null)
      if (isRefusal(hashes)) return hashes
      parts.push(rootOfLeaves(this.#crypto, hashes.slice(from, to)))
    }
    return joined(this.#crypto, parts)
  }
}

/** A step whose hash the root bears out, and the tile that it is held against does not have. */
function falseTile(step: WalkStep): WalkStep {
  const { hash, held, fault } = step
  const expected = `${short(hash as Uint8Array)} on the way to the root`
  return {
    ...step,
    standing: 'breaks',
    fault: refuse('log-tile-altered', held ?? '', expected, fault?.expected ?? 'another hash'),
  }
}

const short = (hash: Uint8Array): string => `${toHex(hash.subarray(0, 8))}…`
