import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { PATCHES_FILE, readPatches } from '../../../src/adapters/release-folder.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
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

/** Makes a release in a folder of that name. */
async function create(name: string, image: string, ...more: string[]) {
  const facts = ['--vendor', 'voltworks.example', '--class', 'bms', '--hardware', 'r1', '--version', '1.2.0']
  const argv = ['release', 'create', '--image', image, ...facts, '--sequence', '2', '--out', at(name), ...more]
  const ran = await commandLine([...argv, '--json'])
  return { ...ran, json: JSON.parse(ran.out) as { code?: string; patches?: object[] } }
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
