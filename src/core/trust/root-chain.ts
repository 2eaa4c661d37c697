import { sameBytes } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { readMetadata, signableBytes } from './read-metadata.ts'
import { type TrustedSet, trustRoot, updateRoot } from './trusted-set.ts'

/**
 * Follows roots that lie at hand, by version, from a root that is trusted to the last of them (TUF 1.0.34 §5.3.4). Roots
 * before the trusted one are not needed, and not read. Refuses what `trustRoot` and `updateRoot` refuse, and
 * `ceremony-root-older` when the roots end before the trusted one (somebody may keep a newer root back),
 * `ceremony-root-other` when they have another in its place.
 */
export function followRoots(
  repo: string,
  trusted: Uint8Array,
  chain: ReadonlyMap<number, Uint8Array>,
  crypto: Crypto,
): TrustedSet | Refusal {
  const begun = trustRoot(repo, trusted, crypto)
  if (isRefusal(begun)) return begun
  const { version, raw } = begun.root.signed
  const last = Math.max(0, ...chain.keys())
  if (last < version) return refuse('ceremony-root-older', `${repo}: root`, `root ${version} or later`, `root ${last}`)
  const twin = chain.get(version)
  if (twin !== undefined) {
    const read = readMetadata('root', twin, `${repo}: root ${version}`)
    if (isRefusal(read)) return read
    if (!sameBytes(signableBytes(read.signed.raw), signableBytes(raw))) {
      return refuse('ceremony-root-other', `${repo}: root ${version}`, 'the root that is trusted here', 'another one')
    }
  }
  let set = begun
  for (let next = chain.get(version + 1); next !== undefined; next = chain.get(set.root.signed.version + 1)) {
    const followed = updateRoot(set, next, crypto)
    if (isRefusal(followed)) return followed
    set = followed
  }
  if (set.root.signed.version === last) return set
  return refuse('root-version-skipped', `${repo}: root`, `root ${set.root.signed.version + 1}`, `root ${last}`)
}
