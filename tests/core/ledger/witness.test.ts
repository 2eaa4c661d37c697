import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { concat, toBase64, utf8 } from '../../../src/core/encoding/bytes.ts'
import { checkpointText, openCheckpoint } from '../../../src/core/ledger/checkpoint.ts'
import { cosignatureLine, cosignedMessage, verifyCosignature } from '../../../src/core/ledger/cosignature.ts'
import { checkQuorum, noWitness, readPolicy, writePolicy } from '../../../src/core/ledger/log-policy.ts'
import { consistencyProof, inclusionProof, rootOfLeaves } from '../../../src/core/ledger/merkle.ts'
import {
  type Note,
  type NoteKey,
  type NoteSignature,
  parseNote,
  parseVerifierKey,
  verifierKey,
  writeNote,
} from '../../../src/core/ledger/signed-note.ts'
import { checkProof, readProof, writeProof } from '../../../src/core/ledger/tlog-proof.ts'
import { judgeRequest, readAddCheckpoint, writeAddCheckpoint } from '../../../src/core/ledger/witness-request.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { logKey, ORIGIN, signedBy, testLogKey } from './keys.ts'
import { entryOf, logFiles } from './tile-files.ts'

const SECONDS = 1_800_000_000
const log = logFiles(40)

const checkpointOf = (size: number, root = logFiles(size).head.root, seed = 1): string =>
  signedBy(testLogKey(seed), checkpointText({ origin: ORIGIN, size, root, extensions: [] }))

const witness = (seed: number): NoteKey => ({ ...logKey(seed), name: `witness.example/w${seed}` })

/** What a witness says of a checkpoint, with its own key or with that of another. */
function cosigned(note: string, seed: number, seconds = SECONDS, as = seed): string {
  const { text, signatures } = parseNote(note) as Note
  const signature = new Uint8Array(sign(null, cosignedMessage(seconds, text), testLogKey(seed)))
  const line = cosignatureLine(crypto, witness(as), seconds, signature) as NoteSignature
  return writeNote({ text, signatures: [...signatures, line] })
}

const code = (value: unknown): string | null => (isRefusal(value) ? value.code : null)

describe('cosignatures', () => {
  const checkpoint = checkpointOf(40)

  test('what is signed is the time and the whole text, as the specification shows it', () => {
    const text = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'
    assert.deepEqual(cosignedMessage(1_679_315_147, text), utf8(`cosignature/v1\ntime 1679315147\n${text}`))
  })

  test('say when, and stand beside the signature of the log', () => {
    const note = cosigned(cosigned(checkpoint, 7), 8, SECONDS + 60)
    assert.equal(verifyCosignature(crypto, parseNote(note) as Note, witness(7)), SECONDS)
    assert.equal(verifyCosignature(crypto, parseNote(note) as Note, witness(8)), SECONDS + 60)
    assert.equal(verifyCosignature(crypto, parseNote(note) as Note, witness(9)), 'unknown')
    assert.equal(orThrow(openCheckpoint(note, logKey(1), crypto)).size, 40)
  })

  test('of one witness, the latest counts', () => {
    const note = parseNote(cosigned(cosigned(checkpoint, 7, SECONDS + 5), 7)) as Note
    assert.equal(verifyCosignature(crypto, note, witness(7)), SECONDS + 5)
  })

  test('a witness’s key reads and writes as one word of its own kind', () => {
    const word = verifierKey(crypto, witness(7), 'cosignature') as string
    assert.deepEqual(parseVerifierKey(crypto, word, 'cosignature'), witness(7))
    assert.equal(parseVerifierKey(crypto, word), null, 'it is no key of a log')
  })

  const line = (note: string): NoteSignature => (parseNote(note) as Note).signatures.at(-1) as NoteSignature
  const own = line(cosigned(checkpoint, 7))
  for (const [name, signature] of [
    ['by another key', line(cosigned(checkpoint, 8, SECONDS, 7)).signature],
    ['of another time', concat(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 9), own.signature.subarray(8))],
    ['of another checkpoint', line(cosigned(checkpointOf(39), 7)).signature],
    ['cut short', own.signature.subarray(0, -1)],
    ['of a time beyond all', concat(new Uint8Array(8).fill(255), own.signature.subarray(8))],
    [
      'of the text alone',
      concat(
        own.signature.subarray(0, 8),
        new Uint8Array(sign(null, utf8((parseNote(checkpoint) as Note).text), testLogKey(7))),
      ),
    ],
  ] as const) {
    test(`attack: a cosignature ${name}`, () => {
      const note = parseNote(checkpoint) as Note
      const forged = { ...note, signatures: [...note.signatures, { ...own, signature }] }
      assert.equal(verifyCosignature(crypto, forged, witness(7)), 'invalid')
    })
  }
})

