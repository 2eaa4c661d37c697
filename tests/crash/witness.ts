import { readConfig, readText } from '../../src/adapters/config-file.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { HttpsClient } from '../../src/adapters/link-https/client.ts'
import { fromBase64 } from '../../src/core/encoding/bytes.ts'
import { openCheckpoint } from '../../src/core/ledger/checkpoint.ts'
import { type AuditEntry, parseEntry } from '../../src/core/ledger/entry.ts'
import { parseVerifierKey } from '../../src/core/ledger/signed-note.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import type { Profile } from '../../src/wire/config.ts'
import type { AuditPage, CheckpointView } from '../../src/wire/fleet-views.ts'

/** Milliseconds between two looks at the log. */
const LOOK = 15

/**
 * Somebody who watches the audit log over the API, through every restart, and keeps each checkpoint that it was shown:
 * whatever the fleet server has once signed and said, it must stand by.
 */
export class Witness {
  readonly checkpoints = new Map<number, Uint8Array>()
  readonly entries: AuditEntry[] = []
  /** What it was shown that contradicts what it was shown before. */
  readonly contradictions: string[] = []
  readonly #client: HttpsClient
  readonly #profile: Profile
  readonly #onEntry: (entry: AuditEntry) => void
  #stopped = false
  #done: Promise<void> = Promise.resolve()

  constructor(folder: string, onEntry: (entry: AuditEntry) => void) {
    const text = (name: string): string => orThrow(readText(`${folder}/${name}`, 1 << 16))
    this.#profile = orThrow(readConfig(`${folder}/profile.yaml`)) as Profile
    const tls = { ca: text('ca.pem'), cert: text('cert.pem'), key: text('key.pem') }
    this.#client = new HttpsClient(this.#profile.url, tls, 1)
    this.#onEntry = onEntry
  }

  start(): void {
    this.#done = this.#run()
    // What goes wrong with it is thrown by `stop`.
    this.#done.catch(() => {})
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    await this.#done
    await this.look()
    this.#client.close()
  }

  /** Looks once. Answers false when the fleet server was away. */
  async look(): Promise<boolean> {
    const shown = await this.#get<CheckpointView>('/v1/audit/checkpoint')
    if (shown === null) return false
    const key = parseVerifierKey(nodeCrypto, this.#profile.auditKey)!
    const { size, root } = orThrow(openCheckpoint(shown.checkpoint, key, nodeCrypto))
    const before = this.checkpoints.get(size)
    if (before !== undefined && Buffer.compare(before, root) !== 0)
      this.contradictions.push(`two roots of size ${size}`)
    if (size < this.entries.length) this.contradictions.push(`size ${size} after ${this.entries.length} entries`)
    this.checkpoints.set(size, root)
    if (size <= this.entries.length) return true
    const from = this.entries.length
    const page = await this.#get<AuditPage>(`/v1/audit/entries?from=${from}&to=${Math.min(size, from + 1000)}`)
    if (page === null) return false
    for (const { index, bytes } of page.entries) {
      const entry = orThrow(parseEntry(fromBase64(bytes)!, `entry ${index}`))
      this.entries.push(entry)
      this.#onEntry(entry)
    }
    return true
  }

  async #get<T>(path: string): Promise<T | null> {
    const answer = await this.#client.call('GET', path, { maxBytes: 64 << 20, timeoutMillis: 5_000 })
    return isRefusal(answer) ? null : (JSON.parse(Buffer.from(answer.body).toString()) as T)
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.look()
      await new Promise(resolve => setTimeout(resolve, LOOK))
    }
  }
}
