import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { nodeCrypto as crypto } from '../src/adapters/crypto-node.ts'
import { folderLog } from '../src/adapters/log-folder.ts'
import { concat, toHex, utf8 } from '../src/core/encoding/bytes.ts'
import { instant } from '../src/core/encoding/units.ts'
import { writeBundle } from '../src/core/ledger/bundle.ts'
import { checkpointText } from '../src/core/ledger/checkpoint.ts'
import { entryBytes } from '../src/core/ledger/entry.ts'
import { type LogPolicy, noWitness } from '../src/core/ledger/log-policy.ts'
import { leafHash, rootOfLeaves } from '../src/core/ledger/merkle.ts'
import { CHECKPOINT_PATH, TILE_WIDTH, tileAt, tilePath } from '../src/core/ledger/tiles.ts'
import { writeProof } from '../src/core/ledger/tlog-proof.ts'
import { openProof } from '../src/core/ledger/trusted-head.ts'
import { orThrow } from '../src/core/refusal/refusal.ts'
import { proveEntry, verifyFiles } from '../src/flows/prove.ts'
import { logKey, ORIGIN, signedBy, testLogKey } from '../tests/core/ledger/keys.ts'
import { type Figure, median, plainLine, RUNS, ratioLine } from './figure.ts'

/**
 * A whole log verified from a folder, as `audit verify` does it: every entry read, parsed and hashed, bundles against tiles, tiles
 * against the root; and one entry of it proved. Entries are of the size that a fleet's are. The yardstick hashes the same bytes of the
 * same files and does nothing else.
 */
export const logVerification: Figure = {
  name: 'log-verification',
  title: 'Verifying a log, and the proof of one entry',
  against: 'bare SHA-256 over the same bytes, read from the same files',
  async run(run) {
    const size = run.scale === 'full' ? 1_000_000 : 3000
    const folder = mkdtempSync(join(tmpdir(), 'voltseal-bench-log-'))
    try {
      run.say(`a log of ${size} entries`)
      const bytes = await writeLog(folder, size)
      const policy = noWitness(logKey(1))
      const rounds: { measured: number; yardstick: number }[] = []
      for (let round = 0; round < RUNS[run.scale]; round += 1) {
        run.say(`round ${round + 1}`)
        const yardstick = size / (await seconds(() => hashAll(folder, size)))
        const measured = size / (await seconds(() => verifyAll(folder, policy, size)))
        rounds.push({ measured, yardstick })
      }
      const proofs = await proveSome(folder, policy, size)
      return {
        lines: [
          ratioLine(`a log of ${size} entries, verified`, 'entries/s', rounds, null),
          plainLine(`the proof of one of ${size} entries, with the entry`, 'bytes', [median(proofs.bytes)]),
          plainLine('making it, from the files', 'ms', [median(proofs.made)]),
          plainLine('verifying it, offline', 'ms', [median(proofs.verified)]),
        ],
        bounds: [
          `An entry has ${(bytes / size).toFixed(0)} bytes. What bounds it: an entry is read strictly and must be in its one spelling, which takes several times as long as its two hashes.`,
        ],
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const from = performance.now()
  await work()
  return (performance.now() - from) / 1000
}

async function verifyAll(folder: string, policy: LogPolicy, size: number): Promise<void> {
  const { verdict } = orThrow(await verifyFiles(folderLog(folder), policy, crypto))
  if (!verdict.sound || verdict.size !== size) throw new Error('the log is not sound')
}

async function hashAll(folder: string, size: number): Promise<void> {
  const log = folderLog(folder)
  const hash = crypto.sha256Stream()
  for (let first = 0; first < size; first += TILE_WIDTH) {
    hash.update((await log.file(tilePath(tileAt('entries', first, size)))) as Uint8Array)
  }
  hash.digest()
}

/** Proofs of entries all over the log. */
async function proveSome(folder: string, policy: LogPolicy, size: number) {
  const some = Array.from({ length: 20 }, (_, at) => Math.floor(((at + 0.5) * size) / 20))
  const [bytes, made, verified]: [number[], number[], number[]] = [[], [], []]
  for (const index of some) {
    let text = ''
    const took = await seconds(async () => {
      text = writeProof(orThrow(await proveEntry(folderLog(folder), policy, crypto, { index })).proof)
    })
    made.push(took * 1000)
    bytes.push(text.length)
    verified.push((await seconds(async () => void orThrow(openProof(text, policy, crypto)))) * 1000)
  }
  return { bytes, made, verified }
}

/** Writes a log of entries as controllers make them; answers how many bytes they are. */
async function writeLog(folder: string, size: number): Promise<number> {
  const put = (path: string, content: Uint8Array): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  let total = 0
  let hashes: Uint8Array[] = []
  for (let first = 0; first < size; first += TILE_WIDTH) {
    const bundle = tileAt('entries', first, size)
    const entries = Array.from({ length: bundle.width }, (_, at) => entryOf(first + at))
    total += entries.reduce((sum, entry) => sum + entry.length, 0)
    hashes.push(...entries.map(entry => leafHash(crypto, entry)))
    put(tilePath(bundle), writeBundle(entries))
  }
  const root = rootOfLeaves(crypto, hashes)
  for (let level = 0; hashes.length > 0; level += 1) {
    const above: Uint8Array[] = []
    for (let first = 0; first < hashes.length; first += TILE_WIDTH) {
      const held = hashes.slice(first, first + TILE_WIDTH)
      put(tilePath({ level, index: first / TILE_WIDTH, width: held.length }), concat(...held))
      if (held.length === TILE_WIDTH) above.push(rootOfLeaves(crypto, held))
    }
    hashes = above
  }
  const text = checkpointText({ origin: ORIGIN, size, root, extensions: [] })
  put(CHECKPOINT_PATH, utf8(signedBy(testLogKey(1), text)))
  return total
}

const entryOf = (number: number): Uint8Array =>
  orThrow(
    entryBytes({
      v: 1,
      kind: 'controller-report',
      at: instant(1_790_000_000_000 + number * 1000),
      clock: 'synchronised',
      actor: {
        kind: 'controller',
        id: `harbour/bms-${number % 40}`,
        key: toHex(crypto.sha256(utf8(`${number % 40}`))),
      },
      site: 'harbour',
      controller: `bms-${number % 40}`,
      campaign: 'spring',
      detail: {
        event: 'confirmed',
        version: '2.3.0',
        state: 'stable',
        slot: 'b',
        boot: number % 900,
        probes: ['cell-spread'],
      },
    }),
  )
