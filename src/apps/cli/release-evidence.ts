import { basename } from 'node:path'
import { NO_EVIDENCE, readEvidence, readEvidenceFile, readImage } from '../../adapters/release-folder.ts'
import { imagesIn } from '../../core/firmware/encryption.ts'
import type { ReleaseFacts } from '../../core/firmware/release-facts.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Evidence, EvidenceFiles, PublishPolicy } from '../../core/trust/evidence/judge.ts'
import type { NamedDigest } from '../../core/trust/evidence/provenance.ts'
import { checkEvidence, makeProvenance } from '../../flows/attest.ts'
import type { Cli } from './cli.ts'
import { keyIdOf } from './key-id.ts'
import type { Cell } from './table.ts'

/** The options of `release create` that evidence comes by, and the files that the release is made of. */
export type EvidenceOptions = {
  sbom?: string
  provenance?: string
  makeProvenance?: boolean
  provenanceKey?: string
  builder?: string
}
type Inputs = { image: string; also: readonly { name: string; file: string }[] }
type Made = { readonly facts: ReleaseFacts; readonly image: Uint8Array }

/** Reads or makes the evidence of a release that is being made, and judges that it is about this image. */
export async function gatherEvidence(
  cli: Cli,
  options: EvidenceOptions & Inputs,
  { facts, image }: Made,
): Promise<{ files: EvidenceFiles; evidence: Evidence } | Refusal> {
  const wrong = (expected: string, actual: string): Refusal => refuse('usage-error', 'release create', expected, actual)
  const { sbom: sbomFile, provenance: file, makeProvenance: make = false, provenanceKey } = options
  if (make && file !== undefined) return wrong('--provenance or --make-provenance', 'both')
  if (make && provenanceKey === undefined) return wrong('--provenance-key with --make-provenance', 'none')
  if (!make && (provenanceKey !== undefined || options.builder !== undefined)) {
    return wrong('--make-provenance with --provenance-key and --builder', 'none')
  }
  const sbom = sbomFile === undefined ? null : readEvidenceFile(sbomFile, 'sbom')
  if (isRefusal(sbom)) return sbom
  const provenance = await provenanceOf(cli, options, facts)
  if (isRefusal(provenance)) return provenance
  const files = { ...NO_EVIDENCE, sbom, provenance }
  const evidence = checkEvidence({ facts, payload: image }, files, cli.world)
  if (isRefusal(evidence)) return evidence
  if (evidence.sbom?.match === 'unstated') {
    cli.output.warn('The bill of materials does not say what it is of: a fleet that demands one will refuse it.')
  }
  return { files, evidence }
}

async function provenanceOf(
  cli: Cli,
  { provenance, provenanceKey, builder, ...options }: EvidenceOptions & Inputs,
  facts: ReleaseFacts,
): Promise<Uint8Array | null | Refusal> {
  if (provenance !== undefined) return readEvidenceFile(provenance, 'provenance')
  if (provenanceKey === undefined) return null
  const signer = await cli.openSigner(provenanceKey)
  if (isRefusal(signer)) return signer
  const kid = keyIdOf(signer.key, provenanceKey.split('?')[0] as string, cli.world.crypto)
  if (isRefusal(kid)) return kid
  const inputs: NamedDigest[] = []
  for (const path of [options.image, ...options.also.map(({ file }) => file)]) {
    const bytes = readImage(path)
    if (isRefusal(bytes)) return bytes
    inputs.push({ name: basename(path), sha256: cli.world.crypto.sha256(bytes).toHex() })
  }
  const { crypto, clock } = cli.world
  return makeProvenance(facts, inputs, { builder: builder ?? null, at: clock.now() }, { crypto, signer })
}

/** The evidence in a release's folder, judged. Refuses what `readEvidence` and `checkEvidence` refuse. */
export function readJudged(
  cli: Cli,
  folder: string,
  release: { readonly facts: ReleaseFacts; readonly payload: Uint8Array },
  policy?: PublishPolicy,
): Evidence | Refusal {
  const files = readEvidence(folder)
  if (isRefusal(files)) return files
  const { facts, payload } = release
  return checkEvidence({ facts, payload: imagesIn(facts, payload) }, files, cli.world, policy)
}

const MATCHES = {
  digest: { text: 'of this image, by its digest', tone: 'good' },
  version: { text: 'of this version; the digest of the image is not in it', tone: 'warn' },
  unstated: { text: 'does not say what it is of', tone: 'warn' },
} as const satisfies Record<string, Cell>

/** What is known of a release's evidence, one thing to a line. */
export function evidenceLines({ sbom, provenance }: Evidence): (readonly [name: string, value: Cell])[] {
  const bill: (readonly [string, Cell])[] =
    sbom === null
      ? [['SBOM', 'none']]
      : [
          ['SBOM', `CycloneDX ${sbom.specVersion}, ${sbom.components} components`],
          ['SBOM is', MATCHES[sbom.match]],
          [
            'SBOM names',
            sbom.subject === null ? 'nothing' : `${sbom.subject.name} ${sbom.subject.version ?? ''}`.trim(),
          ],
        ]
  if (provenance === null) return [...bill, ['provenance', 'none']]
  const { signers, claimed, builder, buildType } = provenance
  return [
    ...bill,
    ['provenance', 'about this image, by its digest'],
    ['built by', builder],
    ['built as', buildType],
    ...(signers.length > 0
      ? signers.map(kid => ['provenance signed by', { text: kid, tone: 'good' }] as const)
      : claimed.map(kid => ['provenance claims a signature by', kid] as const)),
  ]
}

/** The same for programs. */
export function evidenceJson({ sbom, provenance }: Evidence) {
  return {
    sbom:
      sbom === null
        ? null
        : {
            specVersion: sbom.specVersion,
            components: sbom.components,
            match: sbom.match,
            subject: sbom.subject === null ? null : { name: sbom.subject.name, version: sbom.subject.version },
          },
    provenance:
      provenance === null
        ? null
        : {
            builder: provenance.builder,
            buildType: provenance.buildType,
            subjects: provenance.subjects,
            signers: provenance.signers,
            claimed: provenance.claimed,
          },
  }
}
