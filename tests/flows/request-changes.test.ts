import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { generateKeyFile } from '../../src/adapters/signer-file.ts'
import type { JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { BIN_ROLE } from '../../src/core/trust/bin-role.ts'
import type { Target } from '../../src/core/trust/metadata.ts'
import { readMetadata } from '../../src/core/trust/read-metadata.ts'
import { type RoleSpec, withTargets, writeRoot, writeTargets } from '../../src/core/trust/repository.ts'
import { type SigningRequest, writeRequest } from '../../src/core/trust/signing-request.ts'
import type { Signer } from '../../src/flows/ports.ts'
import { changesAsked, openRequest, requestMetadata } from '../../src/flows/request.ts'
import { sealedBy } from '../worlds/quiet-fleet.ts'

const codeOf = (value: unknown): string => (isRefusal(value) ? value.code : 'no refusal')
const ports = { crypto }

let folder = ''
const keys = new Map<string, Signer>()
const signer = (name: string): Signer => keys.get(name) as Signer
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'voltseal-request-'))
  keys.set('ecdsa-p384', orThrow(generateKeyFile(join(folder, 'own'), 'ecdsa-p384')))
  keys.set('other', orThrow(generateKeyFile(join(folder, 'other'), 'ecdsa-p256')))
})
after(() => rmSync(folder, { recursive: true, force: true }))

/** A request through a file, as it travels. */
const opened = (request: SigningRequest) => openRequest(writeRequest(request, crypto), 'request', ports)
const sealed = (signed: JsonObject, by: Signer) => sealedBy(signed, [by])
const targetsOf = (file: Uint8Array) => orThrow(readMetadata('targets', file, 'targets')).signed

const expires = instant(Date.UTC(2031, 0, 1))
const target = (path: string): Target => ({ path, length: 3, sha256: 'ab'.repeat(32), custom: { class: 'bms' } })
const first = writeTargets({ version: 7, expires }, [target('bms/1.3.0/envelope.suit')])

async function asked() {
  const by = signer('ecdsa-p384')
  const file = await sealed(first, by)
  const next = orThrow(withTargets(targetsOf(file), { add: [target('bms/1.4.0/envelope.suit')] }, 8, expires))
  const request = orThrow(requestMetadata([{ name: 'targets', signed: next, before: file }], by.key, ports))
  return { by, next, request }
}

