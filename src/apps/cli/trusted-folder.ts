import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readBytes, writeWhole } from '../../adapters/config-file.ts'
import { takeLock } from '../../adapters/file-lock.ts'
import { sameBytes } from '../../core/encoding/bytes.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Repository } from '../../core/trust/ceremony-note.ts'
import { MAX_METADATA_BYTES } from '../../core/trust/metadata.ts'
import { furtherOf, type Resumed, resumeBelow } from '../../core/trust/stored-set.ts'
import { type TrustedSet, trustRoot } from '../../core/trust/trusted-set.ts'

/** What says how new a state is: a snapshot names the version of every file of targets. */
const BELOW = ['snapshot', 'timestamp'] as const

/** How long a command waits for another one that writes here, which takes milliseconds. */
const PATIENCE_MILLIS = 10_000
const PAUSE_MILLIS = 20

/**
 * What was verified of the fleet's repositories on this machine, beside the profile: `REPO.root.json`, `REPO.timestamp.json`
 * and `REPO.snapshot.json` of the newest state that was ever seen here. Nobody can offer an older one here, whoever owns the
 * server: the next approval or publication would sign again what was withdrawn.
 */
export class TrustedFolder {
  readonly #folder: string
  readonly #crypto: Crypto

  constructor(folder: string, crypto: Crypto) {
    this.#folder = folder
    this.#crypto = crypto
  }

  /** The newest root that was kept. Refuses as `readBytes`; `file-missing` before there is one. */
  root(repo: Repository): Uint8Array | Refusal {
    return readBytes(this.#at(repo, 'root'), MAX_METADATA_BYTES.root)
  }

  /**
   * Goes on from what is kept below a root. A profile that has seen nothing yet has nothing there. What does not verify is
   * named in `discarded`: older states are not told by it any more, and who asked is to be told so.
   */
  below(begun: TrustedSet): Resumed {
    const files = new Map<string, Uint8Array>()
    const unread: Refusal[] = []
    for (const role of BELOW) {
      const bytes = readBytes(this.#at(begun.repo, role), MAX_METADATA_BYTES[role])
      if (!isRefusal(bytes)) files.set(`${role}.json`, bytes)
      else if (bytes.code !== 'file-missing') unread.push(bytes)
    }
    const { set, discarded } = resumeBelow(begun, files, this.#crypto)
    return { set, discarded: [...unread, ...discarded] }
  }

  /**
   * Keeps what was verified from `begun` on, beside what other commands kept since: of each file the newer version. A root
   * that the profile itself pins is not copied. Durable on return. Refuses `data-folder-in-use` when another command does
   * not get through with its own.
   */
  keep(verified: TrustedSet, begun: TrustedSet): null | Refusal {
    if (this.#differences(verified, begun).length === 0) return null
    mkdirSync(this.#folder, { recursive: true })
    const lock = this.#lock()
    if (isRefusal(lock)) return lock
    try {
      // If power fails between two of them: what is below belongs to a newer root than the one that is there. It is put
      // aside then, and said, and the next look at the server follows the roots again. Each file is whole.
      for (const [path, bytes] of this.#differences(verified, begun)) {
        if (bytes === null) rmSync(path, { force: true })
        else writeWhole(path, bytes)
      }
      return null
    } finally {
      lock.release()
    }
  }

  /** What is to be written so that nothing here is older than what was verified; null: to be forgotten. The root last. */
  #differences(verified: TrustedSet, begun: TrustedSet): (readonly [path: string, bytes: Uint8Array | null])[] {
    const repo = verified.repo as Repository
    const root = this.root(repo)
    const kept = isRefusal(root) ? root : trustRoot(repo, root, this.#crypto)
    const base = isRefusal(kept) ? begun : kept
    const set = furtherOf(this.below(base).set, verified, this.#crypto)
    const roles = set.root.signed.version > base.root.signed.version ? ([...BELOW, 'root'] as const) : BELOW
    return roles.flatMap(role => {
      const path = this.#at(repo, role)
      const bytes = set[role]?.bytes ?? null
      const there = readBytes(path, MAX_METADATA_BYTES[role])
      const same = isRefusal(there) ? bytes === null && there.code === 'file-missing' : isSame(there, bytes)
      return same ? [] : [[path, bytes] as const]
    })
  }

  #lock() {
    const path = join(this.#folder, 'lock')
    for (let waited = 0; ; waited += PAUSE_MILLIS) {
      const lock = takeLock(path)
      if (lock !== null) return lock
      if (waited >= PATIENCE_MILLIS) {
        return refuse('data-folder-in-use', this.#folder, 'no other command that writes here', 'one that does')
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MILLIS)
    }
  }

  #at(repo: string, role: 'root' | (typeof BELOW)[number]): string {
    return join(this.#folder, `${repo}.${role}.json`)
  }
}

const isSame = (there: Uint8Array, bytes: Uint8Array | null): boolean => bytes !== null && sameBytes(there, bytes)
