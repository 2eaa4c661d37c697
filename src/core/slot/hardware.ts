import type { PublicKey } from '../encoding/crypto.ts'
import type { Anchor } from '../firmware/suit-open.ts'
import type { FlashArea } from './layout.ts'

// --- The controller's hardware (simulated NOR flash, a Linux file, later the C core's vectors) ---

/**
 * NOR flash as a controller sees it: erased bytes read 0xff, programming only clears bits, erasing is by sector, and of
 * several sectors from the last to the first, so that an erase that was cut leaves a beginning and a gap behind it.
 * Every call may be the last one that happens before power fails; an implementation then throws PowerLost (see sim/).
 * A read that meets an ECC fault answers null: the caller treats it as empty. What a read answers may be a view of the
 * flash itself, good until the next program or erase: who keeps it copies it.
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

/**
 * A secure element: the device's keys, the keys whose releases it accepts, what its golden image is, and a counter that
 * only rises. Each command is whole or not at all; its answer may be lost after it was persisted.
 */
export interface SecureElement {
  /** The security counter; null when the element does not give it. */
  counter(): number | null
  /** The highest value that the counter can ever take: fuses are finite. */
  readonly counterLimit: number
  /**
   * Raises the counter to `value`. Idempotent; never lowers. False: the element did not say that it is done; it may be,
   * as an answer can be lost. So with the two commands below.
   */
  raise(value: number): boolean
  /** The keys whose signature counts on slots a and b: one or two (see core/slot/key-change.ts). */
  anchors(): readonly Anchor[]
  /** Puts a key into the free one of two places. Idempotent. */
  addAnchor(anchor: Anchor): boolean
  /** Takes a key away. Idempotent; never the last one. */
  revokeAnchor(kid: string): boolean
  /** SHA-256 of the golden image in lower-case hex, pinned at manufacture; null before. */
  goldenDigest(): string | null
  /** Pins the golden image, once and for all. Idempotent. */
  pinGolden(digest: string): void
  /** HMAC-SHA-256 under the device's record key, which never leaves. */
  mac(message: Uint8Array): Uint8Array
  /**
   * The public half of the key that content keys are wrapped for: P-256, SubjectPublicKeyInfo. Null: the element was made
   * without one, and takes no encrypted release.
   */
  readonly decryptionKey: Uint8Array | null
  /**
   * The secret that the decryption key comes to with a point of P-256 (SEC 1, uncompressed): its x coordinate. The private
   * key never leaves. Null: no such point, no such key, or no answer.
   */
  agree(point: Uint8Array): Uint8Array | null
  /** The key that signs this device's reports. */
  readonly reportKey: PublicKey
  signReport(message: Uint8Array): Uint8Array
  /**
   * The next number for a report: above every number given before, also over a loss of power. May skip numbers. Null when
   * the element cannot say that it gave one: a number is never given twice.
   */
  nextReport(): number | null
}

export interface Watchdog {
  start(timeoutMillis: number): void
  kick(): void
  stop(): void
}
