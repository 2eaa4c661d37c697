// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const REQUEST = 'src/core/ledger/witness-request.ts'
const CORE = 'tests/core/ledger/witness*.test.ts'
const MERKLE = 'src/core/ledger/merkle.ts'
const ROUND = 'src/core/ledger/witness-round.ts'
const COSIGN = 'src/flows/cosign.ts'
const COSIGNS = 'tests/flows/cosign.test.ts'
const ASK = 'src/flows/ask-witnesses.ts'
const ASKS = 'tests/flows/ask-witnesses.test.ts'
const OFFER = 'src/flows/offer-checkpoint.ts'
const WITNESS = 'src/flows/witness.ts'
const DRILLS = 'tests/flows/witness.test.ts'
const APP = 'tests/apps/witness/witness.test.ts'

/** The guards of witnesses: nobody signs a second history, and nobody who sees one is silent. */
export const WITNESS_GUARDS: readonly Guard[] = [
  {
    stops: 'a gateway that is kept waiting with an old checkpoint where no witness has to sign',
    file: ASK,
    text: 'policy.quorum === null ? millis(0) : gathering.patience',
    without: 'gathering.patience',
    tests: ASKS,
  },
  {
    stops: 'an alarm for witnesses that nobody asked for',
    file: 'src/flows/cosigned.ts',
    text: "gathering.policy.quorum !== null && open.round.at === 'gathering'",
    without: "open.round.at === 'gathering'",
    tests: ASKS,
  },
  {
    stops: 'a witness that goes back to a smaller size, or begins anew',
    file: REQUEST,
    text: "  if (old !== from) return refuse('witness-size-differs', origin, `${from}`, `${old}`)\n",
    without: '',
    tests: CORE,
  },
  {
    stops: 'a rewritten history that a witness signs',
    file: MERKLE,
    text: "  return sameBytes(older, fromRoot) ? 'continues' : 'forks'",
    without: "  return 'continues'",
    tests: CORE,
  },
  {
    stops: 'another tree of the same size that a witness signs',
    file: MERKLE,
    text: "    if (!sameBytes(fromRoot, toRoot)) return 'forks'\n",
    without: '',
    tests: CORE,
  },
  {
    stops: 'a log that a witness does not know',
    file: REQUEST,
    text: '  if (keys !== undefined) return { origin, keys }',
    without: '  if (logs.size > 0) return { origin, keys: keys ?? [...logs.values()][0]! }',
    tests: COSIGNS,
  },
  {
    stops: 'a signature that leaves before the size is durable',
    file: COSIGN,
    text: '    await store.keep(row, false)\n',
    without: '    void store.keep(row, false).catch(() => undefined)\n',
    tests: COSIGNS,
  },
  {
    stops: 'requests that overtake each other at a witness',
    file: 'src/adapters/store-sqlite/witnessed.ts',
    text: '    return this.#writer.exclusive(work)',
    without: '    return work()',
    tests: COSIGNS,
  },
  {
    stops: 'a fork that a witness forgets',
    file: COSIGN,
    text: '      if (witness.isTrouble(checkpoint.code)) await keepTrouble(witness, log.origin, last, checkpoint, request, now)\n',
    without: '',
    tests: COSIGNS,
  },
  {
    stops: 'a flood of the same checkpoint that wears out a disk',
    file: COSIGN,
    text: '    if (last?.size === size && last.trouble?.until !== null) return { checkpoint, at: now }\n',
    without: '',
    tests: COSIGNS,
  },
  {
    stops: 'a gateway that sees another history and says nothing',
    file: WITNESS,
    text: 'outbox: alarm ? [boxed(world, alarmOf(row))] : []',
    without: 'outbox: []',
    tests: DRILLS,
  },
  {
    stops: 'a gateway that tells the fleet nothing of a log that went back',
    file: WITNESS,
    text: '    await tell(link, refusedOf(outcome.refusal, last))\n',
    without: '',
    tests: DRILLS,
  },
  {
    stops: 'a gateway that lets the log be exchanged for another',
    file: WITNESS,
    text: "    if (outcome.refusal.code === 'witness-log-unknown') {",
    without: "    if (outcome.refusal.code === 'log-forked') {",
    tests: DRILLS,
  },
  {
    stops: 'a gateway that makes the log look forked by its word',
    file: OFFER,
    text: '    if (isRefusal(kept)) return kept\n',
    without: '',
    tests: DRILLS,
  },
  {
    stops: 'a witness that counts without having signed',
    file: ASK,
    text: '  if (own.length === 0) {',
    without: '  if (own.length < 0) {',
    tests: ASKS,
  },
  {
    stops: 'an older copy that goes on, since its last checkpoint was through',
    file: ROUND,
    text: "    start: () => ({ next: { at: 'idle' }, effects: [] }),",
    without: '    start: stay,',
    tests: CORE,
  },
  {
    stops: 'an older copy whose witnesses are not asked at the start',
    file: ASK,
    text: '  if (has && memory.asked.has(name)) return null',
    without: '  if (has) return null',
    tests: ASKS,
  },
  {
    stops: 'a log that lost entries which a witness has signed',
    file: ASK,
    text: '    if (read.size > end.size) {',
    without: '    if (read.size < 0) {',
    tests: ASKS,
  },
  {
    stops: 'a checkpoint that too few have signed, and nobody is told',
    file: ROUND,
    text: "round.short ? [] : ['alarm']",
    without: '[]',
    tests: CORE,
  },
  {
    stops: 'a clock that is set back so that no alarm comes',
    file: ROUND,
    text: ' || event.now < round.since',
    without: '',
    tests: CORE,
  },
  {
    stops: 'an endless body at the door of a witness',
    file: 'src/adapters/http-witness.ts',
    text: "    if (length > MAX_REQUEST_CHARACTERS) return tooLarge('more')\n",
    without: '',
    tests: APP,
  },
  {
    stops: 'a witness that a network reaches without TLS',
    file: 'src/apps/witness/serve.ts',
    text: '  if (tls === null && !isLoopback(listen.host)) {',
    without: '  if (tls === null && listen.port < 0) {',
    tests: APP,
  },
  {
    stops: 'a witness that is asked in the clear over a network',
    file: 'src/apps/fleet/witnesses.ts',
    text: "  if (prefix.protocol === 'http:' && !isLoopback(host)) {",
    without: "  if (prefix.protocol === 'http:' && host === '') {",
    tests: APP,
  },
  {
    stops: 'a server that gives its gateways other witness keys',
    file: 'src/apps/fleet/enrolment.ts',
    text: '    if (known === null || known === asked) return asked',
    without: '    if (known !== undefined) return asked',
    tests: APP,
  },
  {
    stops: 'a size of a witness that is another number when it is read',
    file: 'src/core/ledger/witness-answer.ts',
    text: '!Number.isSafeInteger(size)',
    without: 'Number.isNaN(size)',
    tests: CORE,
  },
  {
    stops: 'an answer of a witness that is longer than one can be',
    file: 'src/core/ledger/witness-answer.ts',
    text: '  if (body.length > MAX_NOTE_BYTES) return strange(`${body.length} characters`)\n',
    without: '',
    tests: CORE,
  },
]
