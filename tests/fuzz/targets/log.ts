import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { fromUtf8, sameBytes, toBase64, utf8 } from '../../../src/core/encoding/bytes.ts'
import { Misfit } from '../../../src/core/encoding/shape.ts'
import { MAX_BUNDLED_BYTES, readBundle, writeBundle } from '../../../src/core/ledger/bundle.ts'
import { checkQuorum, MAX_POLICY_CHARACTERS, readPolicy } from '../../../src/core/ledger/log-policy.ts'
import { consistencyProof } from '../../../src/core/ledger/merkle.ts'
import { readLog } from '../../../src/core/ledger/read-log.ts'
import { MAX_NOTE_BYTES, verifierKey, writeSignatures } from '../../../src/core/ledger/signed-note.ts'
import { TILE_WIDTH, tilePath } from '../../../src/core/ledger/tiles.ts'
import { MAX_PROOF_CHARACTERS, readProof, writeProof } from '../../../src/core/ledger/tlog-proof.ts'
import { beginVerification, endVerification } from '../../../src/core/ledger/verify.ts'
import { readWitnessAnswer, SIZE_TYPE } from '../../../src/core/ledger/witness-answer.ts'
import {
  judgeRequest,
  MAX_REQUEST_CHARACTERS,
  readAddCheckpoint,
  writeAddCheckpoint,
} from '../../../src/core/ledger/witness-request.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import { logKey, ORIGIN, signedBy, testLogKey } from '../../core/ledger/keys.ts'
import { realLog } from '../../core/ledger/signed-log.ts'
import { logFiles } from '../../core/ledger/tile-files.ts'
import type { Target } from '../input.ts'
import { hold, outcomeOf, TAKEN, trusting } from '../outcome.ts'

/** What a log and its witnesses say to each other, and to readers. */

const KEY = logKey(1)
const GROWN = logFiles(42)
const OLD = { size: 25, root: logFiles(25).head.root }
const STEPS = consistencyProof(crypto, GROWN.leaves, OLD.size) as Uint8Array[]
const CHECKPOINT = signedBy(testLogKey(1), `${ORIGIN}\n42\n${toBase64(GROWN.head.root)}\n`)
const HASH = new Uint8Array(32).fill(7)
const LINES = ['index ', 'old ', 'extra ', 'AAAA', '', ' ', '\n\n', '9007199254740993', '-1', '00']

const proof: Target = {
  name: 'tlog-proof',
  form: { of: 'lines' },
  // It counts characters, of three bytes at most.
  limit: 3 * MAX_PROOF_CHARACTERS,
  share: 3,
  seeds: [
    utf8(writeProof({ index: 12, path: [HASH, HASH], checkpoint: CHECKPOINT, extra: utf8('{}') })),
    utf8(writeProof({ index: 0, path: [], checkpoint: CHECKPOINT, extra: null })),
  ],
  words: ['c2sp.org/tlog-proof@v1', ...LINES],
  read: bytes => {
    const text = fromUtf8(bytes)
    if (text === null) return 'not UTF-8'
    const read = readProof(text)
    if (isRefusal(read)) return outcomeOf(read)
    hold(writeProof(read) === text, 'a proof with a second spelling')
    return TAKEN
  },
}

const request: Target = {
  name: 'witness-request',
  form: { of: 'lines' },
  limit: 3 * MAX_REQUEST_CHARACTERS,
  share: 3,
  seeds: [
    utf8(writeAddCheckpoint({ old: 25, proof: STEPS, checkpoint: CHECKPOINT })),
    utf8(writeAddCheckpoint({ old: 0, proof: [], checkpoint: CHECKPOINT })),
  ],
  words: LINES,
  read: bytes => {
    const text = fromUtf8(bytes)
    if (text === null) return 'not UTF-8'
    const read = readAddCheckpoint(text)
    if (isRefusal(read)) return outcomeOf(read)
    hold(writeAddCheckpoint(read) === text, 'a request with a second spelling')
    return outcomeOf(judgeRequest(trusting, read, [KEY], read.old === 0 ? null : OLD))
  },
}

const ASKED = { old: 25, size: 42 }
const SIGNED_LINE = CHECKPOINT.slice(CHECKPOINT.indexOf('\n\n') + 2)

/** What a witness answers: the status and the type, a line each, and the body. */
const answer: Target = {
  name: 'witness-answer',
  form: { of: 'lines' },
  limit: 3 * MAX_NOTE_BYTES,
  share: 3,
  seeds: [
    utf8(`200\ntext/plain; charset=utf-8\n${SIGNED_LINE}`),
    utf8(`200\n\n${SIGNED_LINE}${SIGNED_LINE}`),
    utf8(`409\n${SIZE_TYPE}\n41\n`),
    utf8(`409\n${SIZE_TYPE}; charset=utf-8\n9007199254740991\n`),
  ],
  words: ['200', '403', '404', '409', '422', '500', SIZE_TYPE, '25', ...LINES, '— '],
  read: bytes => {
    const text = fromUtf8(bytes)
    if (text === null) return 'not UTF-8'
    const head = /^([^\n]*)\n([^\n]*)\n/.exec(text)
    if (head === null) return 'not an answer'
    const [all, status, type = ''] = head
    const body = text.slice(all.length)
    // Whoever asks twice of one size is told so by the same number.
    const twin = { old: ASKED.size, size: ASKED.size }
    for (const asked of [ASKED, twin]) {
      const read = readWitnessAnswer('a witness', asked, { status: Number(status), type, body })
      if (isRefusal(read)) {
        hold(read.code !== 'log-forked' || (body === '42\n' && asked === twin), 'a fork that nobody has said')
        if (asked === twin) return outcomeOf(read)
      } else if ('size' in read) {
        hold(`${read.size}\n` === body, 'a size with a second spelling')
        hold(read.size !== asked.old, 'a size that says nothing new')
      } else hold(writeSignatures(read.signatures) === body, 'signatures with a second spelling')
    }
    return TAKEN
  },
}

