import type { Json } from '../../encoding/canonical-json.ts'
import {
  exactly,
  line,
  list,
  Misfit,
  object,
  type Shape,
  type ShapeOf,
  shown,
  text,
  then,
  truth,
  word,
} from '../../encoding/shape.ts'
import { type EntryKind, isEntryKind } from '../entry-kinds.ts'

/**
 * Standards as data: which clause, what is enforced, what is recorded, and where the proof of it is. A clause is never called met: what
 * a pack can show is whether the log holds events that bear on it. `missing` stays missing, whatever is enforced.
 */

const kind: Shape<EntryKind> = then(line(64), (value, at) =>
  isEntryKind(value) ? value : new Misfit(at, 'a kind of audit entry', shown(value)),
)

/** What is recorded: of each of these records there must be an event, of any of its kinds, for the clause to have its evidence. */
const record = object({ what: line(200), kinds: list(kind, 1, 20) })
/** A rule that is enforced, and the test or the page that shows it: `tests/...` or `docs/...`, with a heading perhaps. */
const rule = object({
  rule: line(400),
  proof: text('a path below tests/ or docs/', /^(?:tests|docs)\/[a-z0-9/._-]+(?:#[a-z0-9-]+)?$/),
})

const clause = object({
  clause: line(60),
  /** What the clause is about, in our words. */
  about: line(300),
  /** Whether its number and what it is about were held against the public source that the standard names. */
  checked: truth,
  enforced: list(rule, 0, 12),
  recorded: list(record, 0, 12),
  /** What remains to be done by people, or is not covered. */
  left: line(500, 0),
})

/** A file of `compliance/`. `analogue`: a standard of another field, read for batteries and chargers by analogy. */
export const standardShape = object({
  v: exactly(1),
  standard: line(60),
  title: line(200),
  edition: line(120),
  /** What is public of it, and was read: the texts of most standards are sold. Empty: nothing was. */
  source: line(300, 0),
  /** The standard's own field, or one that is near enough to learn from. */
  reading: word('direct', 'analogue'),
  clauses: list(clause, 1, 100),
})

export type Standard = ShapeOf<typeof standardShape>
export type Clause = Standard['clauses'][number]

/**
 * `shown`: of every record there is an event. `partly`: of some. `missing`: of none, though it is recorded. `unrecorded`: the clause is
 * about how things are, and no event shows it.
 */
export type Standing = 'shown' | 'partly' | 'missing' | 'unrecorded'

/** How many events of each kind are cited. */
export type Counts = ReadonlyMap<string, number>

/** What the cited events show of a clause, and how many there are for each of its records. */
export function standingOf(clause: Clause, counts: Counts): { standing: Standing; events: number[] } {
  const events = clause.recorded.map(({ kinds }) => kinds.reduce((sum, one) => sum + (counts.get(one) ?? 0), 0))
  const present = events.filter(count => count > 0).length
  if (events.length === 0) return { standing: 'unrecorded', events }
  return { standing: present === events.length ? 'shown' : present === 0 ? 'missing' : 'partly', events }
}

/** What a pack says of all standards: the data as it was, and how each clause stands. */
export function clausesJson(standards: readonly Standard[], counts: Counts): Json {
  return {
    v: 1,
    note: 'A clause is never called met here. Its standing says whether the cited events bear on it; whether that is enough is for an auditor.',
    standards: standards.map(standard => ({
      ...standard,
      clauses: standard.clauses.map(one => ({ ...one, ...standingOf(one, counts) })),
    })),
  } as unknown as Json
}

const standing = word('shown', 'partly', 'missing', 'unrecorded')

/** Reads what `clausesJson` writes. */
export function readClauses(value: unknown): { standards: Standard[]; note: string } | Misfit {
  const head = object({ v: exactly(1), note: line(500), standards: (one: unknown) => one })(value, '')
  if (head instanceof Misfit) return head
  if (!Array.isArray(head.standards) || head.standards.length > 100) {
    return new Misfit('standards', 'a list of at most 100', shown(head.standards))
  }
  const standards: Standard[] = []
  for (const [at, one] of head.standards.entries()) {
    const bare = withoutStandings(one)
    const read = bare instanceof Misfit ? bare : standardShape(bare, `standards[${at}]`)
    if (read instanceof Misfit) return read
    standards.push(read)
  }
  return { standards, note: head.note }
}

/** A standard as it is in `compliance/`: without what a pack says of its clauses, which is judged by making it again. */
function withoutStandings(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('clauses' in value) || !Array.isArray(value.clauses))
    return value
  const clauses: unknown[] = []
  for (const one of value.clauses) {
    if (typeof one !== 'object' || one === null || standing(one.standing, 'standing') instanceof Misfit) {
      return new Misfit('standing', 'how a clause stands', shown(one?.standing))
    }
    const { standing: _, events: __, ...rest } = one
    clauses.push(rest)
  }
  return { ...value, clauses }
}
