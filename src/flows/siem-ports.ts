import type { SiemRow } from '../core/ledger/siem-rows.ts'
import type { Refusal } from '../core/refusal/refusal.ts'

/** What the flows need of the world to forward the log to a SIEM. A file of ports (see ports.ts), by its subject. */

export interface SiemStore {
  /** In order of their names. */
  receivers(): Promise<SiemRow[]>
  receiver(name: string): Promise<SiemRow | null>
  /** The first index from this one on whose entry is there; null: none is. */
  firstEntryFrom(index: number): Promise<number | null>
}

/** The way to one receiver. */
export interface SiemLink {
  /** Makes a connection. Refuses `siem-tls-refused`, `siem-not-reachable`. */
  open(): Promise<SiemLine | Refusal>
}

/** One connection to a receiver. Nothing that comes back on it means anything. */
export interface SiemLine {
  /** Why it does not stand any more; null: as far as anybody knows it does. */
  fault(): Refusal | null
  /**
   * Writes bytes; answers when this machine's system has taken the last of them, so that no more than they are ever held here.
   * Refuses `siem-stalled` (the receiver does not read), `siem-connection-lost`, `siem-tls-refused`.
   */
  send(bytes: Uint8Array): Promise<null | Refusal>
  /**
   * Ends the connection in order: null when the receiver has read everything and closed too. Refuses `siem-unconfirmed` when
   * it does not, and what `send` refuses.
   */
  end(): Promise<null | Refusal>
  /** Lets go of it at once, whatever is under way on it. */
  drop(): void
}
