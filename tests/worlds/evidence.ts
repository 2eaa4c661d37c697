import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import type { World } from '../../sim/doors/world.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { loadSigner } from '../../src/adapters/signer-file.ts'
import type { JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { preAuthentication, writeDsse } from '../../src/core/trust/evidence/dsse.ts'
import { STATEMENT_PAYLOAD } from '../../src/core/trust/evidence/provenance.ts'
import { bill, component, json, sha256, statement } from '../core/trust/evidence/statements.ts'
import { configOf } from './people.ts'
import { image } from './quay.ts'
import { rest } from './started.ts'

/** A world whose fleet demands evidence, and evidence as a build would leave it. */

export const BUILDER = 'https://build.voltworks.example/firmware'
export const digestOf = (bytes: Uint8Array): string => nodeCrypto.sha256(bytes).toHex()

/** Files as a build leaves them: a bill and a signed statement about bytes. */
export function billOf(world: World, bytes: Uint8Array, change: Record<string, unknown> = {}): string {
  const file = world.at(`${digestOf(bytes).slice(0, 8)}.cdx.json`)
  const about = component('bms', { version: '0', hashes: sha256(digestOf(bytes)) })
  writeFileSync(file, json(bill({ metadata: { component: about }, ...change })))
  return file
}

export async function provenanceOf(world: World, bytes: Uint8Array, key: string, builder = BUILDER): Promise<string> {
  const payload = json(
    statement({
      subject: [{ name: 'bms.bin', digest: { sha256: digestOf(bytes) } }],
      predicate: { buildDefinition: { buildType: 'https://x.example/v1' }, runDetails: { builder: { id: builder } } },
    }),
  )
  const signer = orThrow(loadSigner(world.at('keys', key)))
  const sig = orThrow(await signer.sign(preAuthentication(STATEMENT_PAYLOAD, payload), 'der'))
  const file = world.at(`${digestOf(bytes).slice(0, 8)}-${key}.intoto.json`)
  writeFileSync(file, writeDsse({ payloadType: STATEMENT_PAYLOAD, payload, signatures: [{ keyid: null, sig }] }))
  return file
}

export async function fill(world: World): Promise<World> {
  await rest(world)
  for (const key of ['builder', 'stranger']) await world.must('key', 'generate', world.at('keys', key))
  await world.publish(await world.release('bms', '1.1.0', image(2)))
  const { kid, alg, spki } = (await world.must('key', 'show', world.at('keys', 'builder.pub'))) as JsonObject
  await setPolicy(world, {
    demand: ['sbom', 'provenance'],
    builders: [BUILDER],
    provenanceKeys: [{ kid, alg, spki }],
  })
  // One that is as the fleet wants it, for what is tried on it later.
  const [bytes, folder] = [image(9), await good(world, '1.9.0', image(9))]
  assert.equal(digestOf(bytes), digestOf(readFileSync(`${folder}/payload.bin`)))
  await world.publish(folder)
  return world
}

export const setPolicy = (world: World, publish: unknown): Promise<void> => setConfig(world, { publish })

/** Edits the config of the fleet server, and starts it anew. */
export async function setConfig(world: World, change: object): Promise<void> {
  await world.fleet?.close()
  const path = world.at('fleet', 'fleet.yaml')
  writeFileSync(path, stringify({ ...configOf(path), ...change }))
  await world.startFleet()
}

export async function good(world: World, version: string, bytes: Uint8Array): Promise<string> {
  const evidence = ['--sbom', billOf(world, bytes), '--provenance', await provenanceOf(world, bytes, 'builder')]
  return world.release('bms', version, bytes, ...evidence)
}