const witness = (seed: number): string =>
  verifierKey(crypto, { ...logKey(seed), name: `w${seed}` }, 'cosignature') as string
const NOTE = { text: `${ORIGIN}\n42\n`, signatures: [] }

const policy: Target = {
  name: 'log-policy',
  form: { of: 'lines' },
  limit: 3 * MAX_POLICY_CHARACTERS,
  share: 3,
  seeds: [
    utf8(
      `log ${verifierKey(crypto, KEY)} https://a/\nwitness A ${witness(2)}\nwitness B ${witness(3)}\n# why\ngroup G 1 A B\nquorum G\n`,
    ),
    utf8('quorum none\n'),
  ],
  words: ['log', 'witness', 'group', 'quorum', 'none', 'any', 'all', '2', '\t', '#', 'A', 'G'],
  read: bytes => {
    const text = fromUtf8(bytes)
    if (text === null) return 'not UTF-8'
    const read = readPolicy(text, crypto)
    if (isRefusal(read)) return outcomeOf(read)
    // Nobody has signed: only a policy that asks for nobody may be content.
    hold(isRefusal(checkQuorum(crypto, read, NOTE)) === (read.quorum !== null), 'a quorum of nobody')
    return TAKEN
  },
}

const bundle: Target = {
  name: 'bundle',
  form: { of: 'fields', grow: draw => writeBundle([utf8('x'.repeat(draw.below(300)))]) },
  limit: TILE_WIDTH * (MAX_BUNDLED_BYTES + 2),
  share: 2,
  seeds: [writeBundle([utf8('one'), utf8(''), utf8('three')]), writeBundle([utf8('x'.repeat(300))])],
  words: ['\u0000\u0001', 'one'],
  read: bytes => {
    const all = count(bytes)
    const read = readBundle(bytes, all)
    if (read instanceof Misfit)
      return `${read.expected.replaceAll(/\d+/g, '#')}: ${read.actual.replaceAll(/\d+/g, '#')}`
    hold(sameBytes(writeBundle(read), bytes), 'a bundle with a second spelling')
    hold(readBundle(bytes, all + 1) instanceof Misfit, 'an entry that nobody wrote')
    return all === 0 ? 'no entries' : TAKEN
  },
}

/** How many entries there are by the lengths alone. */
function count(bytes: Uint8Array): number {
  let entries = 0
  for (let at = 0; at + 1 < bytes.length; at += 2 + (bytes[at] as number) * 256 + (bytes[at + 1] as number))
    entries += 1
  return entries
}

const SIGNED = realLog(5)
const SIGNED_NOTE = SIGNED.checkpoint()
const [BUNDLE, TILE] = ['tile/entries/000.p/5', 'tile/0/000.p/5'] as const

/** A small log of which one file is drawn: whatever it is, it is the true one or the log is not sound, and nobody falls over it. */
const files: Target = {
  name: 'log-files',
  form: { of: 'fields', grow: draw => writeBundle([utf8('x'.repeat(draw.below(300)))]) },
  limit: TILE_WIDTH * (MAX_BUNDLED_BYTES + 2),
  share: 3,
  seeds: [SIGNED.files.get(BUNDLE) as Uint8Array, SIGNED.files.get(TILE) as Uint8Array],
  words: ['{"actor":', '\u0000\u0001'],
  read: bytes => {
    const found: string[] = []
    for (const path of [BUNDLE, TILE]) {
      const reading = readLog(crypto, SIGNED.head, beginVerification(crypto))
      let step = reading.next([])
      while (!step.done) {
        const came = step.value.wanted.map(tilePath).map(name => (name === path ? bytes : SIGNED.files.get(name)))
        step = reading.next(came.map(file => file ?? null))
      }
      const { sound, findings } = endVerification(trusting, step.value, SIGNED_NOTE, KEY)
      // A full tile begins as the partial one did: what stands behind that is not asked for.
      const whole = SIGNED.files.get(path) as Uint8Array
      hold(!sound || sameBytes(bytes.subarray(0, whole.length), whole), `${path} is another, and the log is sound`)
      hold(sound || !sameBytes(bytes, whole), `${path} is the true one, and the log is not sound`)
      if (sound) return TAKEN
      found.push(...findings.map(({ code }) => code))
    }
    return [...new Set(found)].toSorted().join(' ')
  },
}

export const LOG: readonly Target[] = [proof, request, answer, policy, bundle, files]
