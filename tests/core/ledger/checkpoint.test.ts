import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { concat, toBase64, utf8 } from '../../../src/core/encoding/bytes.ts'
import type { PublicKey } from '../../../src/core/encoding/crypto.ts'
import { checkpointText, openCheckpoint } from '../../../src/core/ledger/checkpoint.ts'
import {
  type Note,
  noteKeyId,
  parseNote,
  parseVerifierKey,
  verifierKey,
  verifyNote,
  writeNote,
} from '../../../src/core/ledger/signed-note.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { RefusalCode } from '../../../src/core/refusal/registry.ts'
import { logKey, signedBy, testLogKey } from './keys.ts'

const root = crypto.sha256(utf8('root'))
const text = checkpointText({ origin: 'log.example/harbour', size: 42, root, extensions: [] })
const SIGNED = signedBy(testLogKey(1), text)

/** The worked example of the Go checksum database's note package: key, text and signature made by other software. */
const GO = {
  key: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  note:
    'If you think cryptography is the answer to your problem,\n' +
    "then you don't know what your problem is.\n" +
    '\n' +
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
}

describe('signed notes', () => {
  test('a note that other software signed verifies, and its key reads and writes as one word', () => {
    const key = parseVerifierKey(crypto, GO.key)
    assert(key !== null)
    assert.equal(verifierKey(crypto, key), GO.key)
    const note = parseNote(GO.note) as Note
    assert.equal(verifyNote(crypto, note, key), 'valid')
    assert.equal(writeNote(note), GO.note)
    assert.equal(verifyNote(crypto, { ...note, text: note.text.replace('answer', 'reason') }, key), 'invalid')
  })

  test('a text may have empty lines: the last one separates', () => {
    const note = parseNote(`one\n\ntwo\n\n— a ${toBase64(new Uint8Array(8))}\n`) as Note
    assert.equal(note.text, 'one\n\ntwo\n')
  })

  const line = `— a ${toBase64(new Uint8Array(8))}\n`
  const rows: [name: string, note: string][] = [
    ['no signatures', 'text\n'],
    ['an empty signature block', 'text\n\n'],
    ['no final newline', `text\n\n${line.slice(0, -1)}`],
    ['another dash', `text\n\n${line.replace('—', '-')}`],
    ['a plus in the name', `text\n\n${line.replace('a', 'a+b')}`],
    ['a no-break space in the name', `text\n\n${line.replace('a', 'a\u00a0b')}`],
    ['a carriage return', `text\r\n\n${line}`],
    ['base64 with loose bits', 'text\n\n— a AAAAAAB=\n'],
    ['a key id alone', 'text\n\n— a AAAAAA==\n'],
    ['half a character', `\ud800\n\n${line}`],
    ['a hundred signatures', `text\n\n${line.repeat(100)}`],
    ['endless text', `${'x'.repeat(70_000)}\n\n${line}`],
  ]
  for (const [name, note] of rows) {
    test(`${name} is no note`, () => assert('fault' in parseNote(note)))
  }

  test('verifier keys that are not quite one are refused', () => {
    const word = GO.key
    for (const wrong of [
      word.replace('c74f', 'c74e'),
      word.slice(0, -1),
      word.replace('+', ' '),
      '',
      '+',
      word.toUpperCase(),
    ]) {
      assert.equal(parseVerifierKey(crypto, wrong), null, wrong)
    }
  })
})

describe('checkpoints', () => {
  test('what is signed is origin, size and root, and it opens', () => {
    assert.equal(text, `log.example/harbour\n42\n${toBase64(root)}\n`)
    const checkpoint = orThrow(openCheckpoint(SIGNED, logKey(1), crypto))
    assert.deepEqual(checkpoint, { origin: 'log.example/harbour', size: 42, root, extensions: [] })
  })

  test('signatures of keys that are not known are ignored', () => {
    const witness = `${SIGNED}— witness.example ${toBase64(concat(Uint8Array.of(1, 2, 3, 4), new Uint8Array(72)))}\n`
    assert(!isRefusal(openCheckpoint(witness, logKey(1), crypto)))
  })

  test('extension lines of others are kept and signed', () => {
    const extended = checkpointText({ origin: 'log.example/harbour', size: 1, root, extensions: ['more'] })
    assert.deepEqual(orThrow(openCheckpoint(signedBy(testLogKey(1), extended), logKey(1), crypto)).extensions, ['more'])
  })

  const bodies: [name: string, body: string, code: RefusalCode][] = [
    ['a size with a leading zero', `log.example/harbour\n042\n${toBase64(root)}\n`, 'checkpoint-malformed'],
    [
      'a size beyond what is safe',
      `log.example/harbour\n9999999999999999\n${toBase64(root)}\n`,
      'checkpoint-malformed',
    ],
    ['a short root', `log.example/harbour\n42\n${toBase64(root.slice(1))}\n`, 'checkpoint-malformed'],
    ['no root', 'log.example/harbour\n42\n', 'checkpoint-malformed'],
    ['an empty extension', `log.example/harbour\n42\n${toBase64(root)}\n\nx\n`, 'checkpoint-malformed'],
    ['another origin', `log.example/other\n42\n${toBase64(root)}\n`, 'checkpoint-origin-mismatch'],
  ]
  for (const [name, body, code] of bodies) {
    test(`${name} is refused although the log's key signed it`, () => {
      const refused = openCheckpoint(signedBy(testLogKey(1), body), logKey(1), crypto)
      assert(isRefusal(refused))
      assert.equal(refused.code, code)
    })
  }

  test('attack: a checkpoint signed by another key under the same name', () => {
    const forged = signedBy(testLogKey(2), text)
    const refused = openCheckpoint(forged, logKey(1), crypto)
    assert(isRefusal(refused))
    assert.equal(refused.code, 'checkpoint-key-unknown')
    // With the key id of the true key pasted over its own, it claims to be the true one, and does not verify.
    const note = parseNote(forged) as Note
    const id = noteKeyId(crypto, logKey(1)) as Uint8Array
    const claimed = writeNote({ ...note, signatures: note.signatures.map(line => ({ ...line, id })) })
    const second = openCheckpoint(claimed, logKey(1), crypto)
    assert(isRefusal(second))
    assert.equal(second.code, 'checkpoint-signature-invalid')
    const beside = openCheckpoint(`${SIGNED}${claimed.slice(claimed.indexOf('—'))}`, logKey(1), crypto)
    assert(isRefusal(beside))
    assert.equal(beside.code, 'checkpoint-signature-invalid')
  })

  test('attack: an altered byte anywhere in a checkpoint', () => {
    const bytes = utf8(SIGNED)
    for (let index = 0; index < bytes.length; index += 1) {
      for (const bit of [1, 0x20]) {
        const altered = bytes.map((byte, at) => (at === index ? byte ^ bit : byte))
        assert(isRefusal(openCheckpoint(new TextDecoder().decode(altered), logKey(1), crypto)), `byte ${index}`)
      }
    }
  })

  test('a key that is not Ed25519 opens nothing', () => {
    const p256: PublicKey = { alg: 'ecdsa-p256', spki: logKey(1).key.spki }
    const refused = openCheckpoint(SIGNED, { name: 'log.example/harbour', key: p256 }, crypto)
    assert(isRefusal(refused))
    assert.equal(refused.code, 'checkpoint-key-unknown')
  })
})
