import { Worker } from 'node:worker_threads'
import { certifyNewKey, createAuthority } from '../src/adapters/certificates.ts'
import { nodeCrypto as crypto } from '../src/adapters/crypto-node.ts'
import { SyslogTls } from '../src/adapters/syslog-tls.ts'
import { concat } from '../src/core/encoding/bytes.ts'
import { instant } from '../src/core/encoding/units.ts'
import { EXAMPLE_ENTERPRISE, entryMessage, frame, type SyslogFormat } from '../src/core/ledger/syslog.ts'
import { isRefusal, orThrow, sentence } from '../src/core/refusal/refusal.ts'
import type { Event } from '../src/flows/audit.ts'
import { appendEntries } from '../src/flows/audit.ts'
import { Forwarding, noteReceivers } from '../src/flows/forward.ts'
import { QuietFleet } from '../tests/worlds/quiet-fleet.ts'
import { type Figure, median, plainLine, RUNS, ratioLine } from './figure.ts'
import type { Listening } from './siem-throughput/receiver.ts'

const ENTRIES = { full: 20_000, tiny: 200 } as const
/** Entries that are written to the log together, before anything is measured. */
const BATCH = 500
/** What a sender would hand to TLS at a time that gathers messages, and how often it sends all of them: once is too short to be measured. */
const PIECE = 64 * 1024
const TIMES = 10

const FORMAT: SyslogFormat = {
  log: 'quiet',
  host: 'fleet.plant.example',
  enterprise: EXAMPLE_ENTERPRISE,
  maxBytes: 131_072,
}

/**
 * The log on its way to a SIEM: a receiver that is new hears all of it, over TLS to a process thread of its own, until it has read
 * everything and said so. The way is that of a fleet server: entries read from the store, written as RFC 5424, framed, sent one at a
 * time with back-pressure, each connection ended in order after 2,000 of them. The yardstick sends the same messages, made before, one at
 * a time with the same back-pressure, over one connection to the same receiver. A second one hands them over in pieces of 64 KiB: what
 * TLS and the receiver could take at the most.
 */
export const siemThroughput: Figure = {
  name: 'siem-throughput',
  title: 'The log on its way to a SIEM: syslog over TLS, read by the receiver',
  against: 'the same messages, made before, sent one by one over one TLS connection to the same receiver',
  async run({ scale, say }) {
    const fleet = await QuietFleet.make()
    const now = instant(Date.now())
    const authority = await createAuthority('receivers', now)
    const hosts = ['siem.plant.example']
    const certified = await certifyNewKey(authority, { identity: { kind: 'fleet', id: 'receiver' }, hosts }, now)
    const workerData = { cert: certified.cert, key: certified.key }
    const receiver = new Worker(new URL('./siem-throughput/receiver.ts', import.meta.url), { workerData })
    try {
      const { port } = await new Promise<Listening>((resolve, reject) => {
        receiver.once('message', resolve)
        receiver.once('error', reject)
      })
      say(`a log of ${ENTRIES[scale]} entries`)
      await fill(fleet, ENTRIES[scale])
      const target = { host: '127.0.0.1', port, serverName: 'siem.plant.example', ca: authority.cert }
      const link = orThrow(SyslogTls.to('bench', target))
      const { framed, pieces } = await messages(fleet)
      const size = framed.length
      const runs: Pair[] = []
      const gathered: Pair[] = []
      for (let run = 0; run < RUNS[scale]; run += 1) {
        say(`run ${run + 1}`)
        const measured = size / (await seconds(() => forward(fleet, link, `soc-${run}`)))
        runs.push({ measured, yardstick: size / (await seconds(() => bare(link, framed))) })
        const often = Array.from({ length: TIMES }, () => pieces).flat()
        gathered.push({ measured, yardstick: (TIMES * size) / (await seconds(() => bare(link, often))) })
      }
      const rate = median(runs.map(({ measured }) => measured))
      return {
        lines: [
          ratioLine('entries that a receiver has read', '/s', runs, null),
          ratioLine('the same, against what TLS takes in pieces of 64 KiB', '/s', gathered, null),
          plainLine('a message, with its frame', 'bytes', [framed.reduce((sum, one) => sum + one.length, 0) / size]),
        ],
        bounds: [
          `An entry takes ${micros(rate)} µs, of which ${micros(median(runs.map(({ yardstick }) => yardstick)))} are TLS's: each message is a record, and waits until the system has taken it. The rest reads the entry strictly, hashes it, and writes the message.`,
        ],
      }
    } finally {
      await receiver.terminate()
      fleet.close()
    }
  },
}

type Pair = { readonly measured: number; readonly yardstick: number }

const micros = (perSecond: number): string => (1e6 / perSecond).toFixed(0)

async function seconds(work: () => Promise<void>): Promise<number> {
  const from = performance.now()
  await work()
  return (performance.now() - from) / 1000
}

/** Entries as long as most: some 300 bytes. */
async function fill({ world }: QuietFleet, count: number): Promise<void> {
  for (let first = 0; first < count; first += BATCH) {
    const events = Array.from({ length: Math.min(BATCH, count - first) }, (_, at): Event => {
      const number = first + at
      return {
        kind: 'stage-begun',
        actor: { kind: 'fleet', id: 'quiet' },
        site: `site-${number % 1000}`,
        controller: `rack-${number % 40}-bms-${number % 7}`,
        detail: { number, digest: 'c0ffee'.repeat(10), version: '4.2.1', slot: 'b' },
      }
    })
    await appendEntries(world, events)
  }
}

/** The messages of the whole log, as they are sent: each by itself, and in pieces. */
async function messages({
  world,
}: QuietFleet): Promise<{ framed: readonly Uint8Array[]; pieces: readonly Uint8Array[] }> {
  const { size } = await world.store.log()
  const rows = await world.store.entries(0, size)
  const framed = rows.map(({ index, bytes }) => frame(entryMessage(crypto, FORMAT, index, bytes)))
  const all = concat(...framed)
  const pieces = Array.from({ length: Math.ceil(all.length / PIECE) }, (_, at) =>
    all.subarray(at * PIECE, (at + 1) * PIECE),
  )
  return { framed, pieces }
}

/** Sends what was made before, and waits until all of it has been read. */
async function bare(link: SyslogTls, pieces: readonly Uint8Array[]): Promise<void> {
  const line = orThrow(await link.open())
  for (const piece of pieces) {
    const refused = await line.send(piece)
    if (refused !== null) throw new Error(sentence(refused))
  }
  const open = await line.end()
  if (open !== null) throw new Error(sentence(open))
}

/** A receiver that is new to the fleet server hears the whole log. */
async function forward(fleet: QuietFleet, link: SyslogTls, name: string): Promise<void> {
  const receiver = { name, target: { name }, from: 'beginning', format: FORMAT, link } as const
  await noteReceivers(fleet.world, fleet.siem, [receiver])
  const forwarding = await Forwarding.of(fleet.world, fleet.siem, receiver, () => 0)
  await forwarding.hurry()
  for (;;) {
    const problem = await forwarding.round()
    if (isRefusal(problem)) throw new Error(sentence(problem))
    const { confirmed, size } = await forwarding.state()
    if (confirmed === size) break
  }
  forwarding.stop()
}
