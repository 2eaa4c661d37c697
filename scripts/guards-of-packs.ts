import type { Guard } from './guard.ts'

const ZIP = 'src/core/encoding/zip.ts'
const VERIFY = 'src/core/ledger/pack/verify.ts'
const SEAL = 'src/core/ledger/pack/seal.ts'
const DERIVED = 'src/core/ledger/pack/derived.ts'
const EVENTS = 'src/core/ledger/pack/events.ts'
const LAYOUT = 'src/core/ledger/pack/layout.ts'

const ZIPS = 'tests/core/encoding/zip.test.ts'
const PACKS = 'tests/core/ledger/pack/verify.test.ts'
const CLAUSES = 'tests/core/ledger/pack/clauses.test.ts'
const EXPORT = 'src/apps/process/pack-export.ts'
const DRAFTS = 'tests/apps/process/pack-drafts.test.ts'
const COMMANDS = 'tests/apps/cli/evidence.test.ts'

/** The guards of evidence packs, and of the ZIP files that they are. */
export const PACK_GUARDS: readonly Guard[] = [
  {
    stops: 'a pack that the log has sealed and that nobody has, when the disk is full',
    file: EXPORT,
    text: '    drafts.keep(draft)\n',
    without: '',
    tests: DRAFTS,
  },
  {
    stops: 'a pack that the server has sealed and has no room for',
    file: 'src/apps/fleet/packs.ts',
    text: '    if (full !== null) return full\n',
    without: '',
    tests: 'tests/apps/fleet/packs.test.ts',
  },
  {
    stops: 'a pack that is sealed a second time when it is taken up again',
    file: EXPORT,
    text: 'mayBe ? await findSeal',
    without: 'mayBe && searched.size < 0 ? await findSeal',
    tests: DRAFTS,
  },
  {
    stops: 'a draft of a pack that somebody changed, believed and sealed',
    file: EXPORT,
    text: '  if (first !== undefined) return first\n',
    without: "  if (first?.code === 'pack-sealed') return first\n",
    tests: DRAFTS,
  },
  {
    stops: 'a draft of another question, sealed under this one',
    file: EXPORT,
    text: 'if (canonicalText(queryJson(asked)) !== canonicalText(queryJson(query))) {',
    without: 'if (asked === query) {',
    tests: DRAFTS,
  },
  {
    stops: 'a ZIP file with two files of one name',
    file: ZIP,
    text: "    if (found.has(name)) return malformed('each name once', name)\n",
    without: '',
    tests: ZIPS,
  },
  {
    stops: 'a ZIP file that says otherwise before a file than in its directory',
    file: ZIP,
    text: 'if (bytes[place + 4 + byte] !== bytes[at + 6 + byte])',
    without: 'if (bytes.length < 0)',
    tests: ZIPS,
  },
  {
    stops: 'a ZIP file with another name before a file than in its directory',
    file: ZIP,
    text: 'textOf(bytes, place + LOCAL_BYTES, nameBytes) !== name',
    without: 'name === null',
    tests: ZIPS,
  },
  {
    stops: 'a ZIP file with gaps in it',
    file: ZIP,
    text: 'view.getUint32(at + 42, true) !== place',
    without: 'place < 0',
    tests: ZIPS,
  },
  {
    stops: 'a ZIP file with names that climb out of it',
    file: ZIP,
    text: 'if (!limits.name.test(name))',
    without: 'if (name === null)',
    tests: ZIPS,
  },
  {
    stops: 'a ZIP bomb',
    file: ZIP,
    text: 'if (size > SMALL && size > packed.length * limits.ratio)',
    without: 'if (size < 0)',
    tests: ZIPS,
  },
  {
    stops: 'a ZIP file that unpacks to more than it may',
    file: ZIP,
    text: 'if (unpacked > limits.unpacked)',
    without: 'if (unpacked < 0)',
    tests: ZIPS,
  },
  {
    stops: 'a file that unpacks to more than it says, in Node.js',
    file: ZIP,
    text: 'return bytes?.length === size ? bytes : null',
    without: 'return bytes',
    tests: ZIPS,
  },
  {
    stops: 'a file that unpacks to more than it says, in a browser',
    file: 'console/verifier/inflate.ts',
    text: 'return ended && length === size ? out : null',
    without: 'return out',
    tests: ZIPS,
  },
  {
    stops: 'an event of a pack that its log does not hold',
    file: VERIFY,
    text: 'const wrong = checkProof(this.#crypto, proof, bytes, this.#checkpoint as Checkpoint)',
    without: 'const wrong = null',
    tests: PACKS,
  },
  {
    stops: 'a proof of a pack that tells of another event than its list',
    file: VERIFY,
    text: 'if (proof.extra === null || !sameBytes(proof.extra, bytes)) {',
    without: 'if (bytes.length === 0) {',
    tests: PACKS,
  },
  {
    stops: 'a proof under another checkpoint than the pack’s',
    file: VERIFY,
    text: 'if (proof.checkpoint === this.#note) return proof',
    without: 'return proof',
    tests: PACKS,
  },
  {
    stops: 'an event of a pack that is taken out',
    file: VERIFY,
    text: '      if (there.has(index)) continue\n',
    without: '      if (index >= 0) continue\n',
    tests: PACKS,
  },
  {
    stops: 'a report or a verifier of a pack that is changed',
    file: VERIFY,
    text: '      if (actual === expected) continue\n',
    without: '      if (actual.length > 0) continue\n',
    tests: PACKS,
  },
  {
    stops: 'a file that is put into a pack',
    file: VERIFY,
    text: 'if (!isPackFile(name, cited))',
    without: 'if (cited === null)',
    tests: PACKS,
  },
  {
    stops: 'a pack that vouches for its own key',
    file: VERIFY,
    text: "    this.find(refuse('pack-key-unconfirmed', log.origin, 'the key of the log, given with --key', 'the pack’s own word'))\n",
    without: '',
    tests: PACKS,
  },
  {
    stops: 'a pack whose seal is taken out',
    file: VERIFY,
    text: 'if (!eventsOnly) this.find(',
    without: 'if (eventsOnly) this.find(',
    tests: PACKS,
  },
  {
    stops: 'a statement of a log that was not searched',
    file: VERIFY,
    text: 'if (same && verifyConsistency(this.#crypto, claim, request.proof)) return',
    without: 'if (same) return',
    tests: PACKS,
  },
  {
    stops: 'a statement that the log did not seal',
    file: SEAL,
    text: 'if (detail.manifest !== digest) {',
    without: 'if (digest === null) {',
    tests: PACKS,
  },
  {
    stops: 'a seal that is another entry',
    file: SEAL,
    text: "if (kind !== 'evidence-exported' || origin !== undefined) {",
    without: 'if (kind === null) {',
    tests: PACKS,
  },
  {
    stops: 'a seal that its log does not hold',
    file: SEAL,
    text: "  if (foreign !== null) return refuse('pack-event-forged', SEAL, foreign.expected, foreign.actual)\n",
    without: '',
    tests: PACKS,
  },
  {
    stops: 'a table of a pack that says otherwise than its events',
    file: DERIVED,
    text: 'if (sameBytes(csv, eventsCsv(events))) return []',
    without: 'if (csv.length > 0) return []',
    tests: PACKS,
  },
  {
    stops: 'an event of a pack that nobody asked for',
    file: DERIVED,
    text: 'if (actual === why) continue',
    without: 'if (actual !== null) continue',
    tests: PACKS,
  },
  {
    stops: 'kinds of events that are counted away',
    file: DERIVED,
    text: 'if (told.cited === actual && told.log >= actual) continue',
    without: 'if (told.log >= 0) continue',
    tests: PACKS,
  },
  {
    stops: 'a log that is said to be smaller than it is',
    file: DERIVED,
    text: 'if (total !== log.size)',
    without: 'if (total < 0)',
    tests: PACKS,
  },
  {
    stops: 'a clause that is called shown without its events',
    file: DERIVED,
    text: 'if (sameBytes(canonicalJson(json as Json), again)) return',
    without: 'if (again.length > 0) return',
    tests: PACKS,
  },
  {
    stops: 'a clause whose rule stands for its events',
    file: 'src/core/ledger/pack/clauses.ts',
    text: "present === 0 ? 'missing' : 'partly'",
    without: "present === 0 && clause.enforced.length === 0 ? 'missing' : 'shown'",
    tests: CLAUSES,
  },
  {
    stops: 'events that two programs read differently',
    file: EVENTS,
    text: "  if (textOf(json) !== line) return refuse('pack-malformed', subject, 'canonical JSON', 'another spelling')\n",
    without: '',
    tests: PACKS,
  },
  {
    stops: 'a proof in a pack that belongs to no event',
    file: LAYOUT,
    text: 'return events.has(index) && proofName(index) === name',
    without: 'return proofName(index) === name',
    tests: PACKS,
  },
  {
    stops: 'events that are left out when a pack is made',
    file: 'src/apps/cli/pack-completeness.ts',
    text: 'if (missing.length > 0) {',
    without: 'if (missing.length < 0) {',
    tests: COMMANDS,
  },
  {
    stops: 'a search that was made in another log',
    file: 'src/flows/gather.ts',
    text: 'if (!verifyConsistency(crypto, claim, proof)) {',
    without: 'if (proof === null) {',
    tests: COMMANDS,
  },
  {
    stops: 'a pack with a verifier that does not know its events',
    file: 'src/apps/process/pack-parts.ts',
    text: 'return changed === undefined ? made : missing(',
    without: 'return changed === null || made !== null ? made : missing(',
    tests: 'tests/apps/cli/evidence.test.ts',
  },
]
