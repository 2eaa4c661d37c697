import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { describe, test } from 'node:test'
import { takeOut } from '../../conformance/doors/suit/envelope.ts'
import { runManifest } from '../../conformance/doors/suit/machine.ts'
import { readManifest } from '../../conformance/doors/suit/manifest.ts'
import { openForeign, processForeign } from '../../conformance/doors/suit/process.ts'
import { isRefused } from '../../conformance/doors/suit/refusal.ts'
import type { NamedKey } from '../../conformance/doors/suit/verify.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { fromHex, toHex, utf8 } from '../../src/core/encoding/bytes.ts'
import { openEnvelope } from '../../src/core/firmware/suit-open.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import { blockOf, digestOf, envelopeOf, hex, manifestOf, parameters, sequence } from './suit-authoring.ts'
import { AUTHOR, authored, codeOf, deviceOf, IDENTITY, leftBy, NEW, OLD, run } from './suit-device.ts'
import { EXAMPLE_KEY, EXAMPLES, type Example, published, WHOLE_EXAMPLES } from './suit-examples.ts'

const spki = new Uint8Array(createPublicKey(EXAMPLE_KEY).export({ type: 'spki', format: 'der' }))
const KEYS: readonly NamedKey[] = [{ name: 'drafts', key: { alg: 'ecdsa-p256', spki } }]
const ALL = [...EXAMPLES, ...WHOLE_EXAMPLES]
const named = (start: string): Example => ALL.find(({ name }) => name.startsWith(start)) as Example
const envelopeOfExample = (start: string): Uint8Array => {
  const example = named(start)
  return published(example, example.signatures[0] as Example['signatures'][number])
}

describe('envelopes that others published', () => {
  for (const example of ALL) {
    test(`${example.name}: rebuilt from its fields, it is the published bytes`, () => {
      const [first] = example.signatures
      const { beside = [], ...rest } = example
      const whole = published(
        { ...rest, beside: beside.filter(([label]) => typeof label === 'string') },
        first as never,
      )
      assert.equal(createHash('sha256').update(whole).digest('hex'), example.envelope)
    })

    test(`${example.name}: its digest and its signatures hold, and are read`, () => {
      for (const signature of example.signatures) {
        const opened = openForeign(published(example, signature), KEYS, 1, nodeCrypto)
        assert.ok(!isRefused(opened), JSON.stringify(opened))
        assert.deepEqual(opened.signers, ['drafts'])
        assert.equal(toHex(opened.outer.digest.bytes), example.digest)
        assert.deepEqual(opened.manifest.strangers, [])
        // The same with node:crypto alone: ["Signature1", protected header, h'', << [-16, digest] >>].
        const header = `43a10${signature.alg === -9 ? '128' : '126'}`
        const message = fromHex(`846a5369676e617475726531${header}405824822f5820${example.digest}`) as Uint8Array
        const key = { key: createPublicKey(EXAMPLE_KEY), dsaEncoding: 'ieee-p1363' } as const
        assert.ok(verify('sha256', message, key, hex(signature.signature)))
      }
    })
  }

  test('attack: a signature of another envelope', () => {
    for (const [index, example] of ALL.entries()) {
      const other = ALL[(index + 1) % ALL.length] as Example
      for (const signature of other.signatures) {
        const opened = openForeign(published(example, signature), KEYS, 1, nodeCrypto)
        assert.ok(isRefused(opened), example.name)
        assert.equal(opened.code, 'envelope-signature-invalid')
      }
    }
  })

  test('attack: an envelope of another author is not accepted by a controller', () => {
    const anchors = [{ kid: nodeCrypto.sha256(spki).toHex(), key: { alg: 'ecdsa-p256', spki } as const }]
    for (const example of ALL) {
      for (const signature of example.signatures) {
        const opened = openEnvelope(published(example, signature), anchors, nodeCrypto)
        assert.ok(isRefusal(opened), example.name)
      }
    }
  })
})

