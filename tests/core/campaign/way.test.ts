import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { type Taker, wayFor } from '../../../src/core/campaign/way.ts'
import { FROM_NOTHING } from '../../../src/core/fleet/patch-rows.ts'
import type { FileRef, ImageTarget } from '../../../src/core/trust/image-target.ts'
import type { Assignment } from '../../../src/core/trust/mapping.ts'

const OLD = 'aa'.repeat(32)
const OTHER = 'bb'.repeat(32)
const payload: FileRef = { path: 'bms/2/payload.bin', length: 10_000, sha256: 'cc'.repeat(32) }
const release: ImageTarget = { class: 'bms', hardware: ['a'], version: '2.0.0', sequence: 2, counter: 0, payload }
const patch = (name: string, length: number, base = OLD, memory = 1000) => {
  return { path: `bms/2/${name}.vsdp`, base, memory, length, sha256: name.repeat(32) }
}
const wayOf = (
  patches: ImageTarget['patches'],
  ordered: Assignment['patch'],
  taker: Partial<Taker> = {},
  more: Partial<ImageTarget> = {},
) => {
  const of = {
    release: { ...release, ...(patches && { patches }), ...more },
    payload,
    ...(ordered && { patch: ordered }),
  }
  const way = wayFor(of, { running: OLD, memory: 1000, isOut: () => false, ...taker })
  return way.at === 'patch' ? way.patch.sha256.slice(0, 2) : way.at
}

describe('how an image comes to a controller', () => {
  it('by the smallest patch that fits what it runs, and the memory that it has', () => {
    const made = [patch('01', 900), patch('02', 700), patch('03', 800, OTHER), patch('04', 600, OLD, 1001)]
    assert.equal(wayOf(made, undefined), '02')
    assert.equal(wayOf(made, patch('05', 650)), '05')
    assert.equal(wayOf(made, patch('05', 750)), '02')
    assert.equal(wayOf(made, undefined, { running: OTHER }), '03')
    assert.equal(wayOf(made, undefined, { memory: 1001 }), '04')
    assert.equal(wayOf(made, undefined, { isOut: sha256 => sha256.startsWith('02') }), '01')
  })

  it('by a patch from nothing, whatever it runs, when that is the smallest', () => {
    assert.equal(nodeCrypto.sha256(new Uint8Array(0)).toHex(), FROM_NOTHING)
    assert.equal(wayOf([patch('01', 900), patch('02', 5000, FROM_NOTHING)], undefined, { running: '' }), '02')
    assert.equal(wayOf([patch('01', 900), patch('02', 5000, FROM_NOTHING)], undefined), '01')
  })

  it('whole: for who applies no patch, where none fits, and where a patch is no smaller', () => {
    assert.equal(wayOf([patch('01', 900)], undefined, { memory: null }), 'full')
    assert.equal(wayOf([patch('01', 900, OTHER)], undefined), 'full')
    assert.equal(wayOf([patch('01', 10_000)], undefined), 'full')
    assert.equal(wayOf(undefined, undefined), 'full')
  })

  it('waits for one that is being made for what it runs, unless there is another', () => {
    const coming = { base: OLD, coming: true } as const
    assert.equal(wayOf(undefined, coming), 'coming')
    assert.equal(wayOf([patch('01', 900)], coming), '01')
    assert.equal(wayOf(undefined, { ...coming, base: OTHER }), 'full')
    assert.equal(wayOf(undefined, coming, { memory: null }), 'full')
  })

  it('attack: a director’s patch is no way to an encrypted release', () => {
    const encrypted = { encrypted: { image: OTHER, contentKeys: ['AAAA'] } }
    assert.equal(wayOf(undefined, patch('01', 900), {}, encrypted), 'full')
    assert.equal(wayOf(undefined, { base: OLD, coming: true }, {}, encrypted), 'full')
    assert.equal(wayOf([patch('02', 900)], patch('01', 100), {}, encrypted), '02')
  })
})