describe('what a request for metadata changes', () => {
  const rootOf = async (by: Signer) => {
    const role: RoleSpec = { keys: [by.key], threshold: 1 }
    const roles = { root: role, timestamp: role, snapshot: role, targets: role }
    const written = orThrow(writeRoot({ version: 1, expires }, roles, crypto))
    return orThrow(readMetadata('root', await sealed(written, by), 'root'))
  }

  test('all of it, while nobody vouches for what was before', async () => {
    const { request } = await asked()
    const [seen] = orThrow(changesAsked(orThrow(opened(request)), null, 'request', ports))
    assert.ok(seen !== undefined)
    assert.equal(seen.compared, false)
    const said = seen.changes.map(({ what }) => what)
    for (const what of ['target bms/1.3.0/envelope.suit', 'target bms/1.4.0/envelope.suit', 'version']) {
      assert.ok(said.includes(what), what)
    }
  })

  test('only what changes, when a trusted root vouches for what was before', async () => {
    const { by, request } = await asked()
    const [seen] = orThrow(changesAsked(orThrow(opened(request)), await rootOf(by), 'request', ports))
    assert.ok(seen !== undefined)
    assert.equal(seen.compared, true)
    assert.deepEqual(seen.changes.map(({ what }) => what).toSorted(), ['target bms/1.4.0/envelope.suit', 'version'])
  })

  test('attack: what this program has no word for, and the note of a ceremony, are shown too', async () => {
    const { by, next } = await asked()
    const strange = { ...next, 'x-mirror': 'evil.example', 'x-voltseal-ceremony': { name: 'quiet' } }
    const request = orThrow(requestMetadata([{ name: 'targets', signed: strange, before: null }], by.key, ports))
    const [seen] = orThrow(changesAsked(orThrow(opened(request)), null, 'request', ports))
    const unknown = seen?.changes.filter(({ known }) => !known).map(({ what, after }) => `${what}: ${after}`)
    assert.deepEqual(unknown, ['member x-mirror: evil.example', 'member x-voltseal-ceremony: {"name":"quiet"}'])
  })

  test('attack: an earlier file that is genuine, but older than the one before', async () => {
    const by = signer('ecdsa-p384')
    const path = 'bms/1.3.0/envelope.suit'
    const next = orThrow(withTargets(targetsOf(await sealed(first, by)), { remove: [path] }, 8, expires))
    // Version 8 withdrew it. Beside version 7, version 9 would seem to change nothing.
    const back = orThrow(withTargets(targetsOf(await sealed(next, by)), { add: [target(path)] }, 9, expires))
    const root = await rootOf(by)
    for (const [before, code] of [
      [first, 'signing-request-altered'],
      [{ ...next, version: 9 }, 'signing-request-altered'],
      [next, 'no refusal'],
    ] as const) {
      const documents = [{ name: 'targets', signed: back, before: await sealed(before, by) }]
      const there = orThrow(opened(orThrow(requestMetadata(documents, by.key, ports))))
      assert.equal(codeOf(changesAsked(there, root, 'request', ports)), code, `version ${before.version}`)
    }
  })

  test('attack: an earlier root that is genuine, but older than the one before', async () => {
    const by = signer('ecdsa-p384')
    const root = await rootOf(by)
    const raw = (version: number) => ({ ...root.signed.raw, version })
    for (const [version, code] of [
      [1, 'signing-request-altered'],
      [2, 'no refusal'],
    ] as const) {
      const documents = [{ name: 'root', signed: raw(3), before: await sealed(raw(version), by) }]
      const there = orThrow(opened(orThrow(requestMetadata(documents, by.key, ports))))
      assert.equal(codeOf(changesAsked(there, root, 'request', ports)), code)
    }
  })

  test('attack: the earlier file of another bin, or of the targets, so that a target goes unseen', async () => {
    const { by, next } = await asked()
    const bin = (name: string, version: number) => ({ ...first, version, [BIN_ROLE]: name })
    const root = await rootOf(by)
    const rows: [name: string, signed: JsonObject, before: JsonObject, code: string][] = [
      ['bin-00', bin('bin-00', 8), bin('bin-00', 7), 'no refusal'],
      ['bin-00', bin('bin-00', 8), bin('bin-01', 7), 'signing-request-altered'],
      ['bin-00', bin('bin-00', 8), first, 'signing-request-altered'],
      ['targets', next, bin('bin-00', 7), 'signing-request-altered'],
      ['bin-01', bin('bin-00', 8), bin('bin-00', 7), 'signing-request-altered'],
    ]
    for (const [name, signed, before, code] of rows) {
      const documents = [{ name, signed, before: await sealed(before, by) }]
      const there = orThrow(opened(orThrow(requestMetadata(documents, by.key, ports))))
      assert.equal(codeOf(changesAsked(there, root, 'request', ports)), code, name)
    }
  })

  test('attack: an earlier file that was made up, so that a change looks as if it had always been there', async () => {
    const { by, next } = await asked()
    const forged = await sealed({ ...next, version: 7 }, signer('other'))
    const request = orThrow(requestMetadata([{ name: 'targets', signed: next, before: forged }], by.key, ports))
    const there = orThrow(opened(request))
    assert.equal(codeOf(changesAsked(there, await rootOf(by), 'request', ports)), 'signing-request-altered')
    const [unverified] = orThrow(changesAsked(there, null, 'request', ports))
    assert.ok(unverified?.changes.some(({ what }) => what === 'target bms/1.4.0/envelope.suit'))
  })
})
