import { setImmediate } from 'node:timers/promises'
import type { ReleaseFacts } from '../../core/firmware/release-facts.ts'
import { FROM_NOTHING } from '../../core/fleet/patch-rows.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { PatchRef } from '../../core/trust/image-target.ts'
import type { Installation } from '../../flows/install.ts'
import { refuseMemory, subjectOf } from '../../flows/patch.ts'
import type { Device } from './device.ts'
import type { Receiver } from './link/download.ts'

/**
 * A patch that a person on the spot brings (decision 53): nobody has signed it. What it makes is judged by the release's envelope, as a
 * payload on a stick is; what it is made from is held against flash. `target`: what it says that it makes, where that can be read.
 */
export type SpotPatch = { readonly patch: PatchRef; readonly target?: string }

/** Where the bytes of a patch are asked for: null when whoever has them is gone. `alive`: what is done takes long, and goes on. */
export type PatchSource = {
  piece(at: number, length: number): Promise<Uint8Array | null>
  alive(): void
}

/** What an image is made on: an agent's device, or whatever applies patches as that does. */
type Applies = Pick<Device, 'generation' | 'patchMemory'> & {
  beginPatch(installation: Installation, patch: PatchRef, memory: number): Required<Receiver> | Refusal
}

/** Bytes of a patch that are asked for at a time. */
const PIECE = 16 * 1024

/**
 * Why a patch is of no use here, as far as that can be told before the slot is touched, which may hold the way back. Refuses
 * `patch-memory-refused`, `patch-base-differs`.
 */
export function refuseHere(device: Device, { patch }: SpotPatch): Refusal | null {
  const memory = device.patchMemory
  if (memory === null) return refuse('patch-memory-refused', subjectOf(patch), 'patches in agent.yaml', 'off')
  const tooMuch = refuseMemory(patch, memory)
  if (tooMuch !== null) return tooMuch
  const { version, imageDigest } = device.running.facts
  if (patch.base === FROM_NOTHING || patch.base === imageDigest) return null
  const expected = `${versionOf(device, patch.base)}, SHA-256 ${patch.base}`
  return refuse('patch-base-differs', subjectOf(patch), expected, `what runs here: ${version}, SHA-256 ${imageDigest}`)
}

/** Refuses `patch-target-differs`: a patch of another release; and `patch-malformed`: one in the clear of an encrypted release. */
export function refuseRelease(
  { patch, target }: SpotPatch,
  { version, imageDigest, encryption }: ReleaseFacts,
): Refusal | null {
  if (target === undefined) return null
  if (encryption !== null) {
    return refuse('patch-malformed', subjectOf(patch), `one that is encrypted, as ${version} is`, 'one in the clear')
  }
  if (target === imageDigest) return null
  const expected = `the image of ${version}, SHA-256 ${imageDigest}`
  return refuse('patch-target-differs', subjectOf(patch), expected, `a patch to SHA-256 ${target}`)
}

/** The version of an image, where this board knows it: what it says of itself names some by the beginning of their digests. */
function versionOf(device: Device, digest: string): string {
  const status = device.status()
  const known = isRefusal(status) ? [] : [status.previous, status.golden, status.staged]
  const found = known.find(one => one !== undefined && one.digest !== '' && digest.startsWith(one.digest))
  return found === undefined ? 'an image that is not on this board' : found.version
}

/**
 * Makes the images of an installation from what runs and a patch, by what updates over the gateway are made by: what verifies in flash is
 * kept behind a loss of power, and the patch goes on where its journal knows the way. Refuses what `beginPatch` and `Patching` refuse,
 * `install-closed` (another installation began), `install-incomplete` (whoever brought the patch is gone).
 */
export async function fillByPatch(
  device: Applies,
  installation: Installation,
  patch: PatchRef,
  source: PatchSource,
): Promise<Refusal | null> {
  if (installation.state.at === 'staged') return null
  const { generation } = device
  const closed = (): Refusal | null =>
    generation === device.generation ? null : refuse('install-closed', 'this image', 'an installation', 'another one')
  const patching = device.beginPatch(installation, patch, device.patchMemory ?? 0)
  if (isRefusal(patching)) return patching
  const { total } = patching
  while (patching.offset < total) {
    const learned = patching.learn()
    if (isRefusal(learned)) return learned
    if (!learned) {
      source.alive()
      await setImmediate()
      const over = closed()
      if (over !== null) return over
      continue
    }
    const at = patching.offset
    const piece = await source.piece(at, Math.min(PIECE, total - at))
    const over = closed()
    if (over !== null) return over
    if (piece === null) return refuse('install-incomplete', subjectOf(patch), `${total} bytes`, `${at} bytes`)
    const refusal = patching.write(at, piece)
    if (refusal !== null) return refusal
  }
  return null
}
