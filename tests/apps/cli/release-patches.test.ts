import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { PATCHES_FILE, readPatches } from '../../../src/adapters/release-folder.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { intelHex, sRecords } from '../../core/delta/containers.ts'
import { drawn } from '../../core/delta/images.ts'
import { commandLine } from '../../worlds/command-line.ts'
import { digestOf, IMAGES } from '../../worlds/patched-fleet.ts'

const root = mkdtempSync(join(tmpdir(), 'voltseal-release-patches-'))
after(() => rmSync(root, { recursive: true, force: true }))
const file = (name: string, bytes: Uint8Array): string => {
  writeFileSync(join(root, name), bytes)
  return join(root, name)
}
const [OLD, NEW] = IMAGES
const old = file('old.bin', OLD)
const now = file('new.bin', NEW)
const at = (name: string): string => join(root, name)
const wrapping = at('wrapping')
before(async () => {
  assert.equal((await commandLine(['key', 'generate', wrapping, '-a', 'ecdsa-p256'])).exit, 0)
})

type Made = {
  code?: string
  patches?: object[]
  advice?: { file: string; container: string; text: string }[]
}

/** Makes a release in a folder of that name. */
async function create(name: string, image: string, ...more: string[]) {
  const facts = ['--vendor', 'voltworks.example', '--class', 'bms', '--hardware', 'r1', '--version', '1.2.0']
  const argv = ['release', 'create', '--image', image, ...facts, '--sequence', '2', '--out', at(name), ...more]
  const ran = await commandLine([...argv, '--json'])
  return { ...ran, json: JSON.parse(ran.out) as Made }
}

describe('voltseal release create --patch-from', () => {
  it('makes patches from images and from releases in the clear, and leaves out what saves nothing', async () => {
    assert.equal((await create('first', old)).exit, 0)
    const other = file('other.bin', drawn(9, 6000))
    const made = await create('plain', now, '--patch-from', at('first'), '--patch-from', other)
    assert.equal(made.exit, 0, made.err)
    const [patch] = orThrow(readPatches(at('plain')))
    const { base, memory, bytes } = patch!
    assert.equal(base, digestOf(OLD))
    assert.deepEqual(made.json.patches, [{ base, memory, bytes: bytes.length }])
    assert.match(made.err, /other.bin would not be smaller/)
    const again = at('again.bin')
    const patched = file('patch', bytes)
    assert.equal((await commandLine(['delta', 'apply', old, patched, '-o', again])).exit, 0)
    assert.deepEqual(new Uint8Array(readFileSync(again)), NEW)
    assert.deepEqual(orThrow(readPatches(at('first'))), [], 'a release without any')
  })

  it('warns of an image that is not what stands in flash, whatever it is for', async () => {
    const clean = await create('clean', now, '--patch-from', old)
    assert.doesNotMatch(clean.err, /bare bytes/)
    assert.equal('advice' in clean.json, false)
    const [hex, other] = [file('new.hex', intelHex(NEW)), file('other.s19', sRecords(NEW.subarray(0, 500)))]
    const made = await create('text', hex, '--also', `radio=${other}`, '--patch-from', file('old.hex', intelHex(OLD)))
    assert.equal(made.exit, 0, made.err)
    assert.match(made.err, /new\.hex is Intel HEX.*no controller starts what is installed.*objcopy -I ihex/)
    assert.match(made.err, /other\.s19 is Motorola S-records.*objcopy -I srec/)
    assert.match(made.err, /old\.hex is Intel HEX.*this patch fits none/)
    assert.deepEqual(
      made.json.advice?.map(({ file, container }) => [file, container]),
      [
        [hex, 'intel-hex'],
        [other, 's-record'],
      ],
    )
    assert.match(made.json.advice?.[0]?.text ?? '', /objcopy/)
  })

  it('warns of it before MCUboot’s header hides it', async () => {
    const key = at('boot')
    assert.equal((await commandLine(['key', 'generate', key, '-a', 'ecdsa-p256'])).exit, 0)
    const made = await create('boots', file('boots.hex', intelHex(NEW)), '--format', 'mcuboot', '--mcuboot-key', key)
    assert.equal(made.exit, 0, made.err)
    assert.equal(made.json.advice?.[0]?.container, 'intel-hex')
  })

  it('attack: nothing of the images of an encrypted release is in its folder, its patches neither', async () => {
    const made = await create('secret', now, '--encrypt-to', `${wrapping}.pub`, '--patch-from', old)
    assert.equal(made.exit, 0, made.err)
    const [patch] = orThrow(readPatches(at('secret')))
    assert.equal(Buffer.from(patch!.bytes.subarray(0, 4)).toString(), 'VSDE')
    for (const name of readdirSync(at('secret'))) {
      const bytes = readFileSync(join(at('secret'), name))
      assert.ok(!bytes.includes('VSDP'), name)
    }
    const from = await create('third', now, '--patch-from', at('secret'))
    assert.equal(from.json.code, 'usage-error', 'its images are not there')
  })

  it('attack: a list that is none, that is long, or names a file that is not there, is refused', () => {
    const list = join(at('plain'), PATCHES_FILE)
    const good = readFileSync(list)
    const one = JSON.parse(good.toString())[0] as object
    for (const [what, text, code] of [
      ['no JSON', 'patches', 'release-patch-refused'],
      ['two from one base', JSON.stringify([one, one]), 'release-patch-refused'],
      ['none', '[]', 'release-patch-refused'],
      ['a path', JSON.stringify([{ base: '../../x', memory: 1 }]), 'release-patch-refused'],
      ['another file', JSON.stringify([{ base: 'ab'.repeat(32), memory: 1 }]), 'file-missing'],
      ['a long one', ' '.repeat(20_000), 'file-too-large'],
    ] as const) {
      writeFileSync(list, text)
      const read = readPatches(at('plain'))
      assert.equal(isRefusal(read) ? read.code : null, code, what)
    }
    writeFileSync(list, good)
  })
})
