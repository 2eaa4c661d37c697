// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const READ = 'src/core/ledger/read-log.ts'
const HEAD = 'src/core/ledger/trusted-head.ts'
const TILES = 'src/core/ledger/tile-reader.ts'
const PROVE = 'src/flows/prove.ts'
const HTTPS = 'src/adapters/log-https.ts'
const LEDGER = 'tests/core/ledger/{read-log,trusted-head}.test.ts'
const PASSED = 'tests/core/ledger/passed-over.test.ts'
const CLI = 'tests/apps/cli/audit-verify.test.ts'

/** The guards of those who read a log: whole, from files of whomever, and by the proof of one entry. */
export const LOG_READER_GUARDS: readonly Guard[] = [
  {
    stops: 'an altered entry that nobody points at',
    file: READ,
    text: 'leaf === undefined ? { bytes, place } : { bytes, place, leaf }',
    without: '{ bytes, place }',
    tests: LEDGER,
  },
  {
    stops: 'a bundle of another log that passes for altered entries',
    file: READ,
    text: 'const foreign = !isRefusal(leaves) && !isAway && isForeign(crypto, entries, leaves)',
    without: 'const foreign = false',
    tests: LEDGER,
  },
  {
    stops: 'a bundle that is missing, passed over in silence',
    file: READ,
    text: '    so = found(so, [entries])\n',
    without: '',
    tests: LEDGER,
  },
  {
    stops: 'an entry that is not at hand, and all that sites tell behind it goes unjudged',
    file: 'src/core/ledger/gateway-sequence.ts',
    text: 'if (from <= sequence || known === so.passed.count) return false',
    without: 'if (so.passed.count > 0) return true\n  if (from <= sequence || known === so.passed.count) return false',
    tests: PASSED,
  },
  {
    stops: 'numbers that lie in what was passed over, and are called judged',
    file: 'src/core/ledger/gateway-sequence.ts',
    text: '  so.passed.takenUp({ site: gateway, controller: null }, index, { from: sequence + 1, to: from - 1 })\n',
    without: '',
    tests: PASSED,
  },
  {
    stops: 'a history that is taken up anew, and called judged',
    file: 'src/core/ledger/device-sequence.ts',
    text: '  if (!isSure) takenUp(so, device, signed, front, entry, index)\n',
    without: '',
    tests: PASSED,
  },
  {
    stops: 'an old statement of a controller that is told again behind what was passed over',
    file: 'src/core/ledger/device-sequence.ts',
    text: 'known.key === so.passed.count ? place.sequence : 0',
    without: '0',
    tests: PASSED,
  },
  {
    stops: 'a key that may have been replaced where nobody looked, taken for the one that is known',
    file: 'src/core/ledger/device-sequence.ts',
    text: 'else if (known.key !== count) so.passed.doubts(whose(entry))',
    without: 'else if (known.key !== count) known.key = count',
    tests: PASSED,
  },
  {
    stops: 'a sequence that ends in what was passed over, and is called judged',
    file: 'src/core/ledger/origins.ts',
    text: 'if (known !== passed.count) yield',
    without: 'if (known > passed.count) yield',
    tests: PASSED,
  },
  {
    stops: 'the head of a site’s log put in the place of another by a range of nothing',
    file: 'src/core/ledger/gateway-sequence.ts',
    text: '(to as number) < (from as number) || ',
    without: '',
    tests: PASSED,
  },
  {
    stops: 'a tile that is not borne out, passed over in silence',
    file: READ,
    text: 'so = found(so, [...doubts, leaves])',
    without: 'so = found(so, doubts.slice(1))',
    tests: LEDGER,
  },
  {
    stops: 'the blame on a tile below the one that was changed',
    file: TILES,
    text: '(b.level as number) - (a.level as number)',
    without: '(a.level as number) - (b.level as number)',
    tests: LEDGER,
  },
  {
    stops: 'a checkpoint without the witnesses that the policy asks for, in a proof',
    file: HEAD,
    text: 'return isRefusal(cosigned) ? cosigned : { ...head, cosigned }',
    without: 'return { ...head, cosigned: isRefusal(cosigned) ? new Map() : cosigned }',
    tests: LEDGER,
  },
  {
    stops: 'a false signature of one key of a log beside a true one of another',
    file: HEAD,
    text: "    if (last.code === 'checkpoint-signature-invalid') return last\n",
    without: '',
    tests: LEDGER,
  },
  {
    stops: 'a proof that does not lead from its entry to the root',
    file: HEAD,
    text: '  if (invalid !== null) return invalid\n',
    without: '',
    tests: LEDGER,
  },
  {
    stops: 'a log of which too few witnesses know',
    file: PROVE,
    text: 'const so = isRefusal(quorum) ? found(step.value, [quorum]) : step.value',
    without: 'const so = step.value',
    tests: CLI,
  },
  {
    stops: 'a log that does not continue the checkpoint that is known',
    file: PROVE,
    text: 'beginVerification(crypto, known)',
    without: 'beginVerification(crypto, known === null ? known : null)',
    tests: CLI,
  },
  {
    stops: 'an older checkpoint of another key, taken for one of the log',
    file: 'src/apps/cli/commands/audit-verify.ts',
    text: 'return isRefusal(head) ? { ...head, subject: `${file}: ${head.subject}` } : head.checkpoint',
    without: 'return isRefusal(head) ? ({ size: 0, root: new Uint8Array(32) } as KnownHead) : head.checkpoint',
    tests: CLI,
  },
  {
    stops: 'an answer without end from the server of a log',
    file: HTTPS,
    text: 'if (length <= limit) return',
    without: 'if (length <= limit * 1e3) return',
    tests: 'tests/adapters/log-https.test.ts',
  },
  {
    stops: 'a server of a log that sends its readers elsewhere',
    file: HTTPS,
    text: 'const isNone = status === 404 || status === 410',
    without: 'const isNone = status !== 500',
    tests: 'tests/adapters/log-https.test.ts',
  },
]
