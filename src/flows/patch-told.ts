import type { PatchPair, PatchRow } from '../core/fleet/patch-rows.ts'
import type { Refusal } from '../core/refusal/refusal.ts'
import type { Event } from './audit.ts'
import { fleetActor } from './opened.ts'
import type { FleetWorld } from './ports.ts'

/** What the log says of a patch that the fleet has made. */
export function toldMade(world: FleetWorld, row: PatchRow & { readonly at: 'made' }): Event {
  const { base, target, sha256, length, memory, took } = row
  const detail = { base, target, patch: sha256, bytes: length, memory, millis: took }
  return { kind: 'patch-made', actor: fleetActor(world), detail }
}

/** What it says of one that there will not be, or not now. */
export function toldNotMade(
  world: FleetWorld,
  { base, target }: PatchPair,
  { code, expected, actual }: Pick<Refusal, 'code' | 'expected' | 'actual'>,
): Event {
  return { kind: 'patch-not-made', actor: fleetActor(world), code, detail: { base, target, expected, actual } }
}
