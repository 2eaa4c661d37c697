import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { isPkcs11Uri, parsePkcs11Uri, shownUri, siblingUri } from '../../../src/core/encoding/pkcs11-uri.ts'
import { isRefusal, orThrow, sentence } from '../../../src/core/refusal/refusal.ts'

const MODULE = 'module-path=/usr/lib/softhsm/libsofthsm2.so'

describe('a reference to a key in a token', () => {
  const rows: [reference: string, read: object][] = [
    [`pkcs11:token=Release;object=bms?${MODULE}`, { token: 'Release', object: 'bms' }],
    [`pkcs11:?${MODULE}`, {}],
    [`PKCS11:token=a?${MODULE}`, { token: 'a' }],
    [`pkcs11:token=Firma%20K%C3%B6ln;object=a=b&c?${MODULE}`, { token: 'Firma Köln', object: 'a=b&c' }],
    [
      `pkcs11:id=%01%fe;serial=12;model=M;manufacturer=X;slot-id=7;type=private?${MODULE}`,
      { id: Uint8Array.of(1, 254), serial: '12', model: 'M', manufacturer: 'X', slotId: 7 },
    ],
    [`pkcs11:object=a?${MODULE}&pin-source=file:/run/pin`, { object: 'a', pinSource: '/run/pin' }],
    [`pkcs11:object=a?${MODULE}&pin-source=file:///run/pin`, { object: 'a', pinSource: '/run/pin' }],
    [`pkcs11:object=a?pin-source=/run/my%20pin&${MODULE}`, { object: 'a', pinSource: '/run/my pin' }],
  ]
  for (const [reference, read] of rows) {
    test(reference, () => {
      const modulePath = '/usr/lib/softhsm/libsofthsm2.so'
      assert.deepEqual(orThrow(parsePkcs11Uri(reference)), { ...read, modulePath })
    })
  }

  test('is told from a path', () => {
    assert.equal(isPkcs11Uri('keys/pkcs11:a'), false)
    assert.equal(isPkcs11Uri('./pkcs11.key'), false)
    assert.equal(isPkcs11Uri('pkcs11:'), true)
  })
})

describe('refused', () => {
  const rows: [name: string, reference: string, code?: string][] = [
    ['another scheme', 'file:/a'],
    ['no module', 'pkcs11:token=a;object=b'],
    ['a relative module', 'pkcs11:token=a?module-path=lib.so'],
    ['a module by its name, which means another file on each machine', 'pkcs11:token=a?module-name=softhsm2'],
    ['an attribute that nobody here knows', `pkcs11:token=a;x-zone=b?${MODULE}`],
    ['an attribute of the wrong part', `pkcs11:token=a?${MODULE}&object=b`],
    ['an attribute twice', `pkcs11:token=a;token=b?${MODULE}`],
    ['an attribute without a value', `pkcs11:token?${MODULE}`],
    ['an empty name', `pkcs11:token=?${MODULE}`],
    ['an empty id', `pkcs11:id=?${MODULE}`],
    ['a blank that is not encoded', `pkcs11:token=My Token?${MODULE}`],
    ['half an octet', `pkcs11:token=a%2?${MODULE}`],
    ['no UTF-8', `pkcs11:token=%ff?${MODULE}`],
    ['a line break', `pkcs11:token=a%0ab?${MODULE}`],
    ['a public key', `pkcs11:object=a;type=public?${MODULE}`],
    ['a slot that is no number', `pkcs11:slot-id=first?${MODULE}`],
    ['a PIN that a command would print', `pkcs11:object=a?${MODULE}&pin-source=|/bin/echo%201234`],
    ['a PIN source that is relative', `pkcs11:object=a?${MODULE}&pin-source=file:pin`],
    ['too long', `pkcs11:object=${'%61'.repeat(3000)}?${MODULE}`],
    ['a token name that no token has room for', `pkcs11:token=${'a'.repeat(33)}?${MODULE}`],
    ['an object name of too many bytes', `pkcs11:object=${'a'.repeat(256)}?${MODULE}`],
    ['a module whose path is too long', `pkcs11:object=a?module-path=/${'a'.repeat(1024)}`],
    ['a PIN source whose path is too long', `pkcs11:object=a?${MODULE}&pin-source=file:/${'a'.repeat(1024)}`],
    ['attack: a PIN in the command line', `pkcs11:object=a?${MODULE}&pin-value=271828`, 'key-uri-with-pin'],
    ['attack: a PIN in the path', `pkcs11:object=a;pin-value=271828?${MODULE}`, 'key-uri-with-pin'],
    ['attack: a PIN under a name of its own', `pkcs11:object=a;pin=271828?${MODULE}&pin=271828`],
    ['attack: a PIN in it that is hidden behind a fault', 'pkcs11:object=a b?PIN-VALUE=271828', 'key-uri-with-pin'],
  ]
  for (const [name, reference, code = 'key-uri-malformed'] of rows) {
    test(name, () => {
      const refusal = parsePkcs11Uri(reference)
      assert.ok(isRefusal(refusal))
      assert.equal(refusal.code, code)
      assert.doesNotMatch(sentence(refusal), /271828/, 'a PIN is not repeated')
    })
  }
})

