import { canonicalJson, JsonFault } from '../encoding/canonical-json.ts'
import { list, Misfit, object, then, whole } from '../encoding/shape.ts'
import { readJson } from '../encoding/strict-json.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { digest, MAX_PATCHES, type PatchRef } from './image-target.ts'

/** The patches of a release that lies in a folder, as a list: of an encrypted one nobody can tell from the bytes what they are from. */

export type ListedPatch = Pick<PatchRef, 'base' | 'memory'>

export const MAX_PATCH_LIST_BYTES = 16 * 1024

const one = object({ base: digest, memory: whole(1, 0xffffffff) })
const patches = then(list(one, 1, MAX_PATCHES), (read, at) => {
  const bases = new Set(read.map(({ base }) => base))
  return bases.size === read.length ? read : new Misfit(at, 'one patch from each base', 'two')
})

export const writePatchList = (listed: readonly ListedPatch[]): Uint8Array =>
  canonicalJson(listed.map(({ base, memory }) => ({ base, memory })))

/** Refuses `release-patch-refused`. */
export function readPatchList(bytes: Uint8Array, subject: string): readonly ListedPatch[] | Refusal {
  const json = readJson(bytes, MAX_PATCH_LIST_BYTES)
  const read = json instanceof JsonFault ? new Misfit('the list', 'JSON', json.message) : patches(json, 'patches')
  if (!(read instanceof Misfit)) return read
  return refuse('release-patch-refused', subject, read.expected, `${read.actual} at ${read.at}`)
}
