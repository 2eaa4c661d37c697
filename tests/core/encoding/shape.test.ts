import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { plainText } from '../../../src/core/encoding/plain-text.ts'
import {
  dictionary,
  either,
  exactly,
  line,
  list,
  Misfit,
  object,
  shown,
  text,
  truth,
  whole,
  word,
} from '../../../src/core/encoding/shape.ts'

const shape = object(
  { v: exactly(1), kind: word('a', 'b'), items: list(object({ n: whole(0, 9) }), 1, 3) },
  { title: line(5), on: truth, by: dictionary(text('letters', /^[a-z]+$/), whole(0, 1), 2) },
)
const GOOD = { v: 1, kind: 'a', items: [{ n: 3 }] }

describe('shapes', () => {
  test('what fits is copied', () => {
    const full = { ...GOOD, title: 'hello', on: false, by: { x: 1 } }
    const read = shape(full, '')
    assert.deepEqual(read, full)
    assert.notEqual(read, full)
  })

  const rows: [name: string, value: unknown, at: string, expected: string][] = [
    ['null', null, '', 'an object'],
    ['another number', { ...GOOD, v: 2 }, 'v', '1'],
    ['another word', { ...GOOD, kind: 'c' }, 'kind', '"a" or "b"'],
    ['a fraction', { ...GOOD, items: [{ n: 1.5 }] }, 'items[0].n', 'a whole number from 0 to 9'],
    ['a number above the bound', { ...GOOD, items: [{ n: 1 }, { n: 10 }] }, 'items[1].n', 'a whole number from 0 to 9'],
    ['a list too long', { ...GOOD, items: new Array(4).fill({ n: 1 }) }, 'items', 'a list of 1 to 3 items'],
    ['an empty list', { ...GOOD, items: [] }, 'items', 'a list of 1 to 3 items'],
    ['an unknown name', { ...GOOD, 'odd name': 1 }, '["odd name"]', 'one of v, kind, items, title, on, by'],
    ['a text for a truth', { ...GOOD, on: 'true' }, 'on', 'true or false'],
    ['a line too long', { ...GOOD, title: 'hello!' }, 'title', 'one line of 1 to 5 characters'],
    ['a line with a break', { ...GOOD, title: 'a\nb' }, 'title', 'one line of 1 to 5 characters'],
    ['half a character', { ...GOOD, title: '\ud800' }, 'title', 'one line of 1 to 5 characters'],
    ['a dictionary too large', { ...GOOD, by: { a: 1, b: 1, c: 1 } }, 'by', 'at most 2 members'],
    ['a dictionary with a bad name', { ...GOOD, by: { A: 1 } }, 'by.A', 'letters'],
    ['a dictionary with a bad member', { ...GOOD, by: { a: 2 } }, 'by.a', 'a whole number from 0 to 1'],
  ]
  for (const [name, value, at, expected] of rows) {
    test(`${name} is a misfit at its place`, () => {
      const misfit = shape(value, '')
      assert(misfit instanceof Misfit)
      assert.equal(misfit.at, at)
      assert.equal(misfit.expected, expected)
    })
  }

  test('either takes the first that fits, and names both when none does', () => {
    const shape = either(whole(0, 9), word('all'))
    assert.equal(shape('all', ''), 'all')
    assert.equal(shape(4, ''), 4)
    const misfit = shape('none', 'x')
    assert(misfit instanceof Misfit)
    assert.equal(misfit.expected, 'a whole number from 0 to 9, or "all"')
  })

  test('no value makes a shape throw, and what is shown stays short', () => {
    fc.assert(
      fc.property(fc.anything(), value => {
        shape(value, '')
        assert(shown(value).length <= 60)
      }),
    )
  })

  test('members are read in canonical order, and of two faults the one is told that was declared first', () => {
    const declared = object({ what: truth, kind: truth }, { also: truth })
    assert.deepEqual(Object.keys(declared({ what: true, kind: true, also: true }, '') as object), [
      'also',
      'kind',
      'what',
    ])
    assert.equal((declared({}, '') as Misfit).at, 'what')
  })

  test('a plain text is one line, bounded, and is left alone when it already is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.integer({ min: 1, max: 40 }), (value, max) => {
        const plain = plainText(value, max)
        assert(plain.length <= max + 1)
        assert(!(line(max + 1, 0)(plain, '') instanceof Misfit), plain)
        assert.equal(plainText(plain, max + 1), plain)
      }),
    )
    assert.equal(plainText('no\r\nspace', 20), 'no space')
    assert.equal(plainText('abcdef', 4), 'abc…')
  })
})