describe('policies of who trusts a log', () => {
  const word = (seed: number): string => verifierKey(crypto, witness(seed), 'cosignature') as string
  const TEXT = [
    '# three of ours, two of theirs',
    `log ${verifierKey(crypto, logKey(1))} https://fleet.example/log`,
    '',
    ...[5, 6, 7].map(seed => `witness X${seed} ${word(seed)}`),
    `\twitness  Y8 ${word(8)}\thttps://regulator.example/witness `,
    `witness Y9 ${word(9)}`,
    'group X 2 X5 X6 X7',
    'group Y any Y8 Y9',
    'group both all X Y',
    'quorum both',
  ].join('\n')
  const policy = orThrow(readPolicy(`${TEXT}\n`, crypto))
  const by = (...seeds: number[]): Note =>
    parseNote(seeds.reduce((note, seed) => cosigned(note, seed), checkpointOf(40))) as Note

  test('are read line by line', () => {
    assert.deepEqual(policy.logs, [{ key: logKey(1), url: 'https://fleet.example/log' }])
    assert.deepEqual([...policy.witnesses.keys()], ['X5', 'X6', 'X7', 'Y8', 'Y9'])
    assert.equal(policy.witnesses.get('Y8')?.url, 'https://regulator.example/witness')
    assert.deepEqual(policy.groups.get('X'), { needed: 2, members: ['X5', 'X6', 'X7'] })
    assert.equal(policy.quorum, 'both')
  })

  test('are written as they are read', () => {
    const written = writePolicy(policy, crypto)
    assert.deepEqual(readPolicy(written, crypto), policy)
    assert.equal(writePolicy(orThrow(readPolicy(written, crypto)), crypto), written)
    const none = writePolicy(noWitness(logKey(1)), crypto)
    assert.deepEqual(readPolicy(none, crypto), noWitness(logKey(1)))
  })

  for (const [seeds, enough] of [
    [[5, 6, 8], true],
    [[5, 7, 8, 9], true],
    [[5, 6, 7], false],
    [[5, 8, 9], false],
    [[], false],
    [[10, 11, 12], false],
  ] as const) {
    test(`${enough ? 'enough' : 'attack: not enough'}: ${seeds.join(', ') || 'nobody'}`, () => {
      const answer = checkQuorum(crypto, policy, by(...seeds))
      if (enough)
        assert.deepEqual(
          [...(answer as ReadonlyMap<string, number>).values()],
          seeds.map(() => SECONDS),
        )
      else assert.equal(code(answer), 'cosignatures-too-few')
    })
  }

  test('attack: a forged cosignature among enough good ones', () => {
    const note = parseNote(cosigned(writeNote(by(5, 6, 8)), 4, SECONDS, 7)) as Note
    assert.equal(code(checkQuorum(crypto, policy, note)), 'cosignature-invalid')
  })

  test('without a quorum the log’s own signature is enough', () => {
    assert.deepEqual(checkQuorum(crypto, noWitness(logKey(1)), by()), new Map())
    assert.equal(orThrow(readPolicy('quorum none\n', crypto)).quorum, null)
  })

  const one = `witness A ${word(5)}\n`
  for (const [name, text, line] of [
    ['no quorum', one, null],
    ['two quorums', `${one}quorum A\nquorum A\n`, 3],
    ['a quorum of nobody that is known', `${one}quorum B\n`, 2],
    ['a group that names one below it', `group G any A\n${one}quorum G\n`, 1],
    ['a group of more than it has', `${one}group G 2 A\nquorum G\n`, 2],
    ['a group of none', `${one}group G 0 A\nquorum G\n`, 2],
    ['a group without members', `${one}group G all\nquorum A\n`, 2],
    ['a witness that counts twice', `${one}group G any A\ngroup H all A G\nquorum H\n`, 3],
    ['a witness twice under two names', `${one}witness B ${word(5)}\nquorum A\n`, 2],
    ['a name twice', `${one}witness A ${word(6)}\nquorum A\n`, 2],
    ['the name none', `witness none ${word(5)}\nquorum none\n`, 1],
    ['the key of a log as a witness’s', `witness A ${verifierKey(crypto, logKey(5))}\nquorum A\n`, 1],
    ['a key whose id is not its own', `witness A ${word(5).replace(/\+[0-9a-f]{8}/, '+00000000')}\nquorum A\n`, 1],
    ['a carriage return', `${one}quorum A\r\n`, 2],
    ['another word', `${one}trust A\nquorum A\n`, 2],
  ] as const) {
    test(`refuses ${name}`, () => {
      const read = readPolicy(text, crypto)
      assert.equal(code(read), 'log-policy-malformed')
      if (line !== null) assert.equal((read as Refusal).subject, `line ${line} of the policy`)
    })
  }
})

