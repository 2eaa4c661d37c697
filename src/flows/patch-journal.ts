import { type Boundary, ROW_BYTES, readRow, writeRow } from '../core/delta/journal.ts'
import { isErased } from '../core/slot/fields.ts'
import type { Board } from './boot.ts'

const AREA = 'journal'

type Row = { readonly at: number; readonly boundary: Boundary }

/**
 * The journal of one patch on a board: rows in a ring of sectors, each of which speaks for itself. Rows of other patches, torn ones and
 * those that cannot be read are passed over. A board without one keeps nothing, and begins a patch at its beginning.
 */
export class PatchJournal {
  readonly #board: Board
  readonly #patch: Uint8Array

  /** `patch`: the SHA-256 of the whole patch. */
  constructor(board: Board, patch: Uint8Array) {
    this.#board = board
    this.#patch = patch
  }

  /** The last boundary behind at most so many bytes; null when none is known. */
  latest(written: number): Boundary | null {
    let best: Boundary | null = null
    for (const { boundary } of this.#rows()) {
      if (boundary.written <= written && boundary.written >= (best?.written ?? 0)) best = boundary
    }
    return best
  }

  /** Keeps a boundary. Durable on return, where flash takes it: a row that is lost costs a longer way, and nothing else. */
  add(boundary: Boundary): void {
    const { flash, crypto, hasJournal } = this.#board
    if (hasJournal !== true) return
    const rows = [...this.#rows()]
    if (rows.some(row => row.boundary.written === boundary.written)) return
    const at = this.#free() ?? this.#madeFree(rows)
    // If power fails in this program, the row does not hold what it says of itself, and is passed over.
    flash.program(AREA, at, writeRow(crypto, this.#patch, boundary))
  }

  *#rows(): Generator<Row> {
    const { crypto, hasJournal } = this.#board
    if (hasJournal !== true) return
    for (const at of this.#places()) {
      const row = this.#read(at)
      const boundary = row === null ? null : readRow(crypto, this.#patch, row)
      if (boundary !== null) yield { at, boundary }
    }
  }

  *#places(): Generator<number> {
    const { flash } = this.#board
    const [size, sector] = [flash.size(AREA), flash.sector(AREA)]
    for (let start = 0; start < size; start += sector) {
      for (let at = start; at + ROW_BYTES <= start + sector; at += ROW_BYTES) yield at
    }
  }

  #read(at: number): Uint8Array | null {
    return this.#board.flash.read(AREA, at, ROW_BYTES)
  }

  #free(): number | null {
    for (const at of this.#places()) {
      const row = this.#read(at)
      if (row !== null && isErased(row)) return at
    }
    return null
  }

  /** Erases the sector whose rows of this patch are the oldest, or that has none. */
  #madeFree(rows: readonly Row[]): number {
    const { flash } = this.#board
    const sector = flash.sector(AREA)
    const newest = Array.from({ length: flash.size(AREA) / sector }, () => -1)
    for (const { at, boundary } of rows) {
      const index = Math.floor(at / sector)
      newest[index] = Math.max(newest[index] as number, boundary.written)
    }
    const oldest = newest.indexOf(Math.min(...newest))
    // If power fails in this erase, the rows of the other sectors are there; what is left of these says so itself.
    flash.erase(AREA, oldest * sector, sector)
    return oldest * sector
  }
}
