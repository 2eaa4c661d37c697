import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { orThrow } from '../src/core/refusal/refusal.ts'
import { appendEntries, type Event } from '../src/flows/audit.ts'
import { verifyStore } from '../src/flows/prove.ts'
import { QuietFleet } from '../tests/worlds/quiet-fleet.ts'
import { type Figure, median, plainLine, RUNS, ratioLine } from './figure.ts'

/** Callers that each wait for their entry before they bring the next one. */
const CALLERS = { full: 512, tiny: 8 } as const
const MILLIS = { full: 3000, tiny: 60 } as const
const WARM_UP = { full: 1000, tiny: 20 } as const
/** Syncs of a file, of which each run of the disk's own takes the time. */
const SYNCS = { full: 300, tiny: 5 } as const

/**
 * Durable appends to the audit log: entries that arrive while a commit is under way are sealed, signed and synced together, and each
 * caller is answered after the sync. Held against what the disk itself can do, in the same run: a bare file to which as many bytes as
 * one commit has are appended and synced (`fsync`), one after the other.
 *
 * Then the latency at half of that load: arrivals are spread evenly, whether the ones before are answered or not, and the latency of
 * each is from its arrival to its answer.
 */
export const logAppend: Figure = {
  name: 'log-append',
  title: 'Audit log: durable appends, gathered by arrival, synced before each is answered',
  against: 'a bare file on the same disk, to which the bytes of a commit are appended and synced one after the other',
  async run({ scale, say }) {
    const above = mkdtempSync(join(tmpdir(), 'voltseal-append-'))
    const fleet = await QuietFleet.make({ above })
    try {
      const one = (): Promise<void> => appendEntries(fleet.world, [event()])
      await closed(fleet, one, CALLERS[scale], WARM_UP[scale])
      const loads = []
      for (let run = 0; run < RUNS[scale]; run += 1) {
        say(`run ${run + 1}`)
        const load = await closed(fleet, one, CALLERS[scale], MILLIS[scale])
        const disk = syncs(above, load.bytes / load.commits, SYNCS[scale])
        loads.push({ ...load, disk, late: await open(one, load.entries / load.seconds / 2, MILLIS[scale]) })
      }
      const verdict = orThrow(
        await verifyStore(
          fleet.world.store,
          { name: fleet.world.name, key: fleet.world.auditSigner.key },
          fleet.world.crypto,
        ),
      )
      if (!verdict.sound) throw new Error('the log that was measured does not verify')
      const perSecond = loads.map(({ entries, seconds }) => entries / seconds)
      const commits = loads.map(({ commits, seconds, disk }) => {
        return { measured: commits / seconds, yardstick: 1000 / median(disk) }
      })
      const alone = loads.map(({ entries, seconds, disk }) => {
        return { measured: entries / seconds, yardstick: 1000 / median(disk) }
      })
      const p99 = loads.map(({ late, disk }) => ({ measured: at(late, 0.99), yardstick: at(disk, 0.99) }))
      const batch = median(loads.map(({ entries, commits }) => entries / commits))
      return {
        lines: [
          plainLine('entries that are durable and answered', '/s', perSecond),
          ratioLine('the same, against one sync of the disk for each entry', '/s', alone, null),
          ratioLine('commits, each with one sealing, one signature, one sync', '/s', commits, null),
          plainLine('entries of a commit', '', [batch]),
          plainLine(
            'half load: median latency',
            'ms',
            loads.map(({ late }) => median(late)),
          ),
          ratioLine('half load: 99th percentile of the latency', 'ms', p99, null),
        ],
        bounds: [
          `With ${CALLERS[scale]} callers. A commit of ${batch.toFixed(0)} entries takes the time of its canonical JSON, hashes and rows, which is spent on one core while the disk waits; the disk alone would take ${(1000 / median(alone.map(one => one.yardstick))).toFixed(2)} ms for each sync of as many bytes. Tessera's authors publish about 10,000 entries/s for POSIX files on NVMe, on their machine and with their entries.`,
        ],
      }
    } finally {
      fleet.close()
      rmSync(above, { recursive: true, force: true })
    }
  },
}

let count = 0
/** An entry as long as most: some 300 bytes. */
function event(): Event {
  count += 1
  return {
    kind: 'stage-begun',
    actor: { kind: 'fleet', id: 'quiet' },
    site: `site-${count % 1000}`,
    controller: `rack-${count % 40}-bms-${count % 7}`,
    detail: { number: count, digest: 'c0ffee'.repeat(10), version: '4.2.1', slot: 'b' },
  }
}

type Load = { entries: number; commits: number; bytes: number; seconds: number }

/** So many callers, each of which brings its next entry when the last one is answered. */
async function closed(fleet: QuietFleet, one: () => Promise<void>, callers: number, millis: number): Promise<Load> {
  const { store } = fleet.world
  const before = (await store.log()).size
  const commits = fleet.commits
  const begun = performance.now()
  const end = begun + millis
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < end) await one()
    }),
  )
  const seconds = (performance.now() - begun) / 1000
  const { size } = await store.log()
  const sample = await store.entries(size - Math.min(100, size), size)
  const entries = size - before
  const bytes = (entries * sample.reduce((sum, row) => sum + row.bytes.length, 0)) / sample.length
  return { entries, commits: fleet.commits - commits, bytes, seconds }
}

/** Arrivals at an even rate; answers how long each waited, in milliseconds. */
async function open(one: () => Promise<void>, rate: number, millis: number): Promise<number[]> {
  const late: number[] = []
  const under: Promise<void>[] = []
  const begun = performance.now()
  let arrived = 0
  while (performance.now() - begun < millis) {
    const due = ((performance.now() - begun) / 1000) * rate
    while (arrived < due) {
      // The moment that it was due at: a loop that was held up makes nobody's wait shorter.
      const arrival = begun + (arrived / rate) * 1000
      under.push(one().then(() => void late.push(performance.now() - arrival)))
      arrived += 1
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  await Promise.all(under)
  return late
}

/** How long the disk takes to append so many bytes to a file and sync it, in milliseconds, one after the other. */
function syncs(folder: string, bytes: number, count: number): number[] {
  const path = join(folder, 'bare')
  const file = openSync(path, 'a')
  const block = new Uint8Array(Math.ceil(bytes)).fill(0x42)
  try {
    return Array.from({ length: count }, () => {
      const begun = performance.now()
      writeSync(file, block)
      fsyncSync(file)
      return performance.now() - begun
    })
  } finally {
    closeSync(file)
    rmSync(path)
  }
}

const at = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] as number
