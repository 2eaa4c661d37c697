import { toHex } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { formatUtc } from '../../src/core/encoding/utc-time.ts'
import type { WalkStep } from '../../src/core/ledger/proof-walk.ts'
import { SIGNED_ROOT } from '../../src/core/ledger/proof-walk.ts'
import type { Refusal } from '../../src/core/refusal/refusal.ts'
import type { Proof } from './proof.ts'

/** A proof as lines to read, from the entry up to the witnesses: what was done, and whether it holds. */
export type ProofLine = {
  readonly name: string
  readonly text: string
  readonly standing: 'holds' | 'breaks' | 'open'
  readonly fault: Refusal | null
}

export const hashText = (hash: Uint8Array | null): string => (hash === null ? '–' : toHex(hash.subarray(0, 4)))
export const rangeText = ({ start, end }: WalkStep['over']): string =>
  end - start === 1 ? `entry ${start}` : `entries ${start} to ${end - 1}`

/** Steps between two that are held against something are one line: nobody reads twenty times that two hashes became one. */
export function proofLines(proof: Proof): ProofLine[] {
  const { head, unsigned, walk, quorum, witnesses } = proof
  const lines: ProofLine[] = []
  let joined = 0
  for (const step of walk?.steps ?? []) {
    const { over, sibling, hash, held, standing, fault } = step
    if (sibling !== null || held === null) joined += 1
    if (held === null && fault === null) continue
    const by =
      over.end - over.start === 1 ? 'Its bytes give' : `${joined} ${joined === 1 ? 'step gives' : 'steps give'}`
    const against = held === SIGNED_ROOT ? 'the root that was signed' : held
    const name = held === SIGNED_ROOT ? `The root over ${over.end} entries` : capital(rangeText(over))
    const agrees = standing === 'holds' ? `: the same is in ${against}` : ''
    lines.push({
      name,
      text: `${by} ${hashText(hash)}${held === SIGNED_ROOT && agrees !== '' ? ': it is the one that was signed' : agrees}`,
      standing,
      fault,
    })
    joined = 0
  }
  const who = head?.key.name ?? 'the log'
  lines.push({
    name: 'The signature of the log',
    text:
      head === null ? 'does not hold over what was given as its head' : `${who} signed ${head.checkpoint.size} entries`,
    standing: head === null ? 'breaks' : 'holds',
    fault: unsigned,
  })
  for (const { name, standing, seconds } of witnesses) {
    const words = {
      holds: `signed it at ${seconds === null ? '–' : formatUtc(instant(seconds * 1000))}`,
      breaks: 'did not sign what stands under its name',
      open: 'has not signed this head',
    }
    lines.push({ name: `The witness ${name}`, text: words[standing], standing, fault: null })
  }
  if (quorum !== null) {
    const have = witnesses.filter(({ standing }) => standing === 'holds').length
    lines.push({
      name: 'Witnesses',
      text: `${have} of ${witnesses.length} signed; needed: ${quorum.wanted}`,
      standing: quorum.short === null ? 'holds' : quorum.short.code === 'cosignatures-too-few' ? 'open' : 'breaks',
      fault: quorum.short,
    })
  }
  return lines
}

const capital = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`

/** Where a drawing puts each step, from the entry at the bottom up: the way in the middle, what it is joined with beside it. */
export type Placed = {
  readonly y: number
  readonly step: WalkStep
  readonly sibling: { readonly side: 'left' | 'right'; readonly y: number } | null
}

/** Of one step, and of what lies above the highest, in units of the drawing. */
export const ROW = 46
export const TOP = 92
export const WIDTH = 340

export function placed(steps: readonly WalkStep[]): { readonly height: number; readonly rows: readonly Placed[] } {
  const bottom = TOP + ROW * Math.max(0, steps.length - 1) + 30
  const rows = steps.map((step, at): Placed => {
    const y = bottom - 30 - at * ROW
    return { y, step, sibling: step.sibling === null ? null : { side: step.sibling.side, y: y + ROW / 2 } }
  })
  return { height: bottom, rows }
}
