import type { Crypto } from '../../../src/core/encoding/crypto.ts'
import { allowed, warnings } from './allow.ts'
import type { Device } from './device.ts'
import { membersAllowed, type Outer, takeOut } from './envelope.ts'
import { type Procedure, type Ran, runManifest } from './machine.ts'
import { keyOf, type Manifest, readManifest } from './manifest.ts'
import { isRefused, type Refused } from './refusal.ts'
import { type NamedKey, verifyOuter } from './verify.ts'

/** An envelope whose signatures held, and its manifest. */
export type Believed = { readonly outer: Outer; readonly manifest: Manifest; readonly signers: readonly string[] }

/**
 * Opens an envelope of another author: the manifest is not looked into before enough signatures hold. Refuses what `takeOut`,
 * `verifyOuter` and `readManifest` refuse.
 */
export function openForeign(
  bytes: Uint8Array,
  keys: readonly NamedKey[],
  threshold: number,
  crypto: Crypto,
): Believed | Refused {
  const outer = takeOut(bytes)
  if (isRefused(outer)) return outer
  const signers = verifyOuter(outer, keys, threshold, crypto)
  if (isRefused(signers)) return signers
  const manifest = readManifest(outer, crypto)
  return isRefused(manifest) ? manifest : { outer, manifest, signers }
}

export type Processed = Ran & {
  readonly signers: readonly string[]
  readonly warnings: readonly string[]
  /** The sequence number that the device has from now on; null when it stays. */
  readonly sequence: number | null
}

/**
 * Runs an envelope on a device: opens it, judges the whole of it, and only then runs its first command. The device is not
 * touched; `changed` says what to keep, and only when there is no `refusal`. Refuses, before anything ran, what
 * `openForeign`, `membersAllowed` and `allowed` refuse.
 */
export function processForeign(
  bytes: Uint8Array,
  keys: readonly NamedKey[],
  threshold: number,
  device: Device,
  procedure: Procedure,
  crypto: Crypto,
): Processed | Refused {
  const opened = openForeign(bytes, keys, threshold, crypto)
  if (isRefused(opened)) return opened
  const { outer, manifest, signers } = opened
  const before = membersAllowed(outer) ?? allowed(manifest)
  if (before !== null) return before
  const ran = runManifest(manifest, outer.payloads, device, procedure, crypto)
  const updates = procedure === 'all' || procedure === 'update'
  const changed = new Map(ran.changed)
  if (updates && manifest.home !== null) changed.set(keyOf(manifest.home), bytes)
  const sequence = updates ? manifest.sequenceNumber : null
  return { ...ran, changed, signers, warnings: warnings(manifest), sequence }
}
