import assert from 'node:assert/strict'
import { createHash, createPrivateKey, createPublicKey, sign as signWith, verify as verifyWith } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { decode, encode, Tag } from 'cbor2'
import { openForeign } from '../../../conformance/doors/suit/process.ts'
import { isRefused } from '../../../conformance/doors/suit/refusal.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { loadPublicKey } from '../../../src/adapters/signer-file.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { commandLine } from '../../worlds/command-line.ts'

/**
 * `voltseal sign` and `voltseal verify` with each algorithm, checked by CBOR and OpenSSL alone: nothing of our reader takes
 * part in the check.
 */
const KEYS = [
  { name: 'p256', algorithm: 'ecdsa-p256', label: -9, older: -7 },
  { name: 'p384', algorithm: 'ecdsa-p384', label: -51, older: -35 },
  { name: 'ed', algorithm: 'ed25519', label: -19, older: -8 },
  { name: 'pq', algorithm: 'ml-dsa-65', label: -49, older: null },
] as const

let folder = ''
const at = (name: string): string => join(folder, name)
const hash = (algorithm: string): string | null =>
  ({ 'ecdsa-p256': 'sha256', 'ecdsa-p384': 'sha384' })[algorithm] ?? null

async function voltseal(...argv: string[]): Promise<{ exit: number; value: Record<string, unknown>; err: string }> {
  const { exit, out, err } = await commandLine([...argv, '--json'])
  return { exit, value: JSON.parse(out), err }
}

async function release(name: string): Promise<string> {
  const { exit } = await voltseal(
    ...['release', 'create', '--image', at('firmware.bin'), '--vendor', 'voltworks.example', '--class', 'bms'],
    ...['--hardware', 'r1', '--version', '1.4.0', '--sequence', '12', '--out', at(name)],
  )
  assert.equal(exit, 0)
  return at(name)
}

type Wrapper = {
  digest: Uint8Array
  blocks: readonly { header: Uint8Array; signature: Uint8Array }[]
  manifest: Uint8Array
}

/** The envelope of a release taken apart by the CBOR library alone. */
function takenApart(path: string): Wrapper {
  const whole = decode(new Uint8Array(readFileSync(join(path, 'envelope.suit'))), { preferMap: true }) as Tag
  assert.equal(whole.tag, 107)
  const members = whole.contents as Map<number, Uint8Array>
  const [digest, ...blocks] = decode(members.get(2) as Uint8Array) as Uint8Array[]
  const parts = blocks.map(block => {
    const { tag, contents } = decode(block, { preferMap: true }) as Tag
    const [header, unprotected, payload, signature] = contents as [Uint8Array, Map<never, never>, null, Uint8Array]
    assert.deepEqual([tag, unprotected.size, payload], [18, 0, null])
    return { header, signature }
  })
  return { digest: digest as Uint8Array, blocks: parts, manifest: members.get(3) as Uint8Array }
}

const signedBytes = (header: Uint8Array, digest: Uint8Array): Uint8Array =>
  encode(['Signature1', header, new Uint8Array(0), digest])

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'voltseal-signatures-'))
  writeFileSync(at('firmware.bin'), new Uint8Array(3000).fill(7))
  for (const { name, algorithm } of KEYS) {
    assert.equal((await voltseal('key', 'generate', at(name), '--algorithm', algorithm)).exit, 0)
  }
})
after(() => rmSync(folder, { recursive: true, force: true }))

const keys: string[] = []
before(() => keys.push(...KEYS.flatMap(({ name }) => ['--key', at(`${name}.pub`)])))

describe('several signers with different algorithms', () => {
  test('each signs the same release; OpenSSL says that each signature holds', async () => {
    const path = await release('all.release')
    for (const [index, { name, algorithm, label }] of KEYS.entries()) {
      const { exit, value } = await voltseal('sign', path, '--key', at(name))
      assert.equal(exit, 0)
      const { digest, blocks, manifest } = takenApart(path)
      const [alg, measured] = decode(digest) as [number, Uint8Array]
      const head = Buffer.from([0x59, manifest.length >> 8, manifest.length & 0xff])
      assert.deepEqual(Buffer.from(measured), createHash('sha256').update(head).update(manifest).digest())
      assert.deepEqual([alg, blocks.length], [-16, index + 1])
      const { header, signature } = blocks[index] as Wrapper['blocks'][number]
      const fields = decode(header, { preferMap: true }) as Map<number, unknown>
      assert.deepEqual([...fields.keys()], [1, 4])
      assert.equal(fields.get(1), label)
      assert.equal(Buffer.from(fields.get(4) as Uint8Array).toString('hex'), value.kid)
      const key = { key: createPublicKey(readFileSync(at(`${name}.pub`))), dsaEncoding: 'ieee-p1363' } as const
      assert.ok(verifyWith(hash(algorithm), signedBytes(header, digest), key, signature), algorithm)
      const verified = await voltseal('verify', path, ...keys, '--threshold', String(index + 1))
      assert.equal(verified.exit, 0)
      assert.equal((verified.value.signers as string[]).length, index + 1)
      if (index < 3) assert.equal((await voltseal('verify', path, ...keys, '--threshold', String(index + 2))).exit, 20)
    }
    // The processor for envelopes of others takes it as well: what is written is SUIT, and not only ours.
    const pens = KEYS.map(({ name }) => ({ name, key: orThrow(loadPublicKey(at(`${name}.pub`))) }))
    const opened = openForeign(new Uint8Array(readFileSync(join(path, 'envelope.suit'))), pens, 4, nodeCrypto)
    assert.ok(!isRefused(opened), JSON.stringify(opened))
    assert.deepEqual(
      opened.signers,
      KEYS.map(({ name }) => name),
    )
  })

  test('signatures that another tool made, under the older names of the algorithms', async () => {
    for (const { name, algorithm, older } of KEYS) {
      if (older === null) continue
      const path = await release(`${name}.release`)
      assert.equal((await voltseal('sign', path, '--key', at(name))).exit, 0)
      const { digest, blocks, manifest } = takenApart(path)
      const kid = (decode(blocks[0]?.header as Uint8Array, { preferMap: true }) as Map<number, Uint8Array>).get(4)
      const header = encode(
        new Map<number, unknown>([
          [1, older],
          [4, kid],
        ]),
        { cde: true },
      )
      const key = { key: createPrivateKey(readFileSync(at(name))), dsaEncoding: 'ieee-p1363' } as const
      const signature = signWith(hash(algorithm), signedBytes(header, digest), key)
      const block = encode(new Tag(18, [header, new Map(), null, new Uint8Array(signature)]), { cde: true })
      const wrapper = encode([digest, block], { cde: true })
      const members = new Map<number, Uint8Array>([
        [2, wrapper],
        [3, manifest],
      ])
      writeFileSync(join(path, 'envelope.suit'), encode(new Tag(107, members), { cde: true }))
      const { exit, value } = await voltseal('verify', path, '--key', at(`${name}.pub`))
      assert.equal(exit, 0, JSON.stringify(value))
    }
  })
})
