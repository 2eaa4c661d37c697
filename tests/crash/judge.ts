import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { readMade } from '../../sim/doors/site/folder.ts'
import { assemble } from '../../sim/doors/site/make.ts'
import { systemClock } from '../../src/adapters/clock-system.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { type AuditEntry, entryBytes } from '../../src/core/ledger/entry.ts'
import { consistencyProof, leafHash, rootOfLeaves, verifyConsistency } from '../../src/core/ledger/merkle.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'

/** What a campaign must leave in the log, whatever was killed while it ran. */
export type Expected = {
  readonly id: string
  readonly controllers: readonly string[]
  readonly waves: number
  /** SHA-256 of everything that the gateway had to fetch for it: envelopes, payloads, the plan. */
  readonly blobs: number
  readonly releases: number
}

const count = (
  entries: readonly AuditEntry[],
  kind: string,
  more: (entry: AuditEntry) => boolean = () => true,
): number => entries.filter(entry => entry.kind === kind && more(entry)).length

/** Each controller's steps once, each of the campaign's once, and none that only a fault explains. */
export function judgeCampaign(entries: readonly AuditEntry[], expected: Expected): void {
  const mine = entries.filter(({ campaign }) => campaign === expected.id)
  for (const controller of expected.controllers) {
    for (const kind of ['controller-assigned', 'assignment-verified', 'activation-granted', 'controller-confirmed']) {
      const times = count(mine, kind, entry => entry.controller === controller)
      assert.equal(times, 1, `${expected.id}: ${kind} of ${controller}, ${times} times`)
    }
  }
  const once = ['campaign-created', 'approval-signed', 'campaign-approved', 'campaign-started', 'campaign-done']
  for (const kind of once) assert.equal(count(mine, kind), 1, `${expected.id}: ${kind}`)
  for (const kind of ['wave-opened', 'wave-soaking', 'wave-passed']) {
    assert.equal(count(mine, kind), expected.waves, `${expected.id}: ${kind}`)
  }
}

const FAULTS = [
  'controller-failed',
  'controller-retried',
  'controller-regressed',
  'controller-recovered',
  'campaign-paused',
  'campaign-halted',
  'assignment-refused',
  'blob-quarantined',
  'report-refused',
  'intrusion-signal',
]

/** What holds for the log of all campaigns together. */
export function judgeLog(entries: readonly AuditEntry[], campaigns: readonly Expected[]): void {
  for (const kind of FAULTS) {
    const found = entries.filter(entry => entry.kind === kind)
    assert.deepEqual(found, [], `nothing explains ${kind}`)
  }
  const refused = entries.filter(({ kind }) => kind === 'access-refused').map(({ code }) => code)
  const known = ['campaign-already-approved', 'campaign-already-started', 'campaign-ended']
  assert.deepEqual(
    refused.filter(code => !known.includes(code ?? '')),
    [],
    'only what was asked twice is refused',
  )
  const releases = campaigns.reduce((sum, { releases }) => sum + releases, 0)
  assert.equal(count(entries, 'release-published'), releases, 'each release is published once')
  const versions = entries.flatMap(({ kind, detail }) =>
    kind === 'repository-updated' && detail.repository === 'image' ? [detail.version] : [],
  )
  assert.deepEqual(
    versions,
    campaigns.map((_, index) => index + 2),
    'the image repository has no version twice',
  )
  const blobs = campaigns.reduce((sum, { blobs }) => sum + blobs, 0)
  const fetched = entries.flatMap(({ kind, detail }) => (kind === 'download-finished' ? [String(detail.sha256)] : []))
  assert.equal(new Set(fetched).size, fetched.length, 'no blob is fetched twice')
  assert.equal(fetched.length, blobs, 'no blob is fetched without an entry')
}