describe('proofs in files', () => {
  const proof = {
    index: 12,
    path: inclusionProof(crypto, log.leaves, 12) as Uint8Array[],
    checkpoint: checkpointOf(40),
  }
  const whole = { ...proof, extra: entryOf(12) }

  test('are read as they were written, and lead from the entry to the signed root', () => {
    for (const one of [whole, { ...proof, extra: null }, { ...whole, path: [], extra: new Uint8Array(0) }]) {
      assert.deepEqual(readProof(writeProof(one)), one)
    }
    const checkpoint = orThrow(openCheckpoint(whole.checkpoint, logKey(1), crypto))
    assert.equal(checkProof(crypto, whole, entryOf(12), checkpoint), null)
  })

  test('look as the specification shows them', () => {
    const lines = writeProof(whole).split('\n')
    assert.deepEqual(lines.slice(0, 4), [
      'c2sp.org/tlog-proof@v1',
      `extra ${toBase64(entryOf(12))}`,
      'index 12',
      toBase64(proof.path[0] as Uint8Array),
    ])
    assert.deepEqual(lines.slice(3 + proof.path.length, 5 + proof.path.length), ['', ORIGIN])
  })

  const checkpoint = orThrow(openCheckpoint(whole.checkpoint, logKey(1), crypto))
  for (const [name, changed, entry, against] of [
    ['of another entry', whole, entryOf(13), checkpoint],
    ['of another place', { ...whole, index: 13 }, entryOf(12), checkpoint],
    ['of a place beyond the log', { ...whole, index: 40 }, entryOf(12), checkpoint],
    ['with a hash less', { ...whole, path: whole.path.slice(1) }, entryOf(12), checkpoint],
    ['with a hash more', { ...whole, path: [...whole.path, whole.path[0] as Uint8Array] }, entryOf(12), checkpoint],
    ['with its hashes in another order', { ...whole, path: whole.path.toReversed() }, entryOf(12), checkpoint],
    ['for another tree', whole, entryOf(12), orThrow(openCheckpoint(checkpointOf(39), logKey(1), crypto))],
  ] as const) {
    test(`attack: a proof ${name}`, () => {
      assert.equal(code(checkProof(crypto, changed, entry, against)), 'log-proof-invalid')
    })
  }

  const text = writeProof(whole)
  for (const [name, changed] of [
    ['cut short before the checkpoint', text.slice(0, text.indexOf('\n\n'))],
    ['of another version', text.replace('@v1', '@v2')],
    ['without an index', text.replace('index 12\n', '')],
    ['with a sign before the index', text.replace('index 12', 'index +12')],
    ['with a zero before the index', text.replace('index 12', 'index 012')],
    ['with half a hash', text.replace(toBase64(proof.path[0] as Uint8Array), 'AAAA')],
    ['with extra data that is none', text.replace(/extra .*/, 'extra ###')],
    [
      'of sixty-four hashes',
      writeProof({ ...whole, path: new Array<Uint8Array>(64).fill(proof.path[0] as Uint8Array) }),
    ],
    ['larger than any', text + 'x'.repeat(300_000)],
  ] as const) {
    test(`refuses a file ${name}`, () => assert.equal(code(readProof(changed)), 'log-proof-malformed'))
  }
})

