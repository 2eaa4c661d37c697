import type { FastifyReply } from 'fastify'
import { sendRefusal } from '../../../adapters/http-server.ts'
import { fromBase64 } from '../../../core/encoding/bytes.ts'
import { isRefusal, type Refusal, RefusalError, refuse } from '../../../core/refusal/refusal.ts'
import { recordRefusal } from '../../../flows/audit.ts'
import type { FleetWorld } from '../../../flows/ports.ts'
import type { Enrolment } from '../enrolment.ts'

/** What the routes of every subject have in common: what they work on, how they read and how they answer. */

/** Where a door needs more than the flows: who may be enrolled, and how large an upload may be. */
export type FleetDoor = { readonly world: FleetWorld; readonly enrolment: Enrolment; readonly maxBlobBytes: number }

/** The bytes of a field in base64; throws `request-malformed`. */
export function decoded(base64: string, subject: string): Uint8Array {
  const bytes = fromBase64(base64)
  if (bytes !== null) return bytes
  throw new RefusalError(refuse('request-malformed', subject, 'canonical base64', 'something else'))
}

/** Bins by their names, each in base64; throws `request-malformed`. */
export const decodedBins = (bins: Readonly<Record<string, string>> = {}): ReadonlyMap<string, Uint8Array> =>
  new Map(Object.entries(bins).map(([name, base64]) => [name, decoded(base64, name)]))

/** A result, or the problem that a refusal is. */
export function answer<T>(reply: FastifyReply, result: T | Refusal): FastifyReply {
  return isRefusal(result) ? sendRefusal(reply, result) : reply.send(result)
}

/** A person's refused attempt is an event of its own: it is in the log before it is answered. */
export async function audited<T>(
  reply: FastifyReply,
  world: FleetWorld,
  person: string,
  attempt: string,
  result: T | Refusal,
): Promise<FastifyReply> {
  if (isRefusal(result)) await recordRefusal(world, { kind: 'person', id: person }, attempt, result)
  return answer(reply, result)
}
