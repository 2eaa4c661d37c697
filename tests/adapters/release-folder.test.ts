import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  ENVELOPE_FILE,
  PAYLOAD_FILE,
  readImage,
  readRelease,
  replaceEnvelope,
  SUMMARY_FILE,
  writeRelease,
} from '../../src/adapters/release-folder.ts'
import { LIMITS } from '../../src/core/firmware/facts.ts'
import { MAX_ENVELOPE_BYTES } from '../../src/core/firmware/suit-envelope.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import { FACTS, IMAGE, MANIFEST_BYTES, sealed, testKey } from '../core/firmware/signing.ts'

const RELEASE = { facts: FACTS, envelope: sealed(MANIFEST_BYTES, testKey(1)), payload: IMAGE, contentKeys: [] }
const codeOf = (answer: unknown): string | null => (isRefusal(answer) ? answer.code : null)

describe('release folder', () => {
  let base = ''
  before(() => {
    base = mkdtempSync(join(tmpdir(), 'voltseal-release-'))
  })
  after(() => rmSync(base, { recursive: true, force: true }))

  it('reads back what it wrote, and leaves nothing else', () => {
    const folder = join(base, 'one.release')
    assert.equal(writeRelease(folder, RELEASE), null)
    assert.deepEqual(readRelease(folder), { envelope: RELEASE.envelope, payload: IMAGE, contentKeys: [] })
    assert.deepEqual(readdirSync(folder).sort(), [ENVELOPE_FILE, PAYLOAD_FILE, SUMMARY_FILE].sort())
    assert.deepEqual(JSON.parse(readFileSync(join(folder, SUMMARY_FILE), 'utf8')), FACTS)
    assert.deepEqual(
      readdirSync(base).filter(name => name.startsWith('.')),
      [],
    )
    assert.equal(statSync(folder).mode & 0o777, 0o755)
  })

  it('never writes over a release', () => {
    const folder = join(base, 'two.release')
    assert.equal(writeRelease(folder, RELEASE), null)
    assert.equal(codeOf(writeRelease(folder, { ...RELEASE, payload: IMAGE.slice(1) })), 'release-exists')
    assert.deepEqual(readRelease(folder), { envelope: RELEASE.envelope, payload: IMAGE, contentKeys: [] })
  })

  it('replaces an envelope whole', () => {
    const folder = join(base, 'three.release')
    assert.equal(writeRelease(folder, RELEASE), null)
    const envelope = sealed(MANIFEST_BYTES, testKey(1), testKey(2))
    assert.equal(replaceEnvelope(folder, envelope), null)
    assert.deepEqual(readRelease(folder), { envelope, payload: IMAGE, contentKeys: [] })
    assert.equal(readdirSync(folder).length, 3)
    assert.equal(codeOf(replaceEnvelope(join(base, 'none.release'), envelope)), 'file-missing')
  })

  it('says why it cannot write', () => {
    assert.equal(codeOf(writeRelease(join(base, 'no', 'such', 'place.release'), RELEASE)), 'release-not-written')
  })

  it('says what is missing, too large, or no file', () => {
    assert.equal(codeOf(readRelease(join(base, 'none.release'))), 'file-missing')
    const folder = join(base, 'four.release')
    mkdirSync(folder)
    writeFileSync(join(folder, ENVELOPE_FILE), new Uint8Array(MAX_ENVELOPE_BYTES + 1))
    assert.equal(codeOf(readRelease(folder)), 'file-too-large')
    writeFileSync(join(folder, ENVELOPE_FILE), RELEASE.envelope)
    assert.equal(codeOf(readRelease(folder)), 'file-missing')
    mkdirSync(join(folder, PAYLOAD_FILE))
    assert.equal(codeOf(readRelease(folder)), 'file-unreadable')
    assert.equal(codeOf(readImage('/dev/zero')), 'file-unreadable')
  })

  it('attack: endless data in place of an image', () => {
    const path = join(base, 'sparse.bin')
    writeFileSync(path, '')
    truncateSync(path, LIMITS.imageBytes + 1)
    assert.equal(codeOf(readImage(path)), 'file-too-large')
  })
})
