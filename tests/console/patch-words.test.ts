import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { patchesPath, patchLines } from '../../console/picture/patch-words.ts'
import { FROM_NOTHING } from '../../src/core/fleet/patch-rows.ts'
import type { ReleasePatches } from '../../src/wire/patch-api.ts'

type Base = ReleasePatches['bases'][number]
const FULL = 48 * 1024
const OWN = 'ab'.repeat(32)

const base = (more: Partial<Base> = {}): Base => ({
  ...{ base: OWN, version: '1.0.0', controllers: 4 },
  ...{ state: 'unasked', ahead: null, made: null, reason: null, refused: null },
  ...more,
})
const made = (bytes: number, by: 'fleet' | 'publisher' = 'fleet'): Partial<Base> => ({
  state: 'made',
  made: { by, sha256: OWN, bytes, memory: 1, millis: 1234 },
})
const fromNothing = (more: Partial<Base> = {}): Base =>
  base({ base: FROM_NOTHING, version: null, controllers: null, ...more })
const to = (...bases: Base[]): ReleasePatches => ({
  ...{ path: 'bms/2.0.0/envelope.suit', class: 'bms', version: '2.0.0', target: 'cd'.repeat(32), full: FULL },
  encrypted: false,
  counted: 'all',
  bases,
})
const only = (...bases: Base[]) => patchLines(to(...bases))[0]!
const why = (code: string) => ({ code, expected: 'x', actual: 'y' })

describe('the patches to a release, in words', () => {
  test('what each is from, and how many run it', () => {
    const lines = patchLines(
      to(base(), base({ version: null, controllers: 0 }), base({ controllers: null }), fromNothing()),
    )
    assert.deepEqual(
      lines.map(({ from, controllers }) => [from, controllers]),
      [
        ['bms 1.0.0', '4'],
        ['abababababab', '0'],
        ['bms 1.0.0', 'not shown'],
        ['nothing', 'any'],
      ],
    )
  })

  const states: [name: string, one: Partial<Base>, kind: string | null, state: string, label: string | null][] = [
    ['made here', made(2644), 'good', 'made in 1.2 s', null],
    ['made by its publisher', made(2644, 'publisher'), 'good', 'made by its publisher', null],
    ['at its turn', { state: 'wanted', ahead: 0 }, 'busy', 'being made', null],
    [
      'in the queue of a server that makes none any more',
      { state: 'wanted', ahead: 0, refused: why('patches-off') },
      null,
      'not made: this server makes none',
      null,
    ],
    ['in the queue', { state: 'wanted', ahead: 3 }, 'waiting', 'in the queue, 3 before it', null],
    ['unasked', {}, 'waiting', 'not asked for yet: it is made when it is ordered', 'Make it now'],
    [
      'unasked, and not to be had',
      { refused: why('blob-missing') },
      null,
      'cannot be made now: that image was never uploaded here',
      null,
    ],
    [
      'none, and worth another try',
      { state: 'none', reason: why('patch-too-slow') },
      null,
      'could not be made: it takes longer than it may',
      'Try again',
    ],
    [
      'none, and the next one would be none too',
      { state: 'none', reason: why('patch-not-smaller') },
      null,
      'could not be made: it would not be smaller than the image',
      null,
    ],
    [
      'none, and not to be had now',
      { state: 'none', reason: why('patch-not-made'), refused: why('patches-off') },
      null,
      'could not be made: patch-not-made: y',
      null,
    ],
  ]
  for (const [name, one, kind, state, label] of states) {
    test(name, () => {
      const line = only(base(one))
      assert.deepEqual([line.kind, line.state, line.label], [kind, state, label])
    })
  }

  const travels: [name: string, bases: Base[], bytes: number | null, text: string | null][] = [
    ['the patch', [base(made(2644)), fromNothing(made(30_000))], 2644, '2.6 KiB of 48 KiB, 5.4 %'],
    [
      'the compressed image where there is no patch',
      [base({ refused: why('blob-missing') }), fromNothing(made(30_000))],
      30_000,
      'the compressed image, 29.3 KiB of 48 KiB, 61.0 %',
    ],
    [
      'the compressed image where that is smaller',
      [base(made(40_000)), fromNothing(made(30_000))],
      30_000,
      'the compressed image, 29.3 KiB of 48 KiB, 61.0 %',
    ],
    ['the whole image', [base({ state: 'none' }), fromNothing({ state: 'none' })], FULL, 'the whole image, 48 KiB'],
    ['nobody knows before it is ordered', [base(), fromNothing(made(30_000))], null, null],
    ['nobody knows before it is made', [base({ state: 'wanted', ahead: 0 }), fromNothing(made(30_000))], null, null],
  ]
  for (const [name, bases, bytes, text] of travels) {
    test(`what travels: ${name}`, () => {
      const line = only(...bases)
      assert.deepEqual([line.travels?.bytes ?? null, line.travels?.text ?? null], [bytes, text])
    })
  }

  test('are asked for by the path of the release, whatever is in it', () => {
    assert.equal(patchesPath('bms/2.0.0/envelope.suit'), '/v1/patches/to/bms/2.0.0/envelope.suit')
    assert.equal(patchesPath('b?s/#/e%'), '/v1/patches/to/b%3Fs/%23/e%25')
  })
})
