import { sameBytes } from '../core/encoding/bytes.ts'
import { canonicalJson, type Json, type JsonObject } from '../core/encoding/canonical-json.ts'
import type { Crypto } from '../core/encoding/crypto.ts'
import type { Instant } from '../core/encoding/units.ts'
import { isMcuboot } from '../core/firmware/mcuboot/agree.ts'
import { readMcuboot } from '../core/firmware/mcuboot/read.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { preAuthentication, writeDsse } from '../core/trust/evidence/dsse.ts'
import type { ImageDigests } from '../core/trust/evidence/image-digests.ts'
import {
  EVIDENCE,
  type Evidence,
  type EvidenceFiles,
  type EvidenceKind,
  judgeEvidence,
  NO_POLICY,
  type PublishPolicy,
} from '../core/trust/evidence/judge.ts'
import { isUri, type NamedDigest, STATEMENT_PAYLOAD, writeProvenance } from '../core/trust/evidence/provenance.ts'
import {
  beside,
  describe,
  ENVELOPE_NAME,
  EVIDENCE_FILES,
  type FileRef,
  type ImageTarget,
  readImageTarget,
  sameFile,
} from '../core/trust/image-target.ts'
import { keyId } from '../core/trust/keys.ts'
import type { Target } from '../core/trust/metadata.ts'
import { record } from './audit.ts'
import type { FleetWorld, Signer } from './ports.ts'

/**
 * By which digests evidence may name a release. `payload`: its images, in the clear; null: they are not here, or encrypted,
 * and only the digest of all of them is known. An image
 * that was wrapped for MCUboot may be named by what the build put out, which lies inside it unchanged.
 */
export function imageDigests(facts: ReleaseFacts, payload: Uint8Array | null, crypto: Crypto): ImageDigests {
  const parts: { name: string; digests: string[] }[] = []
  let at = 0
  for (const { name, size } of payload === null ? [] : facts.components) {
    const image = (payload as Uint8Array).subarray(at, at + size)
    at += size
    const wrapped = isMcuboot(image) ? readMcuboot(image, name) : null
    const inner = wrapped === null || isRefusal(wrapped) ? [] : [crypto.sha256(wrapped.image).toHex()]
    parts.push({ name, digests: [crypto.sha256(image).toHex(), ...inner] })
  }
  return { whole: facts.imageDigest, parts }
}

/** The evidence of a release that is on this machine, judged. Refuses what `judgeEvidence` refuses. */
export function checkEvidence(
  release: { readonly facts: ReleaseFacts; readonly payload: Uint8Array | null },
  files: EvidenceFiles,
  { crypto }: { readonly crypto: Crypto },
  policy: PublishPolicy = NO_POLICY,
): Evidence | Refusal {
  const { facts, payload } = release
  const subject = `release ${facts.class} ${facts.version}`
  const digests = imageDigests(facts, payload, crypto)
  return judgeEvidence(files, { subject, version: facts.version, digests }, policy, crypto)
}

/**
 * Makes a provenance statement for a maker without a build system: which files `release create` was given, what it made
 * of them, who signs for it. It does not say how the files were built, since nobody here knows. `inputs`: the files, by
 * names that say nothing of the machine; `builder`: a URI, or null for one that names the signing key.
 *
 * Refuses `usage-error` for a builder that is no URI, and what the signer refuses.
 */
export async function makeProvenance(
  facts: ReleaseFacts,
  inputs: readonly NamedDigest[],
  { builder, at }: { readonly builder: string | null; readonly at: Instant },
  { crypto, signer }: { readonly crypto: Crypto; readonly signer: Signer },
): Promise<Uint8Array | Refusal> {
  const keyid = keyId(signer.key, crypto)
  const by = builder ?? `urn:voltseal:key:${keyid}`
  if (!isUri(by)) return refuse('usage-error', 'release create --builder', 'a URI', by.slice(0, 80))
  const { vendor, class: className, hardware, version, imageDigest } = facts
  const payload = writeProvenance({
    subjects: [{ name: `${className}/${version}/payload.bin`, sha256: imageDigest }],
    inputs,
    parameters: { vendor, class: className, hardware, version },
    builder: by,
    at,
  })
  const sig = await signer.sign(preAuthentication(STATEMENT_PAYLOAD, payload), 'der')
  if (isRefusal(sig)) return sig
  return writeDsse({ payloadType: STATEMENT_PAYLOAD, payload, signatures: [{ keyid, sig }] })
}

/** Finds a target as it is after a publication. */
export type LookUp = (path: string) => Promise<Target | null | Refusal>

/**
 * The evidence of a release that is to be published, judged by the fleet's policy: each file that the envelope's target
 * names is a target of its own beside it, is here, and is about this image.
 *
 * Refuses `evidence-target-disagrees`, `evidence-missing` and the other codes of `judgeEvidence`, what `Blobs.read`
 * refuses.
 */