describe('the drafts’ examples on a device', () => {
  const FILE = utf8('not the file that has this digest')
  const payloads = {
    'http://example.com/file.bin': FILE,
    'http://example.com/very/long/path/to/file/file.bin': FILE,
    'http://example.com/file1.bin': FILE,
    'http://example.com/file2.bin': FILE,
  }
  const slotted = (slot: number) => new Map([['00', { slot }]])

  // Their digests are patterns that no image has: each runs up to the first image match, which must refuse.
  const rows: readonly [start: string, steps: string, code: string][] = [
    ['B.1', 'vendor-identifier class-identifier image-match', 'suit-component-missing'],
    ['B.2', 'vendor-identifier class-identifier fetch image-match', 'image-size-mismatch'],
    ['B.3', 'vendor-identifier class-identifier fetch image-match', 'image-size-mismatch'],
    ['B.5', 'vendor-identifier class-identifier fetch image-match', 'image-digest-mismatch'],
    ['B.6', 'vendor-identifier class-identifier fetch image-match', 'image-size-mismatch'],
  ]
  for (const [start, steps, code] of rows) {
    test(`${named(start).name}: runs to the image match, and no further`, () => {
      const ran = processForeign(envelopeOfExample(start), KEYS, 1, deviceOf({ payloads }), 'all', nodeCrypto)
      assert.ok(!isRefused(ran))
      assert.equal(ran.trace.map(({ command }) => command).join(' '), steps)
      assert.equal(ran.refusal?.code, code)
      assert.deepEqual(ran.started, [])
      assert.deepEqual(ran.warnings, [])
    })
  }

  test('B.4: the try-each takes the way of the slot, in the shared sequence and in the install', () => {
    for (const [slot, expected] of [
      [0, '34768 bytes'],
      [1, '76834 bytes'],
    ] as const) {
      const device = deviceOf({ payloads, components: slotted(slot) })
      const ran = processForeign(envelopeOfExample('B.4'), KEYS, 1, device, 'all', nodeCrypto)
      assert.ok(!isRefused(ran))
      const tried = ran.trace.filter(({ command }) => command === 'component-slot').map(({ result }) => result)
      const way = slot === 0 ? ['held'] : ['suit-wrong-slot', 'held']
      assert.deepEqual(tried, [...way, ...way])
      assert.equal(ran.refusal?.code, 'image-size-mismatch')
      assert.equal(ran.refusal?.expected, expected)
    }
    const elsewhere = deviceOf({ payloads, components: slotted(2) })
    const none = processForeign(envelopeOfExample('B.4'), KEYS, 1, elsewhere, 'all', nodeCrypto)
    assert.ok(!isRefused(none))
    assert.equal(none.refusal?.code, 'suit-exhausted')
  })

  test('S.0 runs to its end as it was published: it writes, and names what it would start', () => {
    const components = new Map(['3030', hex('646570656e64656e742e73756974').toHex()].map(key => [key, { slot: null }]))
    const envelope = envelopeOfExample('S.0')
    const ran = processForeign(envelope, KEYS, 1, deviceOf({ components }), 'all', nodeCrypto)
    assert.ok(!isRefused(ran))
    assert.equal(ran.refusal, null)
    assert.deepEqual(ran.changed.get('3030'), utf8('hello world'))
    assert.deepEqual(ran.changed.get('646570656e64656e742e73756974'), envelope)
    assert.deepEqual(ran.started, [{ component: '3030', arguments: toHex(utf8('cat 00')) }])
    assert.equal(ran.warnings.length, 2)
  })

  test('T.2 runs to its end as it was published: its payload is inside, and matches; uninstall takes it away', () => {
    const home = '544545502d446576696365-5365637572654653-8d82573a926d4754935332dc29997f74'
    const components = new Map([`${home}-7461`, `${home}-73756974`].map(key => [key, { slot: null }]))
    const vendor = ['c0ddd5f15243566087db4f5b0aa26c2f']
    const own = { components, vendor, class: ['db42f7093d8c55baa8c5265fc5820f4e'] }
    const envelope = envelopeOfExample('T.2')
    const ran = processForeign(envelope, KEYS, 1, deviceOf(own), 'all', nodeCrypto)
    assert.ok(!isRefused(ran))
    assert.equal(ran.refusal, null)
    assert.deepEqual(ran.changed.get(`${home}-7461`), utf8('Hello, Secure World!'))
    const images = { [`${home}-7461`]: utf8('Hello, Secure World!') }
    const gone = processForeign(envelope, KEYS, 1, deviceOf({ ...own, images }), 'uninstall', nodeCrypto)
    assert.ok(!isRefused(gone))
    assert.equal(gone.refusal, null)
    assert.deepEqual([...gone.changed], [[`${home}-7461`, null]])
    assert.equal(gone.sequence, null)
  })
})

