import { anchorOf } from '../firmware/anchor-chain.ts'
import type { Transition } from '../firmware/release-facts.ts'
import type { Anchor } from '../firmware/suit-open.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'

/** Places for keys in a device: the one in use, and the one that will follow it. */
export const ANCHOR_PLACES = 2

/**
 * The change of keys that the active image was confirmed with, as the record says. A hint, as all that the record
 * says: what is done is what the verified image's own manifest asks for, and only while both agree.
 */
export type KeyIntent =
  | { readonly kind: 'none' }
  /** `kid`: the first 8 bytes of the key's id, in lower-case hex. */
  | { readonly kind: 'add' | 'retire'; readonly kid: string }

export const NO_KEY_CHANGE: KeyIntent = { kind: 'none' }
/** Bytes of a key id that the record keeps. */
export const KID_PREFIX_BYTES = 8

/** What is done to the device's keys. Doing it twice is harmless. */
export type KeyEffect =
  | { readonly kind: 'add-anchor'; readonly anchor: Anchor }
  | { readonly kind: 'revoke-anchor'; readonly kid: string }

/** What decides a change: what the verified image asks for, who signed it, and which keys the device accepts now. */
export type KeyFacts = {
  readonly transition: Transition | null
  /** Ids of the accepted keys whose signature on the image held. */
  readonly signers: readonly string[]
  readonly anchors: readonly Anchor[]
}

export function intentOf(transition: Transition | null): KeyIntent {
  return transition === null ? NO_KEY_CHANGE : { kind: transition.kind, kid: prefixOf(transition.kid) }
}

/**
 * What is still to be done about a change that was confirmed: null when it is done, when the image does not ask for it,
 * or when it must not be done. A key is revoked only while another key that is accepted has signed the image that was
 * verified in this very boot: the key in use is never revoked, and never the last one (seed: transition release).
 */
export function unfinishedChange(intent: KeyIntent, facts: KeyFacts): KeyEffect | null {
  const { transition, anchors } = facts
  if (transition === null || intent.kind !== transition.kind || intent.kid !== prefixOf(transition.kid)) return null
  const there = anchors.some(({ kid }) => kid === transition.kid)
  if (transition.kind === 'add') {
    const anchor = anchorOf(transition)
    return there || anchor === null || anchors.length >= ANCHOR_PLACES ? null : { kind: 'add-anchor', anchor }
  }
  return there && signedByAnother(transition.kid, facts) ? { kind: 'revoke-anchor', kid: transition.kid } : null
}

/**
 * Why a confirmed image's change of keys is left undone for good, in a few words for the history; null when it is done or
 * will be. A release is refused before its first byte when its change could not be done (`refuseChange`); but an image that
 * is in a slot already is tried without being offered: after its record was lost, or from golden. It runs, as it verifies.
 */
export function leftUndone({ transition, signers, anchors }: KeyFacts): string | null {
  if (transition === null) return null
  const there = anchors.some(({ kid }) => kid === transition.kid)
  const kid = transition.kid.slice(0, 16)
  if (transition.kind === 'add') return there || anchors.length < ANCHOR_PLACES ? null : `no place for key ${kid}`
  return !there || signedByAnother(transition.kid, { transition, signers, anchors }) ? null : `key ${kid} is in use`
}

/** True when the keys of the device are as the record of a confirmation wants them: nobody needs to ask the image. */
export function isCarriedOut(intent: KeyIntent, anchors: readonly Anchor[]): boolean {
  if (intent.kind === 'none') return true
  const there = anchors.some(({ kid }) => prefixOf(kid) === intent.kid)
  return there === (intent.kind === 'add')
}

/** The counter that the image brings, the one that the device has, and the change that was confirmed on it last. */
export type Floors = { readonly counter: number; readonly floor: number; readonly confirmed: KeyIntent }

/**
 * Whether a device may stage an image with this change of keys. Refuses `anchor-places-taken` (a key more than there
 * are places, or another key under an id that is taken), `anchor-in-use` (nobody but the key that is to be retired has
 * signed the release) and `retirement-keeps-floor`: the image that once added the key would otherwise still be good
 * enough to run, and would add it again. One that was confirmed here has raised the floor itself, and may come again.
 */
export function refuseChange(facts: KeyFacts, { counter, floor, confirmed }: Floors, subject: string): Refusal | null {
  const { transition, anchors } = facts
  if (transition === null) return null
  const there = anchors.find(({ kid }) => kid === transition.kid)
  if (transition.kind === 'add') {
    if (there === undefined && anchors.length < ANCHOR_PLACES) return null
    if (there?.key.alg === transition.alg && there.key.spki.toHex() === transition.spki) return null
    const held = anchors.map(({ kid }) => kid.slice(0, 16)).join(', ')
    return refuse('anchor-places-taken', subject, `a free place of ${ANCHOR_PLACES} for a new key`, `keys ${held}`)
  }
  if (there === undefined) return null
  if (!signedByAnother(transition.kid, facts)) {
    const actual = `key ${transition.kid.slice(0, 16)} only`
    return refuse('anchor-in-use', subject, 'a signature by the key that stays', actual)
  }
  const owed = confirmed.kind === 'retire' && confirmed.kid === prefixOf(transition.kid)
  if (counter > floor || owed) return null
  return refuse('retirement-keeps-floor', subject, `a security counter above ${floor}`, String(counter))
}

/** The keys that a release brings: which ids have signed it, and the change that it carries. */
export type KeyedRelease = { readonly transition: Transition | null; readonly signers: readonly string[] }

/**
 * The ids of the keys that a device accepts once a release is confirmed on it; null when it would not take the release,
 * for its signers or for its change of keys. Who plans from afar asks this: it knows ids and no keys, so that another key
 * under an id that is taken shows only at the device (`refuseChange`, which this agrees with otherwise).
 */
export function keysAfter(
  { transition, signers }: KeyedRelease,
  accepted: readonly string[],
  { counter, floor }: Pick<Floors, 'counter' | 'floor'>,
): readonly string[] | null {
  const held = signers.filter(kid => accepted.includes(kid))
  if (held.length === 0) return null
  if (transition === null) return accepted
  const { kind, kid } = transition
  const there = accepted.includes(kid)
  if (kind === 'add') return there ? accepted : accepted.length < ANCHOR_PLACES ? [...accepted, kid] : null
  if (!there) return accepted
  return counter > floor && held.some(signer => signer !== kid) ? accepted.filter(other => other !== kid) : null
}

function signedByAnother(kid: string, { signers, anchors }: KeyFacts): boolean {
  return signers.some(signer => signer !== kid && anchors.some(anchor => anchor.kid === signer))
}

const prefixOf = (kid: string): string => kid.slice(0, 2 * KID_PREFIX_BYTES)
