import type { ZipLimits } from '../../encoding/zip.ts'
import { MAX_PROOF_CHARACTERS } from '../tlog-proof.ts'
import { MAX_EVENTS } from './events.ts'

/** The files of an evidence pack, which is a ZIP file. What is not in `STATED` is borne out by itself. */

/** Files that `pack.json` states with their digests. */
export const STATED = [
  'events.json',
  'events.csv',
  'report.pdf',
  'clauses.json',
  'keys.txt',
  'verify.html',
  'verify.mjs',
  'readme.txt',
] as const
export type Stated = (typeof STATED)[number]

export const MANIFEST = 'pack.json'
export const CHECKPOINT = 'checkpoint'
/** That the log which was searched is the beginning of the checkpoint's: C2SP tlog-witness, the body of add-checkpoint. */
export const CONTINUES = 'continues.txt'
/** The proof of the entry that seals the pack; none in a pack that was made from a copy of the log. */
export const SEAL = 'seal.tlog-proof'

export const proofName = (index: number): string => `proofs/${String(index).padStart(9, '0')}.tlog-proof`

const FIXED: ReadonlySet<string> = new Set([...STATED, MANIFEST, CHECKPOINT, CONTINUES, SEAL])
const PROOF = /^proofs\/(\d{9,16})\.tlog-proof$/

/** Whether a pack may hold a file of that name: one of ours, or the proof of an event that is cited. */
export function isPackFile(name: string, events: ReadonlySet<number>): boolean {
  if (FIXED.has(name)) return true
  const index = Number(PROOF.exec(name)?.[1])
  return events.has(index) && proofName(index) === name
}

const MIB = 1024 * 1024

/** What is taken of a pack that somebody else gave: above all that one of `MAX_EVENTS` usual events is. */
export const PACK_LIMITS: ZipLimits = {
  bytes: 512 * MIB,
  files: MAX_EVENTS + FIXED.size,
  unpacked: 1024 * MIB,
  ratio: 200,
  // Lower case only: two names that a file system takes for one are not both possible.
  name: /^(?:[a-z0-9][a-z0-9-]{0,30}(?:\.[a-z0-9-]{1,12})?|proofs\/\d{9,16}\.tlog-proof)$/,
}

/** The most bytes that are unpacked of a file. */
export function maxSize(name: string): number {
  if (name === 'events.json' || name === 'events.csv') return 512 * MIB
  if (name === 'report.pdf') return 128 * MIB
  return name.startsWith('proofs/') || name === SEAL ? MAX_PROOF_CHARACTERS : 8 * MIB
}
