import { fromBase64 } from '../../../core/encoding/bytes.ts'
import { Misfit, object } from '../../../core/encoding/shape.ts'
import { type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { type PatchRef, patchMembers } from '../../../core/trust/image-target.ts'

/** Work that the gateway offers, as read by a controller. Nothing of it is verified: the envelope is, before it counts. */
export type ReadOffer = {
  readonly assignment: string
  readonly envelope: Uint8Array
  readonly payload: { readonly sha256: string; readonly length: number }
  readonly activate: boolean
  /** Of a turn: milliseconds from the question on within which the restart has to begin. */
  readonly within?: number
  /** The content key of an encrypted payload, wrapped for this controller. */
  readonly wrap?: Uint8Array
  /** A smaller way to the payload: a patch from what runs here. */
  readonly patch?: PatchRef
}

/** The largest offer that a controller reads, in bytes: an envelope in base64 and little else. */
export const MAX_OFFER = 256 * 1024

const MAX_ASSIGNMENT = 512

/** Refuses `answer-unexpected`: what came is no offer (src/wire/gateway-api.ts). */
export function readOffer(body: Uint8Array, subject: string): ReadOffer | Refusal {
  const wrong = (what: string): Refusal => refuse('answer-unexpected', subject, 'an offer', what)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return wrong('no JSON')
  }
  const { assignment, envelope, payload, activate, within, wrap, patch } = members(value)
  if (typeof assignment !== 'string' || assignment === '' || assignment.length > MAX_ASSIGNMENT) {
    return wrong('no assignment')
  }
  const bytes = typeof envelope === 'string' ? fromBase64(envelope) : null
  if (bytes === null) return wrong('no envelope')
  const { sha256, length } = members(payload)
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return wrong('no payload')
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 1) return wrong('no length')
  if (typeof activate !== 'boolean') return wrong('no word about the restart')
  if (activate && !(typeof within === 'number' && within >= 0)) return wrong('a turn without an end')
  const turn = activate ? { within: within as number } : {}
  const offered = { assignment, envelope: bytes, payload: { sha256, length }, activate, ...turn }
  const read = patch === undefined ? null : patchShape(patch, 'patch')
  if (read instanceof Misfit) return wrong(`a patch without ${read.expected}`)
  const offer = read === null ? offered : { ...offered, patch: read }
  if (wrap === undefined) return offer
  const key = typeof wrap === 'string' ? fromBase64(wrap) : null
  return key === null ? wrong('no wrap of a content key') : { ...offer, wrap: key }
}

const patchShape = object(patchMembers)

const members = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
