import { JsonFault } from '../../encoding/canonical-json.ts'
import { line, list, Misfit, type Shape, text, then } from '../../encoding/shape.ts'
import { readForeignJson } from '../../encoding/strict-json.ts'
import { type Refusal, refuse } from '../../refusal/refusal.ts'
import { open } from '../open-shape.ts'
import { covers, type ImageDigests } from './image-digests.ts'

/**
 * Software bills of materials in CycloneDX JSON, 1.4 to 1.7 (ECMA-424). Read is what says whether a bill belongs to an
 * image, and how much it lists; the rest is passed over and stays in the file. The bill is kept and handed out byte for
 * byte.
 */

/** The most bytes of a bill: one of a whole Linux image fits. */
export const MAX_SBOM_BYTES = 16 * 1024 * 1024
/** The most components of a bill, on all levels. */
export const MAX_SBOM_COMPONENTS = 50_000

const VERSIONS = ['1.4', '1.5', '1.6', '1.7'] as const

/**
 * What a bill says of itself. `digests`: the SHA-256 (lower-case hex) that its components give, on all levels; `subject`
 * is what the bill is of, when it says so.
 */
export type Sbom = {
  readonly specVersion: (typeof VERSIONS)[number]
  readonly subject: {
    readonly name: string
    readonly version: string | null
    readonly digests: ReadonlySet<string>
  } | null
  readonly components: number
  readonly digests: ReadonlySet<string>
}

/**
 * How a bill belongs to an image: by its digest; by the version alone, as with most tools, which make the bill before the
 * image; or it does not say.
 */
export type SbomMatch = 'digest' | 'version' | 'unstated'

const anything: Shape<unknown> = value => value
// One line without control characters: the names are shown to people, in terminals too.
const name = line(1024)
const digest = then(text('a hash in hex', /^[0-9A-Fa-f]{8,256}$/), value => value.toLowerCase())
const hashes = list(open({ alg: line(64), content: digest }), 0, 64)
const component = open(
  { type: text('a type of component', /^[a-z][a-z-]{0,63}$/), name },
  { version: line(1024, 0), hashes, components: list(anything, 0, MAX_SBOM_COMPONENTS) },
)
const bill = open(
  {
    bomFormat: text('"CycloneDX"', /^CycloneDX$/),
    specVersion: then(line(8), (value, at) => {
      const known = VERSIONS.find(version => version === value)
      return known ?? new Misfit(at, `one of ${VERSIONS.join(', ')}`, value)
    }),
  },
  {
    serialNumber: text('urn:uuid: and a UUID', /^urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i),
    metadata: open({}, { component: anything }),
    components: list(anything, 0, MAX_SBOM_COMPONENTS),
  },
)

/** Reads a bill, size first. Refuses `sbom-malformed`: `subject` names the file. */
export function readSbom(bytes: Uint8Array, subject: string): Sbom | Refusal {
  const json = readForeignJson(bytes, MAX_SBOM_BYTES)
  if (json instanceof JsonFault) {
    return refuse('sbom-malformed', subject, `strict JSON of at most ${MAX_SBOM_BYTES} bytes`, json.message)
  }
  const read = bill(json, '')
  if (read instanceof Misfit) return malformed(subject, read)
  const about = read.metadata?.component
  const of = about === undefined ? null : component(about, 'metadata.component')
  if (of instanceof Misfit) return malformed(subject, of)
  const listed = readComponents([...(of?.components ?? []), ...(read.components ?? [])])
  if (listed instanceof Misfit) return malformed(subject, listed)
  return {
    specVersion: read.specVersion,
    subject: of === null ? null : { name: of.name, version: of.version || null, digests: new Set(sha256Of(of)) },
    ...listed,
  }
}

/** All components, whatever they are inside of: a list of what is still to be read, and no recursion. */
function readComponents(top: readonly unknown[]): Pick<Sbom, 'components' | 'digests'> | Misfit {
  const digests = new Set<string>()
  const left = [...top]
  let components = 0
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    components += 1
    const read = component(next, 'components[…]')
    if (read instanceof Misfit) return read
    for (const sha256 of sha256Of(read)) digests.add(sha256)
    for (const inner of read.components ?? []) left.push(inner)
    if (components + left.length > MAX_SBOM_COMPONENTS) {
      return new Misfit('components', `at most ${MAX_SBOM_COMPONENTS} of them`, 'more')
    }
  }
  return { components, digests }
}

const sha256Of = ({ hashes = [] }: { hashes?: readonly { alg: string; content: string }[] }): string[] =>
  hashes.filter(({ alg, content }) => alg === 'SHA-256' && content.length === 64).map(({ content }) => content)

/**
 * How a bill belongs to a release: by the SHA-256 of what it is of; of several images that move together, each may be one
 * of its components. A digest that is stated must fit, whatever the version says. Refuses `sbom-wrong-subject`.
 */
export function matchSbom(
  { subject, digests }: Sbom,
  release: { readonly version: string; readonly digests: ImageDigests },
  what: string,
): SbomMatch | Refusal {
  const stated = subject?.digests ?? new Set<string>()
  if (covers(stated, release.digests)) return 'digest'
  if (release.digests.parts.length > 1 && covers(stated.union(digests), release.digests)) return 'digest'
  const [first] = stated
  if (first !== undefined) {
    return refuse('sbom-wrong-subject', what, `a bill of the image ${release.digests.whole}`, `one of ${first}`)
  }
  const version = subject?.version ?? null
  if (version === null) return 'unstated'
  // Build metadata is no part of a release's version (Semantic Versioning 2.0.0 §10).
  if (version.replace(/\+.*$/, '') === release.version) return 'version'
  return refuse('sbom-wrong-subject', what, `a bill of version ${release.version}`, `one of version ${version}`)
}

const malformed = (subject: string, { at, expected, actual }: Misfit): Refusal =>
  refuse('sbom-malformed', subject, expected, `${actual} at ${at || 'the top'}`, 'ECMA-424')