describe('what a witness is asked', () => {
  const last = { size: 25, root: logFiles(25).head.root }
  const proof = consistencyProof(crypto, log.leaves, 25) as Uint8Array[]
  const request = { old: 25, proof, checkpoint: checkpointOf(40) }

  test('is read as it was written', () => {
    for (const one of [request, { ...request, old: 0, proof: [] }]) {
      assert.deepEqual(readAddCheckpoint(writeAddCheckpoint(one)), one)
    }
    assert(writeAddCheckpoint(request).startsWith(`old 25\n${toBase64(proof[0] as Uint8Array)}\n`))
  })

  test('a log that continues what was signed, the first of a log, and the same again are signed', () => {
    for (const [one, before] of [
      [request, last],
      [{ ...request, old: 0, proof: [] }, null],
      [
        { ...request, old: 40, proof: [] },
        { size: 40, root: log.head.root },
      ],
    ] as const) {
      assert.equal(orThrow(judgeRequest(crypto, one, [logKey(1)], before)).size, 40)
    }
  })

  const other = logFiles(39).head.root
  // The same log with another entry 3: what whoever has the server's disk and the log's key would show.
  const leaves = log.leaves.map((leaf, index) => (index === 3 ? other : leaf))
  const rewritten = { root: rootOfLeaves(crypto, leaves) }
  const whole = parseNote(checkpointOf(40)) as Note
  const broken = writeNote({
    ...whole,
    signatures: whole.signatures.map(line => ({ ...line, signature: line.signature.map(byte => byte ^ 1) })),
  })
  const rewrittenProof = consistencyProof(crypto, leaves, 25) as Uint8Array[]
  for (const [name, one, before, expected] of [
    [
      'a rewritten history, proven as it is',
      { ...request, proof: rewrittenProof, checkpoint: checkpointOf(40, rewritten.root) },
      last,
      'log-forked',
    ],
    [
      'a rewritten history behind the proof of the true one',
      { ...request, checkpoint: checkpointOf(40, other) },
      last,
      'witness-proof-invalid',
    ],
    [
      'another log of the same size',
      { ...request, old: 40, proof: [], checkpoint: checkpointOf(40, other) },
      { size: 40, root: log.head.root },
      'log-forked',
    ],
    [
      'a proof from another size',
      { ...request, proof: consistencyProof(crypto, log.leaves, 24) as Uint8Array[] },
      last,
      'witness-proof-invalid',
    ],
    ['a proof of nothing', { ...request, proof: [] }, last, 'witness-proof-invalid'],
    ['a size that the witness never signed', { ...request, old: 24 }, last, 'witness-size-differs'],
    ['a log that begins anew', { ...request, old: 0, proof: [] }, last, 'witness-size-differs'],
    [
      'a log that is shorter than what was signed',
      { old: 25, proof: [], checkpoint: checkpointOf(24) },
      last,
      'log-behind-witness',
    ],
    [
      'a checkpoint by another key',
      { ...request, checkpoint: checkpointOf(40, log.head.root, 2) },
      last,
      'checkpoint-key-unknown',
    ],
    ['a proof before the first', { ...request, old: 0 }, null, 'witness-proof-invalid'],
    ['an old size above the checkpoint', { ...request, old: 41, proof: [] }, last, 'witness-request-malformed'],
    ['a signature that does not hold', { ...request, checkpoint: broken }, last, 'checkpoint-signature-invalid'],
  ] as const) {
    test(`attack: ${name}`, () => assert.equal(code(judgeRequest(crypto, one, [logKey(1)], before)), expected))
  }

  const text = writeAddCheckpoint(request)
  for (const [name, changed] of [
    ['no old size', text.replace('old 25\n', '')],
    ['a zero before the size', text.replace('old 25', 'old 025')],
    ['no checkpoint', text.slice(0, text.indexOf('\n\n'))],
    ['a hash that is none', text.replace('old 25\n', 'old 25\n!\n')],
    [
      'sixty-four hashes',
      writeAddCheckpoint({ ...request, proof: new Array<Uint8Array>(64).fill(proof[0] as Uint8Array) }),
    ],
    ['more than there can be', text + 'x'.repeat(80_000)],
  ] as const) {
    test(`refuses a request with ${name}`, () =>
      assert.equal(code(readAddCheckpoint(changed)), 'witness-request-malformed'))
  }
})
