import type { PublicKey, SignatureForm } from '../core/encoding/crypto.ts'
import type { Instant } from '../core/encoding/units.ts'
import type { Refusal } from '../core/refusal/refusal.ts'

/** What the flows need of the world. A port is added when a flow needs it, with its second implementation in sight. */

/** The time, with what is known of its quality. One reading per decision. */
export interface Clock {
  now(): Instant
}

/** A private key that signs and cannot be read: a file in development, a PKCS#11 token later. */
export interface Signer {
  readonly key: PublicKey
  /** True for a key that lives in a plain file: everything that it signs is labelled a development signature. */
  readonly development: boolean
  sign(message: Uint8Array, form: SignatureForm): Promise<Uint8Array | Refusal>
}

// --- The controller's hardware (simulated NOR flash, a Linux file, later the C core's vectors) ---

/** The parts of a controller's flash. `record0` and `record1` are separate erase blocks. */
export type FlashArea = 'record0' | 'record1' | 'a' | 'b' | 'golden' | 'history'

/**
 * NOR flash as a controller sees it: erased bytes read 0xff, programming only clears bits, erasing is by sector.
 * Every call may be the last one that happens before power fails; an implementation then throws PowerLost (see sim/).
 * A read of a sector with an ECC fault answers null: the caller treats it as empty.
 */
export interface Flash {
  /** Bytes in the area. */
  size(area: FlashArea): number
  /** Bytes in an erase sector of the area; the size is a multiple of it. */
  sector(area: FlashArea): number
  read(area: FlashArea, offset: number, length: number): Uint8Array | null
  program(area: FlashArea, offset: number, data: Uint8Array): void
  erase(area: FlashArea, offset: number, length: number): void
}

/** A secure element: the device's keys, the anchors it was made with, and a counter that only rises. */
export interface SecureElement {
  /** The security counter. */
  counter(): number
  /** Raises the counter to `value`. Idempotent; never lowers. The answer may be lost after the raise is persisted. */
  raise(value: number): void
  /** HMAC-SHA-256 under the device's record key, which never leaves. */
  mac(message: Uint8Array): Uint8Array
  /** The key that signs this device's reports. */
  readonly reportKey: PublicKey
  signReport(message: Uint8Array): Uint8Array
}

/** Why the last reset happened, as the reset controller tells it. */
export type ResetCause = 'power-on' | 'power-loss' | 'watchdog' | 'software'

export interface Watchdog {
  start(timeoutMillis: number): void
  kick(): void
  stop(): void
}
