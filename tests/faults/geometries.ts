import type { NorFlashOptions } from '../../sim/flash/nor-flash.ts'
import type { Geometry } from '../../src/core/slot/layout.ts'

/**
 * A flash to prove on. `pairs`: every ordered pair of faults is run on it, of most modes or of all that are paired, and not
 * only every single one.
 */
export type Board = {
  readonly name: string
  readonly says: string
  readonly geometry: Geometry
  readonly cells: Pick<NorFlashOptions, 'page' | 'eccWord' | 'block'>
  /** Bytes of each component's image. */
  readonly images: readonly number[]
  readonly pairs: 'none' | 'most' | 'all'
}

const SMALL: Geometry = {
  record: { size: 2048, sector: 2048 },
  slot: { size: 2560, sector: 512 },
  golden: { size: 2560, sector: 512 },
  history: { size: 1024, sector: 512 },
  imageOffset: 1024,
}

/** The flashes of the fault runs, all as small as they can be: a bit of rot and a cut strike the same structures. */
export const BOARDS: readonly Board[] = [
  {
    name: 'small',
    says: 'small sectors; a record block is one erase block of 4 records',
    geometry: SMALL,
    cells: {},
    images: [1200],
    pairs: 'most',
  },
  {
    name: 'tiny-history',
    says: 'a history of two sectors of one entry each: every decision erases',
    geometry: { ...SMALL, history: { size: 320, sector: 160 } },
    cells: {},
    images: [700],
    pairs: 'all',
  },
  {
    name: 'page',
    says: 'programmed by pages of 128 bytes: a cut leaves any bits of the page',
    geometry: SMALL,
    cells: { page: 128 },
    images: [1200],
    pairs: 'most',
  },
  {
    name: 'ecc',
    says: 'words of 32 bytes with a code: a half-written word cannot be read',
    geometry: SMALL,
    cells: { page: 32, eccWord: 32 },
    images: [1200],
    pairs: 'most',
  },
  {
    name: 'group',
    says: 'two images that change together, each with an area of its own in both slots',
    geometry: { ...SMALL, parts: [{ size: 1024, sector: 512 }] },
    cells: {},
    images: [700, 900],
    pairs: 'most',
  },
  {
    name: 'block-device',
    says: 'blocks of 2 KiB are rewritten whole: a cut inside a program costs all that stands beside it',
    geometry: { ...SMALL, history: { size: 4096, sector: 2048 } },
    cells: { block: 2048 },
    images: [1200],
    pairs: 'none',
  },
  {
    name: 'record-sectors',
    says: 'a record block of several sectors, one for each record; 6 records',
    geometry: { ...SMALL, record: { size: 3072, sector: 512 } },
    cells: {},
    images: [1200],
    pairs: 'none',
  },
  {
    name: 'fine',
    says: 'sectors of 256 bytes, a longer image',
    geometry: {
      record: { size: 2560, sector: 2560 },
      slot: { size: 4096, sector: 256 },
      golden: { size: 4096, sector: 256 },
      history: { size: 1536, sector: 512 },
      imageOffset: 1024,
    },
    cells: {},
    images: [2900],
    pairs: 'none',
  },
  {
    name: 'large',
    says: 'sectors of 4 KiB: a slot is three of them, a record block one of 8 records',
    geometry: {
      record: { size: 4096, sector: 4096 },
      slot: { size: 12288, sector: 4096 },
      golden: { size: 12288, sector: 4096 },
      history: { size: 8192, sector: 4096 },
      imageOffset: 4096,
    },
    cells: {},
    images: [5000],
    pairs: 'none',
  },
]
