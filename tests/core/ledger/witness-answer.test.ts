import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MAX_NOTE_BYTES, writeSignatures } from '../../../src/core/ledger/signed-note.ts'
import { readWitnessAnswer, SIZE_TYPE } from '../../../src/core/ledger/witness-answer.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'

const LINE = { name: 'w.example/1', id: new Uint8Array(4).fill(1), signature: new Uint8Array(72).fill(2) }
const LINES = writeSignatures([LINE])

/** What a log asked for, what a witness answers, and what is read of it. */
type Row = readonly [name: string, status: number, type: string, body: string, read: unknown]

describe('the answer of a witness', () => {
  const rows: readonly Row[] = [
    ['its signature', 200, 'text/plain', LINES, { signatures: [LINE] }],
    ['the size that it signed', 409, SIZE_TYPE, '30\n', { size: 30 }],
    ['the size that it signed, with a parameter', 409, `${SIZE_TYPE}; charset=utf-8`, '0\n', { size: 0 }],
    ['no log of that name', 404, '', '', 'witness-log-unknown'],
    ['no key of that log', 403, '', '', 'witness-refused'],
    ['a proof that does not hold', 422, '', '', 'witness-proof-invalid'],
    ['attack: no line at all', 200, 'text/plain', '', 'answer-unexpected'],
    ['attack: a line that is cut', 200, 'text/plain', LINES.slice(0, -1), 'answer-unexpected'],
    ['attack: lines without end', 200, 'text/plain', LINES.repeat(2000), 'answer-unexpected'],
    ['attack: a size of another type', 409, 'text/plain', '30\n', 'answer-unexpected'],
    ['attack: a size with a second spelling', 409, SIZE_TYPE, '030\n', 'answer-unexpected'],
    ['attack: a size that no number holds', 409, SIZE_TYPE, '9007199254740993\n', 'answer-unexpected'],
    ['attack: the size that it was asked from', 409, SIZE_TYPE, '25\n', 'answer-unexpected'],
    ['attack: a page', 500, 'text/html', '<html>', 'answer-unexpected'],
  ]
  for (const [name, status, type, body, expected] of rows) {
    test(name, () => {
      const read = readWitnessAnswer('a witness', { old: 25, size: 42 }, { status, type, body })
      assert.deepEqual(isRefusal(read) ? read.code : read, expected)
    })
  }

  test('attack: another tree of the size that it was asked from', () => {
    const read = readWitnessAnswer('w', { old: 42, size: 42 }, { status: 409, type: SIZE_TYPE, body: '42\n' })
    assert.ok(isRefusal(read) && read.code === 'log-forked')
  })

  test('attack: a body that is longer than an answer can be, whatever its status', () => {
    for (const status of [200, 404, 409, 422]) {
      const read = readWitnessAnswer(
        'w',
        { old: 1, size: 2 },
        { status, type: '', body: 'x'.repeat(MAX_NOTE_BYTES + 1) },
      )
      assert.ok(isRefusal(read) && read.code === 'answer-unexpected')
    }
  })
})