describe('the same structures with digests of real images', () => {
  const match = [3, 15] as const
  const fetched = [21, 2, ...match] as const
  const whole = (image: Uint8Array) => parameters(...IDENTITY, [3, digestOf(image)], [14, image.length])
  const shared = sequence(20, whole(NEW), 1, 15, 2, 15)
  const URI = 'https://updates.example/new.bin'
  const uri = parameters([21, URI])
  const payloads = { [URI]: NEW }
  const validate = [7, sequence(...match)] as const
  const install = sequence(20, uri, ...fetched)

  test('secure boot', () => {
    const envelope = authored({ shared, more: [validate, [9, sequence(23, 2)]] })
    const ran = run(envelope, deviceOf({ images: { '00': NEW } }))
    assert.ok(!isRefused(ran))
    assert.deepEqual(ran.started, [{ component: '00', arguments: '' }])
    assert.equal(codeOf(envelope, deviceOf({ images: { '00': utf8('another image') } })), 'image-digest-mismatch')
  })

  test('download and installation, whole and severed', () => {
    const more = [validate, [20, install]] as const
    assert.deepEqual(leftBy(authored({ shared, more }), deviceOf({ payloads })), { '00': 'the new image' })
    assert.equal(codeOf(authored({ shared, more })), 'suit-payload-missing')

    const severed = [validate, [20, [-16, hex(wrapped(install))]]] as const
    const kept = authored({ shared, more: severed }, [[20, install]])
    assert.deepEqual(leftBy(kept, deviceOf({ payloads })), { '00': 'the new image' })
    const cut = authored({ shared, more: severed })
    assert.equal(codeOf(cut, deviceOf({ payloads })), 'suit-severed-missing')
    assert.equal(codeOf(cut, deviceOf({ images: { '00': NEW } }), 'invoke'), 'done')
  })

  test('A/B: the image and its source are those of the slot', () => {
    const inSlot = (slot: number) => [20, parameters([5, slot]), 5, 5] as const
    const ways = (a: ReturnType<typeof parameters>, b: ReturnType<typeof parameters>) => [
      sequence(...inSlot(0), 20, a),
      sequence(...inSlot(1), 20, b),
    ]
    const image = (bytes: Uint8Array) => parameters([3, digestOf(bytes)], [14, bytes.length])
    const envelope = authored({
      shared: sequence(20, parameters(...IDENTITY), 15, ways(image(OLD), image(NEW)), 1, 15, 2, 15),
      more: [validate, [20, sequence(15, ways(parameters([21, 'a']), parameters([21, 'b'])), ...fetched)]],
    })
    const device = (slot: number) => deviceOf({ payloads: { a: OLD, b: NEW }, components: new Map([['00', { slot }]]) })
    assert.deepEqual(leftBy(envelope, device(0)), { '00': 'the old one' })
    assert.deepEqual(leftBy(envelope, device(1)), { '00': 'the new image' })
    assert.equal(codeOf(envelope, device(7)), 'suit-exhausted')
  })

  test('external storage, then the place of the image, then memory', () => {
    const envelope = authored({
      components: [[hex('00')], [hex('02')], [hex('01')]],
      shared: sequence(12, 0, 20, whole(NEW), 1, 15, 2, 15),
      more: [
        [7, sequence(12, 0, ...match)],
        [8, sequence(12, 2, 20, parameters([3, digestOf(NEW)], [22, 0]), 22, 2, ...match)],
        [9, sequence(12, 2, 23, 2)],
        [16, sequence(12, 1, 20, parameters([3, digestOf(NEW)], [21, URI]), ...fetched)],
        [20, sequence(12, 0, 20, parameters([22, 1]), 22, 2, ...match)],
      ],
    })
    const left = leftBy(envelope, deviceOf({ payloads }))
    assert.deepEqual(left, { '02': 'the new image', '00': 'the new image', '01': 'the new image' })
  })

  test('two images', () => {
    const envelope = authored({
      components: [[hex('00')], [hex('01')]],
      shared: sequence(12, 0, 20, whole(NEW), 1, 15, 2, 15, 12, 1, 20, parameters([3, digestOf(OLD)])),
      more: [
        [7, sequence(12, 0, ...match, 12, 1, ...match)],
        [20, sequence(12, 0, 20, uri, ...fetched, 12, 1, 20, parameters([21, 'old']), ...fetched)],
      ],
    })
    const device = deviceOf({ payloads: { ...payloads, old: OLD } })
    assert.deepEqual(leftBy(envelope, device), { '00': 'the new image', '01': 'the old one' })
  })

  test('a manifest that fails at its last step leaves nothing', () => {
    const manifest = manifestOf({
      shared,
      more: [
        [7, sequence(...match, 14, 15)],
        [20, install],
      ],
    })
    const outer = takeOut(envelopeOf(manifest, [blockOf(manifest, AUTHOR)]))
    assert.ok(!isRefused(outer))
    const read = readManifest(outer, nodeCrypto)
    assert.ok(!isRefused(read))
    const ran = runManifest(read, outer.payloads, deviceOf({ payloads }), 'all', nodeCrypto)
    assert.equal(ran.refusal?.code, 'suit-aborted')
  })
})

const wrapped = (part: Uint8Array): string =>
  createHash('sha256')
    .update(Buffer.from([0x58, part.length]))
    .update(part)
    .digest('hex')
