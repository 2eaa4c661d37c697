import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import type { SqliteFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { type Instant, instant } from '../../src/core/encoding/units.ts'
import type { AuditEntry } from '../../src/core/ledger/entry.ts'
import { orThrow, RefusalError } from '../../src/core/refusal/refusal.ts'
import { sealEntries } from '../../src/flows/audit.ts'
import { ORIGIN, testSigner } from '../core/ledger/keys.ts'

/** A log in a fleet's store, without a fleet. */

export const LOG_SIGNER = { origin: ORIGIN, signer: testSigner(1) }
export const BEGUN: Instant = instant(1_790_000_000_000)

/** A folder in memory, where the system has such a place: many stores, each with many synced commits. */
export const storeFolder = (name: string): string =>
  mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `voltseal-${name}-`))

export const entryNumber = (number: number): AuditEntry => ({
  v: 1,
  kind: 'controller-report',
  at: instant(BEGUN + number),
  clock: 'simulated',
  actor: { kind: 'fleet', id: 'north' },
  detail: { number },
})

/** Makes the log longer by so many entries, in one commit. */
export async function lengthen(store: SqliteFleetStore, count: number): Promise<void> {
  const { size } = await store.log()
  const entries = Array.from({ length: count }, (_, at) => entryNumber(size + at))
  await store.commit(orThrow(await sealEntries(store, entries, LOG_SIGNER, crypto)))
}

/** Whether an error is a refusal of a code. */
export const refused = (code: string) => (error: unknown) =>
  error instanceof RefusalError && error.refusal.code === code
