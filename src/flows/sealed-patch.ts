import { readSealedHead, SEALED_HEAD_BYTES } from '../core/firmware/patch-encryption.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { PatchRef } from '../core/trust/image-target.ts'
import type { Decryption } from './decrypt.ts'
import type { Installation } from './install.ts'

/** What the patch in the clear goes into (flows/patch.ts). */
type ClearPatch = {
  readonly offset: number
  learn(): boolean | Refusal
  write(offset: number, piece: Uint8Array): Refusal | null
}

/** What an encrypted patch goes on as, once its head is known. */
type Opened = { readonly decryption: Decryption; readonly clear: ClearPatch }

/** A patch of an encrypted release, decrypted as it comes and applied: beside what the patch takes it holds one segment. */
export class SealedPatching {
  /** Bytes of the patch, as it travels. */
  readonly total: number
  readonly #installation: Installation
  readonly #patch: PatchRef
  readonly #clear: (patch: PatchRef) => ClearPatch
  readonly #head = new Uint8Array(SEALED_HEAD_BYTES)
  #held = 0
  #opened: Opened | null = null

  /** `clear` begins the patch that is in it, by its digest and length in the clear. */
  constructor(installation: Installation, patch: PatchRef, clear: (patch: PatchRef) => ClearPatch) {
    this.total = patch.length
    this.#installation = installation
    this.#patch = patch
    this.#clear = clear
  }

  get #subject(): string {
    return `patch ${this.#patch.sha256.slice(0, 16)}`
  }

  /** The offset of the byte that is wanted next, as the patch travels. */
  get offset(): number {
    const opened = this.#opened
    return opened === null ? this.#held : SEALED_HEAD_BYTES + opened.decryption.offset(opened.clear.offset)
  }

  /** As `Patching.learn`. */
  learn(): boolean | Refusal {
    return this.#opened?.clear.learn() ?? true
  }

  /** As `Patching.write`. Refuses what `readSealedHead` and `Decryption.write` refuse too. */
  write(offset: number, piece: Uint8Array): Refusal | null {
    if (offset !== this.offset) {
      return refuse('install-out-of-order', this.#subject, `offset ${this.offset}`, `offset ${offset}`)
    }
    const head = this.#opened === null ? piece.subarray(0, SEALED_HEAD_BYTES - this.#held) : piece.subarray(0, 0)
    if (this.#opened === null) {
      this.#head.set(head, this.#held)
      this.#held += head.length
      if (this.#held < SEALED_HEAD_BYTES) return null
      const fault = this.#open()
      if (fault !== null) return fault
    }
    const { decryption, clear } = this.#opened as unknown as Opened
    const sink = {
      get offset() {
        return clear.offset
      },
      take: (at: number, plain: Uint8Array) => clear.write(at, plain),
    }
    const rest = piece.subarray(head.length)
    const fault =
      rest.length === 0 ? null : decryption.write(offset + head.length - SEALED_HEAD_BYTES, rest, sink, this.#subject)
    if (this.offset === this.total) decryption.forget()
    return fault
  }

  #open(): Refusal | null {
    const head = readSealedHead(this.#head, this.total, this.#subject)
    this.#held = 0
    if (isRefusal(head)) return head
    const decryption = this.#installation.patchDecryption(this.#patch.base, head)
    if (decryption === null) throw new Error('an encrypted patch of a release that travels in the clear')
    const { base, memory } = this.#patch
    this.#opened = { decryption, clear: this.#clear({ base, memory, length: head.size, sha256: head.digest }) }
    return null
  }
}
