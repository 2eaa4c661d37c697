import type { Json, JsonObject } from '../encoding/canonical-json.ts'
import { dictionary, line, Misfit, object, text, then, truth, word } from '../encoding/shape.ts'
import type { Instant } from '../encoding/units.ts'
import { formatUtc, parseUtc } from '../encoding/utc-time.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { Common } from './metadata.ts'
import { idName } from './names.ts'

/** The repositories whose root and delegations people sign at ceremonies. */
export const REPOSITORIES = ['image', 'approval', 'director'] as const
export type Repository = (typeof REPOSITORIES)[number]

/**
 * What a document says of the ceremony that it was signed at. It stands in the `signed` object, so every signature covers
 * it: nobody who carries the files can give more time, play a document to another repository, or pass a rehearsal off as
 * the real thing. `deadline`: signatures are taken before it.
 */
export type CeremonyNote = {
  readonly name: string
  readonly repository: Repository
  readonly deadline: Instant
  readonly rehearsal: boolean
}

/** The member of a `signed` object that holds the note. Clients of TUF pass over members that they do not know. */
export const NOTE = 'x-voltseal-ceremony'
/** The member that holds the names of the keys' holders, by key id. */
export const OWNERS = 'x-voltseal-owners'

const MAX_OWNERS = 256

const noteShape = object(
  {
    name: idName,
    repository: word(...REPOSITORIES),
    deadline: then(
      line(32),
      (value, at) => parseUtc(value) ?? new Misfit(at, 'a time such as 2030-01-31T00:00:00Z', value),
    ),
  },
  { rehearsal: truth },
)

const keyidName = text('a key id of 1 to 128 characters', /^[\x21-\x7e]{1,128}$/)
/** A holder's name: one line, short enough for a table. */
export const ownerName = line(64)
const ownersShape = dictionary(keyidName, ownerName, MAX_OWNERS)

/** The note as it stands in a `signed` object. */
export function writeNote({ name, repository, deadline, rehearsal }: CeremonyNote): JsonObject {
  return { name, repository, deadline: formatUtc(deadline), ...(rehearsal ? { rehearsal: true } : {}) }
}

/** The note of a document; null when it has none. Refuses `ceremony-malformed`: a note with anything else in it too. */
export function noteOf(signed: Common, subject: string): CeremonyNote | null | Refusal {
  const written = member(signed, NOTE)
  if (written === undefined) return null
  const read = noteShape(written, NOTE)
  if (read instanceof Misfit) {
    return refuse('ceremony-malformed', subject, read.expected, `${read.actual} at ${read.at}`)
  }
  return { ...read, rehearsal: read.rehearsal ?? false }
}

/**
 * Whether a document is of a rehearsal. A client follows a rehearsal's roots from a rehearsal's root only: see
 * `updateRoot`. What cannot be read counts as one, so that no real chain takes it.
 */
export function isRehearsal(signed: Common): boolean {
  const written = member(signed, NOTE)
  if (written === undefined) return false
  const read = noteShape(written, NOTE)
  return read instanceof Misfit || read.rehearsal === true
}

/** The repository that a document was signed for, when it was signed at a ceremony: a TUF root does not say whose it is. */
export function signedFor(signed: Common): Repository | null {
  const written = member(signed, NOTE)
  const read = written === undefined ? null : noteShape(written, NOTE)
  return read === null || read instanceof Misfit ? null : read.repository
}

/** The names of the holders by key id, as the document's signers vouch for them. Refuses `ceremony-malformed`. */
export function ownersOf(signed: Common, subject: string): ReadonlyMap<string, string> | Refusal {
  const read = ownersShape(member(signed, OWNERS) ?? {}, OWNERS)
  if (!(read instanceof Misfit)) return new Map(Object.entries(read))
  return refuse('ceremony-malformed', subject, read.expected, `${read.actual} at ${read.at}`)
}

const member = ({ raw }: Common, name: string): Json | undefined => (Object.hasOwn(raw, name) ? raw[name] : undefined)
