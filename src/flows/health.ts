import type { Instant } from '../core/encoding/units.ts'
import type { HealthSpec } from '../core/firmware/release-facts.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import { atLeast, decideHealth, type HealthState, openHealth, type Readings } from '../core/slot/health-machine.ts'
import type { Memory } from '../core/slot/memory.ts'
import { act, type Board, type Running } from './boot.ts'

/** A round of observation that did not end the window, or how it ended. `reverted`: restart the controller now. */
export type Observation =
  | { readonly at: 'watching'; readonly window: HealthState }
  | { readonly at: 'confirmed'; readonly memory: Memory }
  | { readonly at: 'reverted'; readonly memory: Memory; readonly cause: string }

/**
 * Opens the health window of a trial, as its release asks for, and no shorter and with no fewer probes than the device
 * asks for of every release. It starts anew with every boot of the trial.
 */
export function openWindow(running: Running, least: HealthSpec, now: Instant): HealthState {
  return openHealth(atLeast(running.facts.health, least), now)
}

/**
 * Takes one round of readings. At the end of a healthy window the image is confirmed: one STABLE record with the floor,
 * read back, then the security counter, then the keys; durable on return. An unhealthy one is reverted: its version is remembered
 * as failed, with the cause, and the other slot is active; durable on return. Reporting is no probe: a fleet that
 * cannot be reached never rolls anything back.
 *
 * Kick the watchdog from the application, not from here: a hung application must not be kept alive by its judge.
 * Refuses `not-in-trial`, `boot-record-not-written`.
 */
export function observe(
  board: Board,
  running: Running,
  window: HealthState,
  readings: Readings,
  now: Instant,
): Observation | Refusal {
  const judged = decideHealth(window, { kind: 'readings', now, readings })
  if (judged.at === 'watching') return { at: 'watching', window: judged }
  if (judged.at === 'healthy') {
    const memory = confirm(board, running, now)
    return isRefusal(memory) ? memory : { at: 'confirmed', memory }
  }
  const memory = revert(board, running, judged.cause, now)
  return isRefusal(memory) ? memory : { at: 'reverted', memory, cause: judged.cause }
}

/**
 * Confirms the trial image, with the change of keys that its manifest asks for. An image that is confirmed already stays
 * so. Durable on return: the record, the counter, the keys. Refuses `not-in-trial`, also where the record has been lost
 * since the boot, and an older one names something else; the next boot sorts it out.
 */
export function confirm(board: Board, running: Running, now: Instant): Memory | Refusal {
  const { signers, facts } = running
  const image = { transition: facts.transition, signers, anchors: board.element.anchors() }
  // If power fails before the record, the trial starts again; behind it, the next boot raises the counter and changes
  // the keys, once it has verified the image anew.
  const confirmed = act(board, { kind: 'confirm', image }, now, running)
  return isRefusal(confirmed) ? confirmed : confirmed.memory
}

/**
 * Gives the trial image up, for a cause of at most 48 characters. The caller restarts the controller, also when this is
 * refused: `not-in-trial` as `confirm`, `boot-record-not-written`.
 */
export function revert(board: Board, running: Running, cause: string, now: Instant): Memory | Refusal {
  // If power fails before the record, the trial starts again on its budget of losses; behind it, the other slot boots.
  const reverted = act(board, { kind: 'revert', cause }, now, running)
  return isRefusal(reverted) ? reverted : reverted.memory
}
