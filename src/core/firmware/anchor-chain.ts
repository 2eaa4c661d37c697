import { fromHex } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { isRefusal } from '../refusal/refusal.ts'
import type { Transition } from './release-facts.ts'
import { type Anchor, openEnvelope } from './suit-open.ts'

/** Keys that are followed at most: far more rotations than a plant lives through. */
export const MAX_CHAINED_ANCHORS = 64

/** The key that a release adds; null when it adds none, or one that cannot be read. */
export function anchorOf(transition: Transition | null): Anchor | null {
  if (transition?.kind !== 'add') return null
  const { kid, alg, spki } = transition
  const bytes = fromHex(spki)
  return bytes === null ? null : { kid, key: { alg, spki: bytes } }
}

/**
 * The keys that a chain of transition releases leads to: the given ones, and each that an envelope adds which one of the
 * keys before it has signed, in whatever order the envelopes come. Envelopes that do not verify add nothing. A key that was
 * retired since stays: a controller that slept through the rotation still needs what it signed, and each controller judges
 * by its own keys. No key takes the id of another.
 */
export function chainedAnchors(
  first: readonly Anchor[],
  envelopes: Iterable<Uint8Array>,
  crypto: Crypto,
): readonly Anchor[] {
  const anchors = [...first]
  let waiting = [...envelopes]
  for (let grown = true; grown; ) {
    grown = false
    const left: Uint8Array[] = []
    for (const bytes of waiting) {
      const opened = openEnvelope(bytes, anchors, crypto)
      if (isRefusal(opened)) {
        left.push(bytes)
        continue
      }
      const added = anchorOf(opened.facts.transition)
      const known = added === null || anchors.some(({ kid }) => kid === added.kid)
      if (known || anchors.length === MAX_CHAINED_ANCHORS) continue
      anchors.push(added)
      grown = true
    }
    waiting = left
  }
  return anchors
}
