import { existsSync, rmSync } from 'node:fs'
import { readBytes, tryWriting, writeWhole } from '../../adapters/config-file.ts'
import { PACK_LIMITS } from '../../core/ledger/pack/layout.ts'
import { orThrow, type Refusal } from '../../core/refusal/refusal.ts'
import { registry } from '../../core/refusal/registry.ts'
import type { Drafts } from '../process/pack-export.ts'
import type { Cli } from './cli.ts'

/** By what a pack is longer with its seal than without: a path and more signatures under each proof, before they are packed. */
const MORE = 1 << 20

/**
 * An evidence pack beside the place where it shall lie, from before the log seals it until it is finished: all of it but the seal. A pack that the
 * log has sealed is never lost by a full disk, a killed command or witnesses that are silent: the same command goes on with it.
 */
export class DraftFile implements Drafts {
  readonly begun: Uint8Array | null
  readonly #cli: Cli
  readonly #path: string
  readonly #out: string
  #isKept: boolean
  #sealed: number | null = null

  constructor(cli: Cli, out: string) {
    this.#cli = cli
    this.#out = out
    this.#path = `${out}.unsealed`
    this.#isKept = existsSync(this.#path)
    this.begun = this.#isKept ? orThrow(readBytes(this.#path, PACK_LIMITS.bytes)) : null
  }

  /** Room for the finished pack beside the draft is made sure of too: both lie there at the end. Throws what the system says. */
  keep = (zip: Uint8Array): void => {
    writeWhole(this.#path, zip)
    this.#isKept = true
    try {
      tryWriting(this.#out, zip.length + MORE)
    } catch (error) {
      this.done()
      throw error
    }
  }

  sealed = (index: number): void => {
    this.#sealed = index
  }

  /** What the server will not seal is no draft of anything. Of all else nobody knows what became of it. */
  refused(refusal: Refusal): void {
    if (this.#sealed === null && registry[refusal.code].action === 'refuse' && this.begun === null) this.done()
    this.told()
  }

  done(): void {
    rmSync(this.#path, { force: true })
    this.#isKept = false
  }

  /** Tells people what is left, and what to do. */
  told(): void {
    if (!this.#isKept) return
    const log =
      this.#sealed === null
        ? 'Whether the log has sealed it is not known'
        : `The log sealed it in entry ${this.#sealed}`
    this.#cli.output.warn(
      `The pack is not finished, and lies in ${this.#path}. ${log}: run the same command again, and it goes on with that one.`,
    )
  }
}
