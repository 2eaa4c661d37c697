import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { isRefused, suitCodes } from '../../conformance/doors/suit/refusal.ts'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import { type Cbor, encodeCbor, Tagged } from '../../src/core/encoding/cbor.ts'
import { blockOf, envelopeOf, hex, manifestOf, parameters, sequence } from './suit-authoring.ts'
import {
  AUTHOR,
  authored,
  both,
  codeOf,
  content,
  deviceOf,
  IDENTIFIED,
  image,
  install,
  leftBy,
  MATCH,
  NEW,
  OLD,
  run,
  write,
} from './suit-device.ts'

describe('the commands', () => {
  test('write, check-content, and unlink', () => {
    assert.deepEqual(leftBy(install(...write('x'), 6, 15)), { '00': 'x' })
    const check = install(20, content(utf8('x')), 6, 15)
    assert.equal(codeOf(check, deviceOf({ images: { '00': utf8('x') } })), 'done')
    assert.equal(codeOf(check, deviceOf({ images: { '00': utf8('y') } })), 'suit-content-differs')
    assert.equal(codeOf(check), 'suit-component-missing')
    const unlink = authored({ more: [[24, sequence(33, 0)]] })
    assert.deepEqual(leftBy(unlink, deviceOf({ images: { '00': OLD } }), 'uninstall'), { '00': null })
    assert.equal(codeOf(unlink, deviceOf(), 'uninstall'), 'suit-component-missing')
    assert.deepEqual(leftBy(unlink), {}, 'an update never runs what is for the removal')
  })

  test('fetch from inside, by its whole URI, before anything outside', () => {
    const fetch = sequence(20, image(NEW, [21, '#fw']), 21, 15, ...MATCH)
    const inside = authored({ more: [[20, fetch]] }, [['#fw', NEW]])
    assert.deepEqual(leftBy(inside, deviceOf({ payloads: { '#fw': OLD } })), { '00': 'the new image' })
    assert.equal(codeOf(authored({ more: [[20, fetch]] }, [['#other', NEW]])), 'suit-payload-missing')
  })

  test('copy and swap', () => {
    const copy = both(20, image(OLD, [22, 1]), 22, 15, ...MATCH)
    assert.deepEqual(leftBy(copy, deviceOf({ images: { '01': OLD } })), { '00': 'the old one' })
    assert.equal(codeOf(copy), 'suit-component-missing')
    assert.equal(codeOf(both(20, image(OLD, [22, 0]), 22, 15, ...MATCH)), 'suit-component-missing', 'its own source')
    const swap = both(20, image(NEW, [22, 1]), 31, 15, ...MATCH, 12, 1, 20, image(OLD), ...MATCH)
    const images = { '00': OLD, '01': NEW }
    assert.deepEqual(leftBy(swap, deviceOf({ images })), { '00': 'the new image', '01': 'the old one' })
    assert.equal(codeOf(swap, deviceOf({ images: { '01': NEW } })), 'suit-component-missing')
  })

  test('set-component-index: one, a list, all', () => {
    const each = (index: Cbor) =>
      authored({
        components: [[hex('00')], [hex('01')], [hex('02')]],
        shared: sequence(12, true, ...IDENTIFIED),
        more: [[20, sequence(12, index, ...write('x'))]],
      })
    assert.deepEqual(leftBy(each(1)), { '01': 'x' })
    assert.deepEqual(leftBy(each([2, 0])), { '02': 'x', '00': 'x' })
    assert.deepEqual(leftBy(each(true)), { '00': 'x', '01': 'x', '02': 'x' })
    for (const index of [3, [0, 3], [], [1, 1], false, -1, 'x', [[0]]]) {
      assert.equal(codeOf(each(index)), 'manifest-malformed', JSON.stringify(index))
    }
  })

  test('try-each and run-sequence run once for each component', () => {
    const nested = authored({
      components: [[hex('00')], [hex('01')]],
      shared: sequence(12, true, ...IDENTIFIED, 12, 0, 20, parameters([5, 0]), 12, 1, 20, parameters([5, 1])),
      more: [
        [
          20,
          sequence(
            ...[12, true, 15, [sequence(5, 15, ...write('held')), sequence(...write('else'))]],
            ...[32, sequence(6, 15)],
          ),
        ],
      ],
    })
    const components = new Map([
      ['00', { slot: 0 }],
      ['01', { slot: 0 }],
    ])
    assert.deepEqual(leftBy(nested, deviceOf({ components })), { '00': 'held', '01': 'else' })
  })

  test('set-parameters sets what is not set; override-parameters replaces', () => {
    assert.deepEqual(leftBy(install(20, content(utf8('a')), 19, content(utf8('b')), 18, 15)), { '00': 'a' })
    assert.deepEqual(leftBy(install(19, content(utf8('a')), 20, content(utf8('b')), 18, 15)), { '00': 'b' })
  })

  test('parameters and index begin afresh with each sequence', () => {
    const envelope = authored({
      more: [
        [20, sequence(20, content(utf8('x')), 18, 15)],
        [7, sequence(6, 15)],
      ],
    })
    assert.equal(codeOf(envelope), 'suit-parameter-missing')
  })

  test('a vendor by its private enterprise number, a device by its own identifier', () => {
    const vendor = (number: string) =>
      authored({
        shared: sequence(20, parameters([1, new Tagged(112, hex(number))]), 1, 15),
        more: [[7, sequence(1, 0)]],
      })
    assert.equal(codeOf(vendor('8237'), deviceOf({ vendor: ['oid:8237'] })), 'done')
    assert.equal(codeOf(vendor('8238'), deviceOf({ vendor: ['oid:8237'] })), 'suit-wrong-vendor')
    const device = authored({ more: [[7, sequence(20, parameters([24, new Uint8Array(16)]), 24, 15)]] })
    assert.equal(codeOf(device, deviceOf({ device: ['00'.repeat(16)] })), 'done')
    assert.equal(codeOf(device), 'suit-wrong-device')
  })
})

