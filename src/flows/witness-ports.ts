import type { Millis } from '../core/encoding/units.ts'
import type { WitnessedLog, WitnessRow } from '../core/ledger/witness-rows.ts'
import type { Refusal } from '../core/refusal/refusal.ts'

/** What the flows need of the world to witness logs and to have one's own witnessed. A file of ports (see ports.ts). */

/** What a witness signed last of each log. Of a program of its own, or in a gateway's store. */
export interface WitnessStore {
  /** Runs one decision at a time: what it read is still true when it commits. */
  exclusive<T>(work: () => Promise<T>): Promise<T>
  log(origin: string): Promise<WitnessedLog | null>
  /** Takes the place of what was kept of the log. Durable on return. `alarm`: its trouble is new. */
  keep(row: WitnessedLog, alarm: boolean): Promise<void>
}

/** What the fleet server keeps of its log's witnesses. */
export interface GatheredStore {
  /** The checkpoint under way: a state of core/ledger/witness-round.ts as JSON, and the log's own signed checkpoint. */
  round(): Promise<{ readonly state: string; readonly checkpoint: string } | null>
  /** The newest checkpoint that enough witnesses have signed, with their signatures. */
  witnessed(): Promise<string | null>
  witness(key: string): Promise<WitnessRow | null>
  /** In order of their names; with `troubled`, those that are in trouble alone. */
  witnesses(troubled: boolean): Promise<WitnessRow[]>
  /** The key by which the gateway of a site cosigns, as a C2SP verifier key. */
  witnessKey(site: string): Promise<string | null>
}

/** The way to a witness of a policy: its answer as it came, at most 64 KiB. */
export interface WitnessLink {
  /** Posts `add-checkpoint`. Refuses `not-reachable`, `tls-refused`, `answer-too-slow`, `answer-too-large`. */
  addCheckpoint(
    body: string,
    patience: Millis,
  ): Promise<{ readonly status: number; readonly type: string; readonly body: string } | Refusal>
}

/** What a gateway tells of the checkpoint that it was offered. `kept`: the one that it signed last; empty: none. */
export type Witnessing =
  | { readonly cosigned: string }
  | {
      readonly refused: { readonly code: string; readonly expected: string; readonly actual: string }
      readonly kept: string
    }

/** The gateway's way to the log of its fleet. */
export interface LogLink {
  /** The checkpoint that the fleet wants signed, as an add-checkpoint request from the size that is named. */
  offered(old: number): Promise<string | Refusal>
  witnessed(said: Witnessing): Promise<null | Refusal>
}
