import type { Guard } from './guard.ts'

const EVIDENCE = 'tests/core/trust/evidence/*.test.ts'
const ATTEST = 'tests/flows/attest.test.ts'

const JUDGE = 'src/core/trust/evidence/judge.ts'
const SBOM = 'src/core/trust/evidence/sbom.ts'
const DSSE = 'src/core/trust/evidence/dsse.ts'
const PROVENANCE = 'src/core/trust/evidence/provenance.ts'
const DIGESTS = 'src/core/trust/evidence/image-digests.ts'
const FLOW = 'src/flows/attest.ts'

/** The guards of bills of materials and provenance statements, and of what fuzzing has found. */
export const EVIDENCE_GUARDS: readonly Guard[] = [
  {
    stops: 'a demand for evidence that is met by leaving it out',
    file: JUDGE,
    text: 'policy.demand.find(kind => files[kind] === null)',
    without: 'policy.demand.find(() => false)',
    tests: EVIDENCE,
  },
  {
    stops: 'provenance that nobody has signed',
    file: JUDGE,
    text: "if (dsse.signatures.length === 0) return refuse('provenance-unsigned', subject, 'a signature', 'none')",
    without: '',
    tests: EVIDENCE,
  },
  {
    stops: 'provenance signed by a foreign key',
    file: JUDGE,
    text: 'if (policy.keys.length > 0 && signers.length === 0) {',
    without: 'if (policy.keys.length < 0) {',
    tests: EVIDENCE,
  },
  {
    stops: 'provenance of another image',
    file: JUDGE,
    text: 'if (!covers(provenance.digests, release.digests)) {',
    without: 'if (provenance.digests.size < 0) {',
    tests: EVIDENCE,
  },
  {
    stops: 'provenance of a foreign builder',
    file: JUDGE,
    text: 'if (policy.builders.length > 0 && !policy.builders.includes(provenance.builder)) {',
    without: 'if (policy.builders.length < 0) {',
    tests: EVIDENCE,
  },
  {
    stops: 'provenance of some images only of those that move together',
    file: DIGESTS,
    text: 'parts.every(({ digests })',
    without: 'parts.some(({ digests })',
    tests: EVIDENCE,
  },
  {
    stops: 'provenance whose signature is over something else',
    file: DSSE,
    text: 'const message = preAuthentication(payloadType, payload)',
    without: 'const message = payload',
    tests: EVIDENCE,
  },
  {
    stops: 'provenance with signatures without end',
    file: DSSE,
    text: '0, MAX_DSSE_SIGNATURES)',
    without: '0, Number.MAX_SAFE_INTEGER)',
    tests: EVIDENCE,
  },
  {
    stops: 'a provenance envelope without end',
    file: DSSE,
    text: 'const json = readForeignJson(bytes, MAX_DSSE_BYTES)',
    without: 'const json = readForeignJson(bytes, bytes.length)',
    tests: EVIDENCE,
  },
  {
    stops: 'a builder of provenance that looks like another',
    file: PROVENANCE,
    text: '[\\x21-\\x7e]{1,500}',
    without: '[^ ]{1,500}',
    tests: EVIDENCE,
  },
  {
    stops: 'a bill of materials of another image',
    file: SBOM,
    text: 'if (first !== undefined) {',
    without: 'if (first === null) {',
    tests: EVIDENCE,
  },
  {
    stops: 'a bill of materials of another version',
    file: SBOM,
    text: "if (version.replace(/\\+.*$/, '') === release.version) return 'version'",
    without: "return 'version'",
    tests: EVIDENCE,
  },
  {
    stops: 'a bill of materials of nothing in particular, where one is demanded',
    file: JUDGE,
    text: "if (match === 'unstated' && policy.demand.includes('sbom')) {",
    without: 'if (match === null) {',
    tests: EVIDENCE,
  },
  {
    stops: 'a bill of materials without end',
    file: SBOM,
    text: 'const json = readForeignJson(bytes, MAX_SBOM_BYTES)',
    without: 'const json = readForeignJson(bytes, bytes.length)',
    tests: EVIDENCE,
  },
  {
    stops: 'a bill of materials with components without end',
    file: SBOM,
    text: 'if (components + left.length > MAX_SBOM_COMPONENTS) {',
    without: 'if (components < 0) {',
    tests: EVIDENCE,
  },
  {
    stops: 'a component of a bill of materials whose name steers the terminal',
    file: SBOM,
    text: 'const name = line(1024)',
    without: 'const name = text("a name", /^[^]*$/)',
    tests: EVIDENCE,
  },
  {
    stops: 'evidence of another release, named from its own place',
    file: FLOW,
    text: 'named.path !== target.path || ',
    without: '',
    tests: ATTEST,
  },
  {
    stops: 'a published release that no longer names its evidence, or names other',
    file: 'src/flows/publish.ts',
    text: 'if (changed !== null) return changed',
    without: '',
    tests: ATTEST,
  },
  {
    stops: 'evidence that is taken away from under its release',
    file: FLOW,
    text: 'if (envelope === null || namedBy(envelope, own) === null) continue',
    without: 'continue',
    tests: ATTEST,
  },
  {
    stops: 'a server that does not judge the evidence of what it publishes',
    file: FLOW,
    text: 'return judgeEvidence(files, judged, world.publishPolicy, world.crypto)',
    without: 'return { sbom: null, provenance: null }',
    tests: ATTEST,
  },
  {
    stops: 'evidence that a server would show in the place of the published',
    file: 'src/apps/cli/commands/release-show.ts',
    text: 'if (bytes.length === length && found === sha256) return bytes',
    without: 'if (bytes.length > 0) return bytes',
    tests: ATTEST,
  },
  {
    stops: 'a publish policy that is changed without a trace',
    file: 'src/apps/fleet/serve.ts',
    text: '  await notePolicy(world)\n',
    without: '',
    tests: ATTEST,
  },
  {
    stops: 'a publish policy that demands what anybody could have written',
    file: 'src/apps/fleet/publish-policy.ts',
    text: "if (demand.includes('provenance') && provenanceKeys.length === 0) {",
    without: 'if (provenanceKeys.length < 0) {',
    tests: ATTEST,
  },
  {
    stops: 'an entry of the log that would be passed on in another spelling than it was read in',
    file: 'src/core/ledger/entry.ts',
    text: 'if (json.canonical && isClean(entry.detail)) return entry',
    without: 'if (json.canonical) return entry',
    tests: 'tests/core/ledger/entry.test.ts',
  },
]
