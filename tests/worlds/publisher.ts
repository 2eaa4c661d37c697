import type { World } from '../../sim/doors/world.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { loadSigner } from '../../src/adapters/signer-file.ts'
import { toBase64 } from '../../src/core/encoding/bytes.ts'
import type { JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { type Instant, instant } from '../../src/core/encoding/units.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { Target, Targets } from '../../src/core/trust/metadata.ts'
import { readMetadata, signableBytes } from '../../src/core/trust/read-metadata.ts'
import { seal, signatureBy, withTargets } from '../../src/core/trust/repository.ts'
import { call, fleetUrl, tls } from './people.ts'

/** What a hostile or faulty publisher posts: the next targets, changed, signed by a key. */
export type Post = {
  readonly targets?: (before: Targets) => { readonly add?: readonly Target[]; readonly remove?: readonly string[] }
  readonly version?: number
  readonly expires?: Instant
  readonly change?: (signed: JsonObject) => JsonObject
  readonly key?: string
}

const HOUR = 3_600_000
export const soon = (millis: number): Instant => instant(Math.ceil((Date.now() + millis) / 1000) * 1000)

/** The image targets that the server has now. */
export async function currentTargets(world: World): Promise<Targets> {
  const get = async (path: string) =>
    orThrow(await call(fleetUrl(world), tls.administrator(world), 'GET', `/v1/repos/image/${path}`)).body
  return orThrow(readMetadata('targets', await get('targets.json'), 'current')).signed
}

/** Posts the next image targets, whatever they say: what the own tools refuse to write is written by hand. */
export async function postTargets(world: World, { targets, version, expires, change, key = 'release' }: Post) {
  const before = await currentTargets(world)
  const changes = targets?.(before) ?? {}
  const next = version ?? before.version + 1
  const base = orThrow(withTargets(before, { ...changes, add: [] }, next, expires ?? soon(HOUR)))
  const added = Object.fromEntries(
    (changes.add ?? []).map(({ path, length, sha256, custom }) => {
      return [path, { length, hashes: { sha256 }, ...(custom === null ? {} : { custom }) }]
    }),
  )
  const written = { ...base, targets: { ...(base.targets as JsonObject), ...added } } as JsonObject
  const signed = change?.(written) ?? written
  const signer = orThrow(loadSigner(world.at('keys', key)))
  const signature = orThrow(await signer.sign(signableBytes(signed), 'der'))
  const metadata = toBase64(seal(signed, [signatureBy(signer.key, signature, nodeCrypto)]))
  return call(fleetUrl(world), tls.administrator(world), 'POST', '/v1/releases', { metadata })
}

/** Uploads bytes; answers what a target says of them. */
export async function upload(world: World, bytes: Uint8Array): Promise<{ sha256: string; length: number }> {
  const sha256 = nodeCrypto.sha256(bytes).toHex()
  orThrow(await call(fleetUrl(world), tls.administrator(world), 'PUT', `/v1/blobs/${sha256}`, bytes))
  return { sha256, length: bytes.length }
}