describe('failures', () => {
  const aborting = sequence(14, 15)

  test('a condition fails softly in try-each, and hard where the manifest says so', () => {
    assert.deepEqual(leftBy(install(15, [aborting, sequence(...write('second'))])), { '00': 'second' })
    assert.equal(codeOf(install(15, [aborting, aborting])), 'suit-exhausted')
    assert.deepEqual(leftBy(install(15, [aborting, null], ...write('x'))), { '00': 'x' })
    const hard = sequence(20, parameters([13, false]), 14, 15)
    assert.equal(codeOf(install(15, [hard, sequence(...write('never'))])), 'suit-aborted')
  })

  test('run-sequence: hard, unless it says soft', () => {
    assert.equal(codeOf(install(32, aborting)), 'suit-aborted')
    const soft = sequence(20, parameters([13, true]), 14, 15)
    assert.deepEqual(leftBy(install(32, soft, ...write('x'))), { '00': 'x' })
  })

  test('a directive that fails ends everything, whatever the flag says', () => {
    const failing = sequence(20, parameters([21, 'nowhere']), 21, 15)
    assert.equal(codeOf(install(15, [failing, sequence(...write('never'))])), 'suit-payload-missing')
  })

  test('soft failure does not reach into the sequence inside, nor out of it', () => {
    const inner = sequence(20, parameters([13, true]), 32, aborting)
    assert.equal(codeOf(install(32, inner)), 'suit-aborted')
    const after = sequence(32, sequence(20, parameters([13, true]), 14, 15), 14, 15)
    assert.equal(codeOf(install(32, after)), 'suit-aborted')
  })

  test('who the device is', () => {
    const envelope = install(...write('x'))
    assert.equal(codeOf(envelope, deviceOf({ class: ['00'.repeat(16)] })), 'suit-wrong-class')
    assert.equal(codeOf(envelope, deviceOf({ components: new Map() })), 'suit-component-unknown')
  })
})

describe('shapes', () => {
  test('arguments and parameters of the wrong kind', () => {
    const values: readonly (readonly [number, Cbor])[] = [
      [1, hex('00')],
      [2, 'x'],
      [3, hex('80')],
      [3, sequence(-16)],
      [5, -1],
      [13, 1],
      [14, 'x'],
      [18, 'x'],
      [21, hex('00')],
      [21, ''],
      [22, 1],
      [23, 0],
      [24, new Uint8Array(15)],
    ]
    for (const value of values) {
      assert.equal(codeOf(install(15, [sequence(20, parameters(value))])), 'manifest-malformed', String(value[0]))
    }
    assert.equal(codeOf(install(20, parameters([13, true]))), 'suit-parameter-misplaced')
    assert.equal(codeOf(install(19, image(NEW))), 'suit-parameter-misplaced')
    assert.equal(codeOf(install(20, parameters([3, encodeCbor([-44, new Uint8Array(64)])]))), 'suit-digest-unknown')
    assert.equal(codeOf(install(3, 16)), 'manifest-malformed')
    assert.equal(codeOf(install(3)), 'manifest-malformed')
    assert.equal(codeOf(install()), 'manifest-malformed')
  })

  test('with several components, each sequence says first which one it means', () => {
    const components = [[hex('00')], [hex('01')]]
    const shared = sequence(12, 0, ...IDENTIFIED)
    assert.equal(codeOf(authored({ components, shared, more: [[20, sequence(14, 15)]] })), 'manifest-malformed')
    assert.equal(codeOf(authored({ components, shared: sequence(...IDENTIFIED) })), 'manifest-malformed')
  })

  test('components', () => {
    for (const components of [
      [],
      'x',
      [hex('00')],
      [[]],
      [[hex('')]],
      [[new Uint8Array(33)]],
      [[hex('00')], [hex('00')]],
    ]) {
      assert.equal(codeOf(authored({ components })), 'manifest-malformed')
    }
  })

  test('what the draft only recommends is said, not refused', () => {
    const manifest = manifestOf({ more: [[20, sequence(...write('x'))]] })
    const ran = run(envelopeOf(manifest, [blockOf(manifest, AUTHOR)]))
    assert.ok(!isRefused(ran))
    assert.equal(ran.refusal, null)
    assert.equal(ran.warnings.length, 2)
  })
})

test('every code of the door is expected by a test', () => {
  const paths = globSync('suit-*.test.ts', { cwd: import.meta.dirname })
  const text = paths.map(path => readFileSync(join(import.meta.dirname, path), 'utf8')).join('\n')
  assert.deepEqual(
    Object.keys(suitCodes).filter(code => !text.includes(`'${code}'`)),
    [],
  )
})
