import { canonicalJson, type Json, JsonFault } from '../../encoding/canonical-json.ts'
import { line, list, Misfit, text } from '../../encoding/shape.ts'
import { readForeignJson } from '../../encoding/strict-json.ts'
import type { Instant } from '../../encoding/units.ts'
import { formatUtc } from '../../encoding/utc-time.ts'
import { type Refusal, refuse } from '../../refusal/refusal.ts'
import { open } from '../open-shape.ts'
import type { Dsse } from './dsse.ts'
import { MAX_DSSE_BYTES } from './dsse.ts'

/** Where an image comes from: an in-toto Statement v1 with the predicate of SLSA provenance v1. */

export const STATEMENT_PAYLOAD = 'application/vnd.in-toto+json'
const STATEMENT = 'https://in-toto.io/Statement/v1'
const PREDICATE = 'https://slsa.dev/provenance/v1'

/** Things that a statement is about, at most. */
const MAX_SUBJECTS = 1024

/**
 * What a statement says. `digests`: the SHA-256 (lower-case hex) of the things that it is about; `builder` is who built
 * them, and `buildType` how, both URIs.
 */
export type Provenance = {
  readonly subjects: readonly string[]
  readonly digests: ReadonlySet<string>
  readonly builder: string
  readonly buildType: string
}

/** A URI in visible ASCII: two that look alike are the same, and a terminal shows it as it is. */
const uri = text('a URI of at most 512 characters', /^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]{1,500}$/)
/** Whether a word can be the id of a builder. */
export const isUri = (word: string): boolean => !(uri(word, '') instanceof Misfit)

const digest = open({}, { sha256: text('a SHA-256 in lower-case hex', /^[0-9a-f]{64}$/) })
const statement = open({
  _type: text(STATEMENT, new RegExp(`^${STATEMENT.replaceAll('.', '\\.')}$`)),
  subject: list(open({ digest }, { name: line(1024, 0) }), 1, MAX_SUBJECTS),
  predicateType: text(PREDICATE, new RegExp(`^${PREDICATE.replaceAll('.', '\\.')}$`)),
  predicate: open({
    buildDefinition: open({ buildType: uri }),
    runDetails: open({ builder: open({ id: uri }) }),
  }),
})

/** Reads the statement in an envelope. Refuses `provenance-malformed`. */
export function readProvenance({ payloadType, payload }: Dsse, subject: string): Provenance | Refusal {
  if (payloadType !== STATEMENT_PAYLOAD) {
    return refuse('provenance-malformed', subject, STATEMENT_PAYLOAD, payloadType.slice(0, 80))
  }
  const json = readForeignJson(payload, MAX_DSSE_BYTES)
  if (json instanceof JsonFault) return refuse('provenance-malformed', subject, 'strict JSON', json.message)
  const read = statement(json, '')
  if (read instanceof Misfit) {
    const { at, expected, actual } = read
    return refuse('provenance-malformed', subject, expected, `${actual} at ${at || 'the top'}`, 'in-toto Statement v1')
  }
  const { buildDefinition, runDetails } = read.predicate
  return {
    subjects: read.subject.flatMap(({ name }) => (name ? [name] : [])),
    digests: new Set(read.subject.flatMap(({ digest: { sha256 } }) => sha256 ?? [])),
    builder: runDetails.builder.id,
    buildType: buildDefinition.buildType,
  }
}

/** A file that went into something, or came out of it, by its SHA-256 in lower-case hex. */
export type NamedDigest = { readonly name: string; readonly sha256: string }

/** What `release create` knows of where a release comes from, and nothing that it does not. */
export type Packaging = {
  readonly subjects: readonly NamedDigest[]
  /** The files that it was given. */
  readonly inputs: readonly NamedDigest[]
  readonly parameters: { readonly [name: string]: Json }
  readonly builder: string
  readonly at: Instant
}

/** How a release came to be that `release create` made: images in, payload out. It says nothing of how they were built. */
export const PACKAGING = 'urn:voltseal:build:release-create:1'

/** The statement of a release that was put together here, in canonical JSON: what is signed. */
export function writeProvenance({ subjects, inputs, parameters, builder, at }: Packaging): Uint8Array {
  const named = ({ name, sha256 }: NamedDigest): Json => ({ name, digest: { sha256 } })
  return canonicalJson({
    _type: STATEMENT,
    subject: subjects.map(named),
    predicateType: PREDICATE,
    predicate: {
      buildDefinition: {
        buildType: PACKAGING,
        externalParameters: parameters,
        resolvedDependencies: inputs.map(named),
      },
      runDetails: { builder: { id: builder }, metadata: { finishedOn: formatUtc(at) } },
    },
  })
}