export async function publishedEvidence(
  world: FleetWorld,
  path: string,
  release: ImageTarget,
  facts: ReleaseFacts,
  look: LookUp,
): Promise<Evidence | Refusal> {
  const files: Record<EvidenceKind, Uint8Array | null> = { sbom: null, provenance: null }
  for (const kind of EVIDENCE) {
    const named = release[kind]
    if (named === undefined) continue
    const { name, maxBytes } = EVIDENCE_FILES[kind]
    const target = await look(beside(path, name))
    if (isRefusal(target)) return target
    if (target === null || named.path !== target.path || !sameFile(named, target)) {
      const actual = target === null ? 'no such target' : describe(target)
      return refuse('evidence-target-disagrees', path, `${beside(path, name)}: ${describe(named)}`, actual)
    }
    if (named.length > maxBytes) {
      return refuse('blob-too-large', named.path, `at most ${maxBytes} bytes`, `${named.length}`)
    }
    const bytes = await world.blobs.read(named)
    if (isRefusal(bytes)) return { ...bytes, subject: `${named.path}: ${bytes.subject}` }
    files[kind] = bytes
  }
  // The payload is read only when there is something to compare it with.
  const any = files.sbom !== null || files.provenance !== null
  const payload = any && facts.encryption === null ? await world.blobs.read(release.payload) : null
  if (isRefusal(payload)) return { ...payload, subject: `${release.payload.path}: ${payload.subject}` }
  const judged = { subject: path, version: facts.version, digests: imageDigests(facts, payload, world.crypto) }
  return judgeEvidence(files, judged, world.publishPolicy, world.crypto)
}

/**
 * Whether the releases of before keep the evidence that they were published with: their envelopes name the same files,
 * and these are still targets. A release that had none may be given some. `before`: the targets that were where something
 * changes, or why they cannot be read; `look` finds a target as it is afterwards. Null when they do; refuses
 * `evidence-changed`, and what `look` refuses.
 */
export async function keepsEvidence(before: readonly Target[] | Refusal, look: LookUp): Promise<Refusal | null> {
  if (isRefusal(before)) return before
  for (const old of before) {
    const kinds = EVIDENCE.filter(kind => namedBy(old, kind) !== null)
    const own = EVIDENCE.find(kind => old.path === beside(old.path, EVIDENCE_FILES[kind].name))
    if (kinds.length === 0 && own === undefined) continue
    const now = await look(old.path)
    if (isRefusal(now)) return now
    for (const kind of now === null ? [] : kinds) {
      const [was, is] = [namedBy(old, kind) as FileRef, namedBy(now as Target, kind)]
      if (is !== null && is.path === was.path && sameFile(is, was)) continue
      return refuse('evidence-changed', `${old.path}: ${kind}`, describe(was), is === null ? 'none' : describe(is))
    }
    if (now !== null || own === undefined) continue
    const envelope = await look(`${old.path.slice(0, old.path.lastIndexOf('/'))}${ENVELOPE_NAME}`)
    if (isRefusal(envelope)) return envelope
    if (envelope === null || namedBy(envelope, own) === null) continue
    return refuse('evidence-changed', envelope.path, `the target ${old.path}`, 'one that is gone')
  }
  return null
}

function namedBy(target: Target, kind: EvidenceKind): FileRef | null {
  // Of tens of thousands of targets, only those are read as releases that name such a file.
  const { custom } = target
  if (typeof custom !== 'object' || custom === null || !Object.hasOwn(custom, kind)) return null
  const release = readImageTarget(target)
  return isRefusal(release) ? null : (release[kind] ?? null)
}

/** What the audit log says of a publication's evidence: digests, and what was found in them. */
export function evidenceDetail(evidence: Evidence, release: ImageTarget, policy: PublishPolicy): JsonObject {
  const { sbom, provenance } = evidence
  return {
    demanded: [...policy.demand],
    ...(sbom === null
      ? {}
      : { sbom: { sha256: release.sbom?.sha256 ?? '', components: sbom.components, match: sbom.match } }),
    ...(provenance === null
      ? {}
      : {
          provenance: {
            sha256: release.provenance?.sha256 ?? '',
            builder: provenance.builder,
            signers: [...provenance.signers],
          },
        }),
  }
}

/** Where the policy stands in the store that the log last spoke of. */
const POLICY = { repo: 'policy', path: 'publish.json' } as const

/**
 * Puts a change of the publish policy into the audit log: who edits the config of the server leaves a trace. Durable on
 * return.
 */
export function notePolicy(world: FleetWorld): Promise<void> {
  return world.store.exclusive(async () => {
    const known = await world.store.file(POLICY.repo, POLICY.path)
    const before = known ?? canonicalJson(policyJson(NO_POLICY))
    const after = canonicalJson(policyJson(world.publishPolicy))
    if (sameBytes(before, after)) return
    const actor = { kind: 'fleet', id: world.name } as const
    const digest = (bytes: Uint8Array): string => world.crypto.sha256(bytes).toHex()
    const changed = { before: digest(before), after: digest(after) }
    const detail = { policy: 'publish', ...changed, ...policyJson(world.publishPolicy) }
    // If power fails before this commit, the next start finds the policy changed, and says so; after it, it has been said.
    await record(world, { files: [{ ...POLICY, bytes: after }] }, [{ kind: 'policy-changed', actor, detail }])
  })
}

const policyJson = ({ demand, builders, keys }: PublishPolicy): Record<string, Json> => ({
  demand: [...demand],
  builders: [...builders],
  provenanceKeys: keys.map(({ kid }) => kid),
})