describe('property', () => {
  test('whatever is written is read or refused, and what is read is read again from how it is shown', () => {
    const word = fc.constantFrom(
      'pkcs11:',
      'token',
      'object',
      'id',
      '=',
      ';',
      '?',
      '&',
      MODULE,
      'a',
      '%41',
      '%',
      'pin-source',
      'file:/p',
    )
    const written = fc.array(fc.oneof({ weight: 9, arbitrary: word }, fc.string({ maxLength: 3 })), { maxLength: 14 })
    fc.assert(
      fc.property(written, parts => {
        const read = parsePkcs11Uri(`pkcs11:${parts.join('')}`)
        if (isRefusal(read)) return
        const { object, id } = read
        const again = siblingUri(read, {
          ...(object === undefined ? {} : { object }),
          ...(id === undefined ? {} : { id }),
        })
        assert.deepEqual(parsePkcs11Uri(again), read)
      }),
      { seed: 11, numRuns: 3000 },
    )
  })
})

describe('what is shown', () => {
  test('a reference whose every value is as long as it may be is still one that is read', () => {
    const of = (length: number): string => '='.repeat(length)
    const names = { token: of(32), manufacturer: of(32), model: of(16), serial: of(16), object: of(255) }
    const path = `/${of(1023)}`
    const uri = { ...names, slotId: 1234567890, id: new Uint8Array(255), modulePath: path, pinSource: path }
    assert.deepEqual(parsePkcs11Uri(siblingUri(uri, { object: uri.object, id: uri.id })), uri)
  })

  test('says which key, and nothing of the module and the PIN', () => {
    const uri = orThrow(parsePkcs11Uri(`pkcs11:object=b%3bc;token=a?${MODULE}&pin-source=file:/run/pin`))
    assert.equal(shownUri(uri), 'pkcs11:token=a;object=b%3Bc')
  })

  test('property: a sibling is read as it was written, whatever the names are', () => {
    const name = fc
      .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
      .filter(text => !/\p{Cc}/u.test(text) && utf8(text).length <= 32)
    fc.assert(
      fc.property(name, name, fc.uint8Array({ minLength: 1, maxLength: 20 }), (token, object, id) => {
        const uri = { token, modulePath: '/m.so', pinSource: `/run/${token.replaceAll('\0', '')}` }
        const read = orThrow(parsePkcs11Uri(siblingUri(uri, { object, id })))
        assert.deepEqual(read, { ...uri, object, id: new Uint8Array(id) })
      }),
      { seed: 7512, numRuns: 300 },
    )
  })
})
