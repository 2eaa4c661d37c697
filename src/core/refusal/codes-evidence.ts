import type { CodeTable } from './code.ts'

const data = { exit: 65, status: 422, action: 'refuse' } as const
const trust = { exit: 20, status: 422, action: 'refuse' } as const
const policy = { exit: 21, status: 422, action: 'refuse' } as const

/** Bills of materials and provenance statements beside a release: what is wrong with them, or with leaving them out. */
export const evidenceCodes = {
  'evidence-missing': {
    ...policy,
    title: 'the fleet demands evidence that the release does not carry',
    fix: 'Make the release again with --sbom FILE and --provenance FILE (or --make-provenance), or have the fleet’s publish policy changed.',
  },
  'evidence-changed': {
    ...trust,
    status: 409,
    title: 'a published release would carry other evidence than it was published with',
    fix: 'What was published stays. Publish a new version with the evidence that belongs to it.',
  },
  'evidence-target-disagrees': {
    ...trust,
    title: 'the release names evidence that is not the target beside it',
    fix: 'Publish the release again with the current tools. Nothing was published.',
  },
  'sbom-malformed': {
    ...data,
    title: 'the bill of materials is not CycloneDX that can be read safely',
    fix: 'Write it as CycloneDX JSON 1.4 to 1.7: no name twice, no control characters in names, within the size.',
  },
  'sbom-wrong-subject': {
    ...trust,
    title: 'the bill of materials is of something else than this image',
    fix: 'Take the bill that was made for this image: metadata.component must have its version, and its SHA-256 when it states one.',
  },
  'sbom-subject-unstated': {
    ...policy,
    title: 'the bill of materials does not say what it is of',
    fix: 'Have your tool write metadata.component with the release’s version, or with the SHA-256 of the image.',
  },
  'dsse-malformed': {
    ...data,
    title: 'the signed statement is not a DSSE envelope that can be read safely',
    fix: 'Give the envelope as the build wrote it: JSON with payloadType, payload and signatures.',
  },
  'provenance-malformed': {
    ...data,
    title: 'the statement is not SLSA provenance v1',
    fix: 'Have the build write an in-toto Statement v1 with the predicate https://slsa.dev/provenance/v1.',
  },
  'provenance-unsigned': {
    ...trust,
    title: 'nobody has signed the provenance statement',
    fix: 'Have the build system sign it: anybody can write a statement.',
  },
  'provenance-signers-unknown': {
    ...trust,
    title: 'the provenance statement is not signed by a key of the fleet’s publish policy',
    fix: 'Have it signed by one of those keys; a new key goes into publish.provenanceKeys in fleet.yaml.',
  },
  'provenance-wrong-subject': {
    ...trust,
    title: 'the provenance statement is about something else than this image',
    fix: 'Take the statement that the build made for this image. If it was meant for it, the image is not what was built.',
  },
  'provenance-builder-unknown': {
    ...policy,
    title: 'the image was built by somebody whose builds the fleet does not take',
    fix: 'Build it on one of the builders of the publish policy, or add the builder to publish.builders in fleet.yaml.',
  },
} as const satisfies CodeTable
