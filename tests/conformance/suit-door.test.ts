import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { encode } from 'cbor2'
import { type Ran, suitDoor } from '../../conformance/doors/suit/command-line.ts'
import { openDevice } from '../../conformance/doors/suit/device-folder.ts'
import { isRefused } from '../../conformance/doors/suit/refusal.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { type Cbor, encodeCbor } from '../../src/core/encoding/cbor.ts'
import { wrappedSha256 } from '../../src/core/firmware/suit-author.ts'
import { blockOf, digestOf, envelopeOf, hex, manifestOf, parameters, pem, sequence, signer } from './suit-authoring.ts'
import { IDENTIFIED, NEW, OLD } from './suit-device.ts'
import { CLASS, EXAMPLE_KEY, EXAMPLES, type Example, published, VENDOR, WHOLE_EXAMPLES } from './suit-examples.ts'

/** The door as an outside suite drives it: files, arguments, exit codes. */
const DOOR = join(import.meta.dirname, '../../conformance/suit')

const folder = mkdtempSync(join(tmpdir(), 'voltseal-suit-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** The door in this process: what a process of its own does is tested at the end. */
const suit = (...argv: readonly string[]): Ran => suitDoor(argv)

// biome-ignore lint/suspicious/noExplicitAny: the document is read as an outsider reads it, without our types.
function json(...argv: readonly string[]): { exit: number; value: any; err: string } {
  const { exit, out, err } = suit(...argv, '--json')
  return { exit, value: JSON.parse(out), err }
}

let count = 0
function file(content: Uint8Array | string): string {
  count += 1
  const path = join(folder, `f${count}`)
  writeFileSync(path, content)
  return path
}

const example = (start: string): Example =>
  [...EXAMPLES, ...WHOLE_EXAMPLES].find(({ name }) => name.startsWith(start)) as Example
const fileOf = (start: string): string => file(published(example(start), example(start).signatures[0] as never))
const DRAFTS = file(EXAMPLE_KEY)
const AUTHOR = signer('ecdsa-p256', -9)
const AUTHOR_KEY = pem(AUTHOR.key)
const OTHER = file(pem(signer('ecdsa-p256', -9).key))

const authored = (
  more: readonly (readonly [number, Cbor])[],
  beside: readonly (readonly [number | string, Cbor])[] = [],
) => {
  const manifest = manifestOf({ number: 6, shared: sequence(...IDENTIFIED), more })
  return file(envelopeOf(manifest, [blockOf(manifest, AUTHOR)], beside))
}

/** The folder of a device with the author's key. */
function device(stated: object = {}, images: Readonly<Record<string, Uint8Array>> = {}): string {
  count += 1
  const path = join(folder, `device${count}`)
  mkdirSync(join(path, 'keys'), { recursive: true })
  writeFileSync(join(path, 'keys', 'author.pem'), AUTHOR_KEY)
  const own = { vendor: [VENDOR], class: [CLASS], sequence: 5, components: { '00': {} }, ...stated }
  writeFileSync(join(path, 'device.json'), JSON.stringify(own))
  for (const [name, image] of Object.entries(images)) writeFileSync(join(path, name), image)
  return path
}

const contents = (path: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(path, { withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(({ name }) => [name, readFileSync(join(path, name), 'utf8')]),
  )

describe('suit verify', () => {
  test('0 for each of the drafts’ examples under their key, 1 with the reason under another', async () => {
    const [first] = EXAMPLES
    for (const { name } of [first as Example, WHOLE_EXAMPLES[1] as Example]) {
      const { exit, value } = json('verify', fileOf(name), '--key', DRAFTS)
      assert.equal(exit, 0)
      assert.equal(value.verified, true)
      assert.equal(value.digest, example(name).digest)
    }
    const refused = json('verify', fileOf('B.1'), '--key', OTHER)
    assert.equal(refused.exit, 1)
    assert.equal(refused.value.refusal.code, 'envelope-signature-invalid')
    assert.match(refused.err, /^Refused: envelope-signature-invalid: /)
    const plain = suit('verify', fileOf('B.1'), '--key', OTHER, '--key', DRAFTS)
    assert.equal(plain.exit, 0)
    assert.match(plain.out, /^verified: true\n/)
    const two = suit('verify', fileOf('B.1'), '--key', OTHER, '--key', DRAFTS, '--threshold', '2')
    assert.equal(two.exit, 1)
    assert.match(two.err, /^Refused: envelope-below-threshold/)
  })

  test('1 with a reason for everything that is missing or is something else', async () => {
    const rows: readonly (readonly [readonly string[], RegExp])[] = [
      [['verify', fileOf('B.1')], /--key is missing/],
      [['verify', join(folder, 'nothing'), '--key', DRAFTS], /file-missing/],
      [['verify', fileOf('B.1'), '--key', file('no key')], /key-malformed/],
      [['verify', file(new Uint8Array(2 << 20)), '--key', DRAFTS], /envelope-too-large/],
      [['verify', file('hello'), '--key', DRAFTS], /envelope-malformed/],
      [['verify', fileOf('B.1'), '--key', DRAFTS, '--threshold', '0'], /--threshold/],
      [['constructor', fileOf('B.1')], /suit verify FILE/],
    ]
    for (const [argv, reason] of rows) {
      const { exit, out, err } = suit(...argv)
      assert.equal(exit, 1, argv.join(' '))
      assert.equal(out, '')
      assert.match(err, reason)
    }
  })
})

describe('suit show', () => {
  test('all of an envelope by name', async () => {
    const { exit, value } = json('show', fileOf('B.4'))
    assert.equal(exit, 0)
    assert.equal(value.verified, false, 'nothing was verified, and it says so')
    assert.deepEqual(value.digest, { algorithm: 'sha-256', value: example('B.4').digest, holds: true })
    assert.deepEqual(value.components, ['00'])
    assert.deepEqual(Object.keys(value.sequences), ['shared', 'install', 'validate'])
    const [ways, fetch, match] = value.sequences.install
    assert.deepEqual([ways.command, fetch.command, match.command], ['try-each', 'fetch', 'image-match'])
    assert.equal(ways.ways[1][2].parameters.uri, 'http://example.com/file2.bin')
    const plain = suit('show', fileOf('B.3'))
    assert.match(plain.out, /text:\n {2}severed: 302196d4/)
    assert.match(plain.out, /- command: fetch, directive: true, policy: 2\n/)
  })

  test('unknown numbers as numbers, texts by language, nothing that a terminal would act on', async () => {
    const text = encode(
      new Map([
        [
          'en',
          new Map<unknown, unknown>([
            [1, 'a\u001b[2J\nb\u202e'],
            [[hex('00')], new Map([[3, 'example.org']])],
          ]),
        ],
      ]),
      { cde: true },
    )
    const manifest = manifestOf({
      shared: sequence(20, parameters([-300, 7], [99, hex('00')]), 77, 'x', -257, [1]),
      more: [
        [23, [-16, wrappedSha256(text, nodeCrypto)]],
        [30, 1],
      ],
    })
    const strange = encodeCbor(new Map<number, Cbor>([[1, -65_000]]))
    const blocks = [blockOf(manifest, AUTHOR), blockOf(manifest, AUTHOR, strange)]
    const path = file(
      envelopeOf(manifest, blocks, [
        [9, hex('00')],
        [23, text],
        ['#fw', NEW],
      ]),
    )
    const { exit, value } = json('show', path)
    assert.equal(exit, 0)
    assert.deepEqual(value.unknown, ['envelope 9', '30'])
    const [set, first, second] = value.sequences.shared
    assert.deepEqual(set.parameters, { 99: '00', '-300': 7 })
    assert.deepEqual(first, { command: 77, unknown: true, argument: 'x' })
    assert.deepEqual(second, { command: -257, unknown: true, argument: [1] })
    assert.equal(value.signatures[1].unreadable, 'signature-algorithm-unknown')
    assert.equal(value.text.en['00']['vendor-domain'], 'example.org')
    assert.ok(value.text.en.manifest['manifest-description'].startsWith('a'))
    assert.deepEqual(value.payloads, [{ uri: '#fw', bytes: NEW.length, sha256: nodeCrypto.sha256(NEW).toHex() }])
    const plain = suit('show', path)
    assert.match(plain.out, /a\\u\{1b\}\[2J\\u\{a\}b\\u\{202e\}/)
    assert.ok(!plain.out.includes('\u001b') && !plain.out.includes('\u202e'))
  })
})

describe('suit process', () => {
  const fetch = (uri: string): Cbor =>
    sequence(20, parameters([3, digestOf(NEW)], [14, NEW.length], [21, uri]), 21, 2, 3, 15)
  const URI = 'http://example.com/a b/file.bin?x=1'

  test('writes what the manifest brings, keeps its number, and refuses the older one after it', async () => {
    const own = device({ components: { '00': { slot: 1 } } }, { '00.1.bin': OLD })
    const payloads = join(folder, 'payloads')
    mkdirSync(payloads)
    writeFileSync(join(payloads, 'http%3A%2F%2Fexample.com%2Fa%20b%2Ffile.bin%3Fx%3D1'), NEW)
    const envelope = authored([
      [20, fetch(URI)],
      [9, sequence(20, parameters([3, digestOf(NEW)]), 3, 15, 23, 2)],
    ])
    const { exit, value } = json('process', envelope, '--slots', own, '--payloads', payloads)
    assert.equal(exit, 0, JSON.stringify(value))
    assert.deepEqual(value.written, ['00'])
    assert.deepEqual(value.signers, ['author.pem'])
    assert.deepEqual(value.started, [{ component: '00', arguments: '' }])
    assert.equal(contents(own)['00.1.bin'], 'the new image')
    assert.equal(JSON.parse(contents(own)['device.json'] as string).sequence, 6)
    // Again: the same number is taken, and comes to the same end; what a power failure left half done is done again.
    assert.equal(suit('process', envelope, '--slots', own, '--payloads', payloads).exit, 0)
    writeFileSync(
      join(own, 'device.json'),
      JSON.stringify({ ...JSON.parse(contents(own)['device.json'] as string), sequence: 7 }),
    )
    const older = json('process', envelope, '--slots', own, '--payloads', payloads)
    assert.equal(older.value.refusal.code, 'suit-sequence-old')
    assert.equal(suit('process', envelope, '--slots', own, '--procedure', 'often').exit, 1)
  })

  test('a published envelope, under the key that is given', async () => {
    const home = '544545502d446576696365-5365637572654653-8d82573a926d4754935332dc29997f74'
    const own = device({
      vendor: ['c0ddd5f1-5243-5660-87db-4f5b0aa26c2f'],
      class: ['db42f709-3d8c-55ba-a8c5-265fc5820f4e'],
      sequence: 0,
      components: { [`${home}-7461`]: {}, [`${home}-73756974`]: {} },
    })
    const envelope = fileOf('T.2')
    assert.equal(suit('process', envelope, '--slots', own).exit, 1, 'the device has another key')
    assert.equal(suit('process', envelope, '--slots', own, '--key', DRAFTS).exit, 0)
    assert.equal(contents(own)[`${home}-7461.bin`], 'Hello, Secure World!')
    assert.deepEqual(readFileSync(join(own, `${home}-73756974.bin`)), readFileSync(envelope))
    const gone = suit('process', envelope, '--slots', own, '--key', DRAFTS, '--procedure', 'uninstall')
    assert.equal(gone.exit, 0, gone.err)
    assert.ok(!existsSync(join(own, `${home}-7461.bin`)))
  })

  test('a refusal at the last step leaves the folder as it was', async () => {
    const own = device({}, { '00.bin': OLD })
    const before = contents(own)
    const envelope = authored(
      [
        [20, fetch('#fw')],
        [7, sequence(14, 15)],
      ],
      [['#fw', NEW]],
    )
    const { exit, value } = json('process', envelope, '--slots', own)
    assert.equal(exit, 1)
    assert.equal(value.refusal.code, 'suit-aborted')
    assert.deepEqual(value.written, [])
    assert.deepEqual(contents(own), before)
  })

  test('a write that fails in the middle: the images are whole, the number is the old one, and the next run ends it', async () => {
    const own = device({ components: { '00': {}, '01': {} } }, { '00.bin': OLD })
    // A folder where the second image should be: it cannot be written, as when the disk fails or the power does.
    mkdirSync(join(own, '01.bin'))
    const manifest = manifestOf({
      number: 6,
      components: [[hex('00')], [hex('01')]],
      shared: sequence(12, true, ...IDENTIFIED),
      more: [[20, sequence(12, true, 20, parameters([18, NEW]), 18, 15)]],
    })
    const envelope = file(envelopeOf(manifest, [blockOf(manifest, AUTHOR)]))
    const broken = suit('process', envelope, '--slots', own)
    assert.equal(broken.exit, 1)
    assert.match(broken.err, /EISDIR|ENOTEMPTY|EEXIST/)
    assert.equal(contents(own)['00.bin'], 'the new image')
    assert.equal(JSON.parse(contents(own)['device.json'] as string).sequence, 5)
    rmSync(join(own, '01.bin'), { recursive: true })
    assert.equal(suit('process', envelope, '--slots', own).exit, 0)
    assert.deepEqual(
      [contents(own)['01.bin'], JSON.parse(contents(own)['device.json'] as string).sequence],
      ['the new image', 6],
    )
  })

  test('attack: payload URI that climbs out of its folder', async () => {
    const payloads = join(folder, 'inner')
    mkdirSync(payloads)
    writeFileSync(join(folder, 'secret.bin'), NEW)
    const own = openDevice(device(), payloads)
    assert.ok(!isRefused(own))
    for (const uri of ['../secret.bin', '..', '.', `${folder}/secret.bin`, '..%2Fsecret.bin', 'a\u0000b', '']) {
      assert.equal(own.device.payload(uri), null, uri)
    }
    const { value } = json(
      'process',
      authored([[20, fetch('../secret.bin')]]),
      '--slots',
      device(),
      '--payloads',
      payloads,
    )
    assert.equal(value.refusal.code, 'suit-payload-missing')
  })

  test('device.json that describes no device', async () => {
    const rows: readonly (object | string)[] = [
      'nothing',
      { components: { '../00': {} } },
      { components: { '00': { slot: -1 } } },
      { components: { '00': {} }, vendor: ['arm.com'] },
      { components: { '00': {} }, sequnce: 1 },
      {},
    ]
    for (const stated of rows) {
      const own = device()
      writeFileSync(join(own, 'device.json'), typeof stated === 'string' ? stated : JSON.stringify(stated))
      const opened = openDevice(own, null)
      assert.ok(isRefused(opened), JSON.stringify(stated))
      assert.equal(opened.code, 'suit-device-invalid')
    }
    assert.match(suit('process', authored([]), '--slots', join(folder, 'nowhere')).err, /suit-device-invalid/)
    assert.match(suit('process', authored([])).err, /--slots is missing/)
  })
})

describe('a process of its own', () => {
  const spawned = (program: string, ...argv: readonly string[]): Promise<Ran & { exit: number | null }> => {
    const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder })
    const said = { out: '', err: '' }
    child.stdout.on('data', part => {
      said.out += part
    })
    child.stderr.on('data', part => {
      said.err += part
    })
    return new Promise(resolve => child.once('close', exit => resolve({ exit: exit as 0 | 1, ...said })))
  }

  test('the door as an outside suite starts it, also by a link from anywhere', async () => {
    const link = join(folder, 'suit-link')
    symlinkSync(DOOR, link)
    for (const argv of [
      ['verify', fileOf('B.1'), '--key', DRAFTS],
      ['verify', fileOf('B.1'), '--key', OTHER, '--json'],
    ]) {
      assert.deepEqual(await spawned(link, ...argv), suitDoor(argv))
    }
  })
})