/** Every report that the gateway answered stands in the log, once, and numbers only rise. */
export function judgeReports(entries: readonly AuditEntry[], answered: ReadonlyMap<string, readonly number[]>): void {
  for (const [controller, numbers] of answered) {
    const told = entries.flatMap(({ kind, controller: of, detail }) =>
      kind === 'controller-report' && of === controller ? [Number(detail.sequence)] : [],
    )
    assert.deepEqual(
      told,
      [...new Set(told)].sort((a, b) => a - b),
      `the reports of ${controller} in order, once`,
    )
    assert.deepEqual(
      numbers.filter(number => !told.includes(number)),
      [],
      `every answered report of ${controller}`,
    )
  }
}

/** Every checkpoint that was ever shown: the final log continues it (RFC 9162 §2.1.4). */
export function judgeCheckpoints(entries: readonly AuditEntry[], checkpoints: ReadonlyMap<number, Uint8Array>): void {
  const leaves = entries.map(entry => leafHash(nodeCrypto, orThrow(entryBytes(entry))))
  const root = rootOfLeaves(nodeCrypto, leaves)
  for (const [from, fromRoot] of checkpoints) {
    const claim = { from, fromRoot, to: leaves.length, toRoot: root }
    const proof = consistencyProof(nodeCrypto, leaves, from) ?? []
    assert.ok(verifyConsistency(nodeCrypto, claim, proof), `the log does not continue its checkpoint of size ${from}`)
  }
}

/** The gateway has told everything: nothing waits in its outbox, and the fleet took in its last number. */
export function judgeOutbox(database: string, entries: readonly AuditEntry[]): void {
  const store = new DatabaseSync(database, { readOnly: true })
  try {
    const { left } = store
      .prepare('SELECT count(*) AS left FROM outbox, own_log WHERE sequence > acknowledged')
      .get() as { left: number }
    assert.equal(left, 0, 'items are left in the outbox')
    const { seq } = store.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").get() as { seq: number }
    const taken = entries.flatMap(({ origin }) => (origin === undefined ? [] : [origin.sequence]))
    assert.deepEqual(
      taken,
      Array.from({ length: seq }, (_, index) => index + 1),
      'each item of the outbox once, in order',
    )
  } finally {
    store.close()
  }
}

/**
 * What the devices themselves remember: each version confirmed once, in order, none ever given up, and no decision
 * missing. `campaigns` as many versions were installed, the newest last.
 */
export function judgeDevices(folder: string, campaigns: number): void {
  const made = orThrow(readMade(folder))
  for (const placed of made.site.controllers) {
    const controller = assemble(made, placed, folder, systemClock)
    const history = controller.history()
    controller.flash.close()
    const decisions = history.map(({ decision }) => decision)
    const first = decisions[0] ?? 0
    assert.deepEqual(
      decisions,
      decisions.map((_, index) => first + index),
      `${placed.id}: a decision is missing`,
    )
    const confirmed = history.flatMap(({ event, version }) => (event === 'confirmed' ? [version] : []))
    const whole = Array.from({ length: campaigns }, (_, index) => `1.0.${index + 1}`)
    // The oldest decisions of a long run have left the ring.
    const kept = history[0]?.event === 'manufactured' ? whole : whole.slice(campaigns - confirmed.length)
    assert.deepEqual(confirmed, kept, `${placed.id}: a version was confirmed twice, or not`)
    const lost = history.filter(({ event }) => ['reverted', 'dropped', 'fallback', 'golden', 'halt'].includes(event))
    assert.deepEqual(lost, [], placed.id)
  }
}

/** A blob's name is its digest; nothing is half received, set aside, or half written. */
export function judgeFiles(folder: string): void {
  for (const blobs of [join(folder, 'fleet', 'blobs'), join(folder, 'gateway', 'cache')]) {
    for (const path of files(blobs)) {
      const digest = createHash('sha256').update(readFileSync(path)).digest('hex')
      assert.equal(path, join(blobs, digest.slice(0, 2), digest), 'a blob is not what its name says')
    }
  }
  const left = files(folder).filter(path => /\.(?:tmp|new)$/.test(basename(path)))
  assert.deepEqual(left, [], 'files that were begun and not finished')
}

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
}
