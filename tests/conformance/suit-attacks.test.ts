import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LIMITS } from '../../conformance/doors/suit/limits.ts'
import { processForeign } from '../../conformance/doors/suit/process.ts'
import { isRefused } from '../../conformance/doors/suit/refusal.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { type Cbor, decodeCbor, encodeCbor, Tagged } from '../../src/core/encoding/cbor.ts'
import { blockOf, envelopeOf, hex, manifestOf, parameters, sequence, signer } from './suit-authoring.ts'
import {
  AUTHOR,
  authored,
  codeOf,
  content,
  deviceOf,
  IDENTIFIED,
  image,
  install,
  leftBy,
  MATCH,
  NEW,
  write,
} from './suit-device.ts'

describe('attacks on a processor', () => {
  test('attack: foreign manifest with a command, parameter or member that is not known', () => {
    const rows: readonly (readonly [Uint8Array, string])[] = [
      [install(4, 15), 'manifest-command-not-allowed'],
      [install(-256, 15), 'manifest-command-not-allowed'],
      [install('fetch', 15), 'manifest-command-not-allowed'],
      [install(20, parameters([19, 1])), 'manifest-parameter-not-allowed'],
      [install(20, parameters([-257, 1])), 'manifest-parameter-not-allowed'],
      [install(20, parameters([12, false])), 'manifest-parameter-not-allowed'],
      [authored({ more: [[17, sequence(14, 15)]] }), 'manifest-member-not-allowed'],
      [authored({ more: [[20, sequence(...write('x'))]] }, [[1, hex('80')]]), 'envelope-member-not-allowed'],
      // Also where it would never be reached: nothing of such a manifest runs.
      [install(15, [sequence(...write('x')), sequence(99, 0)]), 'manifest-command-not-allowed'],
      [
        authored({
          more: [
            [20, sequence(...write('x'))],
            [24, sequence(99, 0)],
          ],
        }),
        'manifest-command-not-allowed',
      ],
      [install(15, [null, sequence(14, 15)]), 'manifest-malformed'],
    ]
    for (const [envelope, code] of rows) assert.equal(codeOf(envelope), code)
  })

  test('attack: shared sequence with a side effect', () => {
    for (const command of [18, 21, 22, 23, 31, 33]) {
      for (const commands of [
        [command, 15],
        [32, sequence(command, 15)],
        [15, [sequence(14, 15), sequence(command, 15)]],
      ]) {
        const shared = sequence(...IDENTIFIED, ...commands)
        assert.equal(codeOf(authored({ shared, more: [[7, sequence(...MATCH)]] })), 'manifest-command-not-allowed')
      }
    }
  })

  test('attack: severed part exchanged for another', () => {
    const wanted = sequence(...write('wanted'))
    const digest = nodeCrypto.sha256(encodeCbor(wanted))
    const more = [[20, [-16, digest]]] as const
    assert.deepEqual(leftBy(authored({ more }, [[20, wanted]])), { '00': 'wanted' })
    assert.equal(codeOf(authored({ more }, [[20, sequence(...write('other'))]])), 'suit-severed-mismatch')
    assert.equal(codeOf(authored({ more })), 'suit-severed-missing')
    // Text is for people, and they believe what they read: it is held to its digest as well.
    const text = authored(
      {
        more: [
          [20, wanted],
          [23, [-16, digest]],
        ],
      },
      [[23, sequence(...write('other'))]],
    )
    assert.equal(codeOf(text), 'suit-severed-mismatch')
    // A part beside a manifest that has its own, and one that no digest asks for.
    assert.equal(codeOf(authored({ more: [[20, wanted]] }, [[20, wanted]])), 'envelope-member-not-allowed')
    assert.equal(codeOf(authored({}, [[20, wanted]])), 'envelope-member-not-allowed')
    // A digest where a sequence may not be cut off.
    assert.equal(codeOf(authored({ more: [[7, [-16, digest]]] })), 'manifest-malformed')
    assert.equal(codeOf(authored({ more: [[20, [-44, digest]]] }, [[20, wanted]])), 'suit-digest-unknown')
  })

  test('attack: payload that the manifest never checks', () => {
    const fetch = [20, parameters([21, '#fw']), 21, 15] as const
    const inside = [['#fw', NEW]] as const
    assert.equal(codeOf(authored({ more: [[20, sequence(...fetch)]] }, inside)), 'suit-image-unchecked')
    // Started without a match: also an image that lies there already.
    const started = authored({ more: [[9, sequence(23, 15)]] })
    assert.equal(codeOf(started, deviceOf({ images: { '00': NEW } })), 'suit-image-unchecked')
    // Matched, and then fetched again; and brought on by a copy.
    const twice = sequence(20, image(NEW, [21, '#fw']), 21, 15, ...MATCH, 21, 15)
    assert.equal(codeOf(authored({ more: [[20, twice]] }, inside)), 'suit-image-unchecked')
    const copied = authored(
      {
        components: [[hex('00')], [hex('01')]],
        shared: sequence(12, true, ...IDENTIFIED),
        more: [[20, sequence(12, 0, ...fetch, 12, 1, 20, parameters([22, 0]), 22, 15)]],
      },
      inside,
    )
    assert.equal(codeOf(copied), 'suit-image-unchecked')
  })

  test('attack: envelope kept in the place of an image', () => {
    const kept = (home: string) =>
      authored({
        more: [
          [5, [hex(home)]],
          [20, sequence(...write('x'))],
        ],
      })
    assert.deepEqual(Object.keys(leftBy(kept('01'))), ['00', '01'])
    assert.equal(codeOf(kept('00')), 'manifest-malformed')
    assert.equal(codeOf(kept('ff')), 'suit-component-unknown')
  })

  test('attack: endless data in a payload', () => {
    const fetch = install(20, image(NEW, [14, NEW.length], [21, 'u']), 21, 15, ...MATCH)
    const longer = deviceOf({ payloads: { u: new Uint8Array([...NEW, 0]) } })
    assert.equal(codeOf(fetch, longer), 'suit-payload-too-large')
    assert.equal(codeOf(fetch, deviceOf({ payloads: { u: NEW.slice(1) } })), 'image-size-mismatch')
    const unnamed = install(20, image(NEW, [21, 'u']), 21, 15, ...MATCH)
    assert.equal(
      codeOf(unnamed, deviceOf({ payloads: { u: new Uint8Array(LIMITS.imageBytes + 1) } })),
      'suit-payload-too-large',
    )
  })

  test('attack: rollback to an older manifest', () => {
    const envelope = authored({ number: 4, more: [[20, sequence(...write('x'))]] })
    assert.equal(codeOf(envelope, deviceOf({ sequence: 5 })), 'suit-sequence-old')
    assert.equal(codeOf(envelope, deviceOf({ sequence: 4 })), 'done')
  })

  test('attack: a manifest that multiplies its work', () => {
    // Four levels, each once for sixteen components: 65,536 runs of what is inside.
    const components = Array.from({ length: 16 }, (_, index) => [hex(index.toString(16).padStart(2, '0'))])
    const device = deviceOf({
      components: new Map(components.map(([id]) => [(id as Uint8Array).toHex(), { slot: null }])),
    })
    let inside = sequence(12, true, 20, parameters([18, hex('00')]))
    for (let depth = 1; depth < LIMITS.depth; depth += 1) inside = sequence(12, true, 32, inside)
    const shared = sequence(12, true, ...IDENTIFIED)
    assert.equal(codeOf(authored({ components, shared, more: [[20, inside]] }), device), 'suit-limit')
    // Bytes are counted as well: a large image that is matched again and again.
    const large = new Uint8Array(32 * 1024 * 1024)
    const matches = sequence(20, image(large), ...new Array<readonly Cbor[]>(20).fill(MATCH).flat())
    assert.equal(codeOf(authored({ more: [[7, matches]] }), deviceOf({ images: { '00': large } })), 'suit-limit')
  })

  test('attack: oversized or deeply nested envelope', () => {
    let deep = sequence(14, 15)
    for (let depth = 0; depth < LIMITS.depth; depth += 1) deep = sequence(32, deep)
    const ids = Array.from({ length: LIMITS.components + 1 }, (_, index) => [hex(index.toString(16).padStart(2, '0'))])
    const payloads = Array.from({ length: LIMITS.payloads + 1 }, (_, index) => [`#${index}`, hex('00')] as const)
    const manifest = manifestOf({})
    const blocks = new Array(LIMITS.blocks + 1).fill(blockOf(manifest, AUTHOR))
    const rows: readonly (readonly [string, Uint8Array, string])[] = [
      ['sequences too deep', authored({ more: [[20, deep]] }), 'suit-limit'],
      ['too many commands', install(...new Array<number>(2 * LIMITS.commands + 2).fill(14)), 'suit-limit'],
      ['too many components', authored({ components: ids, shared: sequence(12, 0, ...IDENTIFIED) }), 'suit-limit'],
      ['too many payloads', authored({}, payloads), 'suit-limit'],
      ['too many signatures', envelopeOf(manifest, blocks), 'suit-limit'],
      ['too large a manifest', install(20, content(new Uint8Array(LIMITS.manifestBytes))), 'suit-limit'],
      ['too large', new Uint8Array(LIMITS.envelopeBytes + 1), 'envelope-too-large'],
      ['nesting in one byte string', encodeCbor(new Tagged(107, nest(9))), 'envelope-malformed'],
    ]
    for (const [name, envelope, code] of rows) assert.equal(codeOf(envelope), code, name)
  })

  test('attack: two readings of one envelope', () => {
    const good = install(...write('x'))
    // The same map with its members in another order, and with a long length: other bytes, the same values.
    assert.equal(good[2], 0xa2)
    const long = new Uint8Array([...good.slice(0, 2), 0xb8, 0x02, ...good.slice(3)])
    assert.equal(codeOf(long), 'envelope-ambiguous')
    assert.equal(codeOf(good), 'done')
  })

  const manifest = manifestOf({ shared: sequence(...IDENTIFIED), more: [[20, sequence(...write('x'))]] })
  const [es, ed, pq] = [signer('ecdsa-p256', -9), signer('ed25519', -19), signer('ml-dsa-65', -49)]
  const keys = [es, ed, pq].map(({ key }, index) => ({ name: `k${index}`, key }))
  const byKeys = (envelope: Uint8Array, threshold: number, trusted = keys): string => {
    const ran = processForeign(envelope, trusted, threshold, deviceOf(), 'all', nodeCrypto)
    return isRefused(ran) ? ran.code : (ran.refusal?.code ?? 'done')
  }

  test('several signers: m of n, by ES256, ESP256, EdDSA, Ed25519 and ML-DSA-65', () => {
    const old = [
      blockOf(manifest, { ...es, label: -7 }),
      blockOf(manifest, { ...ed, label: -8 }),
      blockOf(manifest, pq),
    ]
    assert.equal(byKeys(envelopeOf(manifest, old), 3), 'done')
    assert.equal(
      byKeys(
        envelopeOf(
          manifest,
          [es, ed, pq].map(by => blockOf(manifest, by)),
        ),
        3,
      ),
      'done',
    )
    const stranger = blockOf(manifest, signer('ed25519', -19))
    assert.equal(byKeys(envelopeOf(manifest, [blockOf(manifest, es), stranger]), 1), 'done')
  })

  test('attack: foreign manifest exchanged under its signed digest', () => {
    const other = manifestOf({ shared: sequence(...IDENTIFIED), more: [[20, sequence(...write('y'))]] })
    const whole = decodeCbor(envelopeOf(manifest, [blockOf(manifest, ed)]), LIMITS.envelopeBytes) as Tagged
    const members = new Map(whole.value as ReadonlyMap<number, Cbor>)
    assert.equal(byKeys(encodeCbor(new Tagged(107, members)), 1), 'done')
    assert.equal(byKeys(encodeCbor(new Tagged(107, members.set(3, other))), 1), 'envelope-digest-mismatch')
  })

  test('attack: foreign envelope below its threshold', () => {
    const two = [es, ed].map(by => blockOf(manifest, by))
    assert.equal(byKeys(envelopeOf(manifest, two), 3), 'envelope-below-threshold')
    assert.equal(byKeys(envelopeOf(manifest, two.slice(1)), 2), 'envelope-below-threshold')
    assert.equal(byKeys(envelopeOf(manifest, []), 1), 'envelope-unsigned')
    // One key twice, and one key under two names.
    const twice = [blockOf(manifest, ed), blockOf(manifest, { ...ed, label: -8 })]
    const names = [...keys, { name: 'alias', key: ed.key }]
    assert.equal(byKeys(envelopeOf(manifest, twice), 2, names), 'envelope-below-threshold')
  })

  test('attack: foreign signature under another algorithm than its key', () => {
    for (const label of [-7, -9, -35, -49]) {
      const block = blockOf(manifest, { ...ed, label })
      assert.equal(byKeys(envelopeOf(manifest, [block]), 1, [{ name: 'k', key: ed.key }]), 'envelope-signers-unknown')
    }
    assert.equal(
      byKeys(envelopeOf(manifest, [blockOf(manifest, { ...ed, label: -9 })]), 1),
      'envelope-signature-invalid',
    )
  })

  test('attack: foreign signature with critical or unknown headers', () => {
    const rows: readonly (readonly [Cbor, string])[] = [
      [
        new Map<number, Cbor>([
          [1, -19],
          [2, [99]],
        ]),
        'signature-header-not-allowed',
      ],
      [
        new Map<number, Cbor>([
          [1, -19],
          [3, 0],
        ]),
        'signature-header-not-allowed',
      ],
      [new Map<number, Cbor>([[1, -65_535]]), 'signature-algorithm-unknown'],
      [new Map<number, Cbor>([[1, 5]]), 'signature-algorithm-unknown'],
    ]
    for (const [header, code] of rows) {
      const block = blockOf(manifest, ed, encodeCbor(header))
      assert.equal(byKeys(envelopeOf(manifest, [block]), 1), code)
      // Beside a good one as well: nobody knows what the header was to make critical.
      assert.equal(byKeys(envelopeOf(manifest, [blockOf(manifest, es), block]), 1), code)
    }
  })

  test('attack: the manifest of a stranger is not looked into', () => {
    const garbage = hex('010203')
    assert.equal(
      byKeys(envelopeOf(garbage, [blockOf(garbage, signer('ed25519', -19))]), 1),
      'envelope-signature-invalid',
    )
    assert.equal(byKeys(envelopeOf(garbage, [blockOf(garbage, ed)]), 1), 'manifest-malformed')
  })
})

const nest = (depth: number): Cbor => (depth === 0 ? 0 : [nest(depth - 1)])
