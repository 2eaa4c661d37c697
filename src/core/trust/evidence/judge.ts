import type { Crypto } from '../../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../../refusal/refusal.ts'
import { dsseSigners, readDsse, type StatementKey } from './dsse.ts'
import { covers, type ImageDigests } from './image-digests.ts'
import { type Provenance, readProvenance } from './provenance.ts'
import { matchSbom, readSbom, type Sbom, type SbomMatch } from './sbom.ts'

/** What a release may carry beside its image: what is in it, and where it comes from. */
export const EVIDENCE = ['sbom', 'provenance'] as const
export type EvidenceKind = (typeof EVIDENCE)[number]

/** The files of a release's evidence; null where there is none. */
export type EvidenceFiles = Readonly<Record<EvidenceKind, Uint8Array | null>>

/**
 * What a fleet wants of a release before it is published. `builders`: whose builds count, any when empty. `keys`: whose
 * signature a provenance statement must bear; without any, signatures are not asked for.
 */
export type PublishPolicy = {
  readonly demand: readonly EvidenceKind[]
  readonly builders: readonly string[]
  readonly keys: readonly StatementKey[]
}

/** The policy of who has none: what is there must be about the image, and nothing has to be there. */
export const NO_POLICY: PublishPolicy = { demand: [], builders: [], keys: [] }

/** The release that evidence is judged for. `subject` names it in refusals. */
export type Judged = { readonly subject: string; readonly version: string; readonly digests: ImageDigests }

export type JudgedSbom = Sbom & { readonly match: SbomMatch }
/** `signers`: the ids of the policy's keys whose signature holds; `claimed`: what the signatures say of themselves. */
export type JudgedProvenance = Provenance & { readonly signers: readonly string[]; readonly claimed: readonly string[] }
export type Evidence = { readonly sbom: JudgedSbom | null; readonly provenance: JudgedProvenance | null }

/**
 * Judges the evidence of a release by a policy. What is there is judged whether it was demanded or not: it is about this
 * image, and a statement is signed by one of the policy's keys, of one of its builders.
 *
 * Refuses `evidence-missing`, `sbom-malformed`, `sbom-wrong-subject`, `sbom-subject-unstated` (when a bill is demanded),
 * `dsse-malformed`, `provenance-unsigned`, `provenance-signers-unknown`, `provenance-malformed`,
 * `provenance-wrong-subject`, `provenance-builder-unknown`.
 */
export function judgeEvidence(
  files: EvidenceFiles,
  release: Judged,
  policy: PublishPolicy,
  crypto: Crypto,
): Evidence | Refusal {
  const missing = policy.demand.find(kind => files[kind] === null)
  if (missing !== undefined) {
    return refuse('evidence-missing', release.subject, `${TITLES[missing]} beside the image`, 'none')
  }
  const sbom = files.sbom === null ? null : judgeSbom(files.sbom, release, policy)
  if (isRefusal(sbom)) return sbom
  const provenance = files.provenance === null ? null : judgeProvenance(files.provenance, release, policy, crypto)
  return isRefusal(provenance) ? provenance : { sbom, provenance }
}

const TITLES: Readonly<Record<EvidenceKind, string>> = {
  sbom: 'a bill of materials (CycloneDX)',
  provenance: 'a provenance statement (in-toto, DSSE)',
}

function judgeSbom(bytes: Uint8Array, release: Judged, policy: PublishPolicy): JudgedSbom | Refusal {
  const subject = `${release.subject}: SBOM`
  const sbom = readSbom(bytes, subject)
  if (isRefusal(sbom)) return sbom
  const match = matchSbom(sbom, release, subject)
  if (isRefusal(match)) return match
  if (match === 'unstated' && policy.demand.includes('sbom')) {
    const expected = `metadata.component with version ${release.version}, or the SHA-256 of the image`
    return refuse('sbom-subject-unstated', subject, expected, 'neither')
  }
  return { ...sbom, match }
}

function judgeProvenance(
  bytes: Uint8Array,
  release: Judged,
  policy: PublishPolicy,
  crypto: Crypto,
): JudgedProvenance | Refusal {
  const subject = `${release.subject}: provenance`
  const dsse = readDsse(bytes, subject)
  if (isRefusal(dsse)) return dsse
  if (dsse.signatures.length === 0) return refuse('provenance-unsigned', subject, 'a signature', 'none')
  const claimed = dsse.signatures.map(({ keyid }) => keyid ?? 'a key without a name')
  const signers = dsseSigners(dsse, policy.keys, crypto)
  if (policy.keys.length > 0 && signers.length === 0) {
    const wanted = policy.keys.map(({ kid }) => kid.slice(0, 16)).join(', ')
    const actual = `none that holds (signed as ${claimed.join(', ').slice(0, 80)})`
    return refuse('provenance-signers-unknown', subject, `a signature by one of ${wanted}`, actual)
  }
  const provenance = readProvenance(dsse, subject)
  if (isRefusal(provenance)) return provenance
  if (!covers(provenance.digests, release.digests)) {
    const [first = 'no SHA-256'] = provenance.digests
    const expected = `a statement about the image ${release.digests.whole}`
    return refuse('provenance-wrong-subject', subject, expected, `one about ${first}`, 'SLSA provenance v1')
  }
  if (policy.builders.length > 0 && !policy.builders.includes(provenance.builder)) {
    const wanted = policy.builders.join(', ').slice(0, 200)
    return refuse('provenance-builder-unknown', subject, `a build by ${wanted}`, provenance.builder.slice(0, 200))
  }
  return { ...provenance, signers, claimed }
}
