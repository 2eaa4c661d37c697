import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { systemClock } from '../src/adapters/clock-system.ts'
import { nodeCrypto as crypto } from '../src/adapters/crypto-node.ts'
import { inflateNode } from '../src/adapters/inflate-node.ts'
import { readZip, unpack, type ZipMember } from '../src/core/encoding/zip.ts'
import { PACK_LIMITS } from '../src/core/ledger/pack/layout.ts'
import { verifierKey } from '../src/core/ledger/signed-note.ts'
import { CHECKPOINT_PATH, tilePath, tilesBetween } from '../src/core/ledger/tiles.ts'
import { logKey } from '../tests/core/ledger/keys.ts'
import { commandLine } from '../tests/worlds/command-line.ts'
import { campaignEntries, filesOf } from '../tests/worlds/evidence-log.ts'
import { type Figure, plainLine, RUNS, ratioLine, type Scale } from './figure.ts'

/** Two sites whose controllers are updated each month; a pack of one of them cites some 10,000 events. */
const LOG = {
  full: { sites: 2, controllers: 207, months: 12 },
  tiny: { sites: 2, controllers: 4, months: 2 },
} as const

/**
 * An evidence pack, as `evidence export` makes it from a copy of the log and verifies it before it is written: the whole log read, every
 * cited event proven, tables, the report as PDF, the ZIP file; then `evidence verify`, as whoever gets it does. The yardsticks do
 * nothing but what nobody can leave out: hash and deflate the bytes of the pack's files, or inflate and hash them.
 */
export const evidencePack: Figure = {
  name: 'evidence-pack',
  title: 'An evidence pack: made with all its proofs, and verified offline',
  against: 'bare SHA-256 and zlib over the bytes of the same files',
  async run({ scale, say }) {
    const folder = mkdtempSync(join(tmpdir(), 'voltseal-bench-pack-'))
    try {
      const size = await writeLog(join(folder, 'log'), scale)
      say(`a log of ${size} entries`)
      writeVerifier(join(folder, 'verifier'), scale)
      const key = verifierKey(crypto, logKey(1)) as string
      const zip = join(folder, 'pack.zip')
      const from = ['--log', join(folder, 'log'), '--verifier', join(folder, 'verifier')]
      const make = () => {
        // A pack is never written over.
        rmSync(zip, { force: true })
        return ran('evidence', 'export', '--site', 'harbour-1', ...from, '--key', key, '-o', zip)
      }
      const verify = () => ran('evidence', 'verify', zip, '--key', key, '--events-only')
      // What is loaded at the first use is not the pack's.
      const { events } = (await make()).json as { events: number }
      const made: Pair[] = []
      const verified: Pair[] = []
      for (let run = 0; run < RUNS[scale]; run += 1) {
        say(`run ${run + 1}`)
        const members = membersOf(zip)
        const files = members.map(one => unpack(one, inflateNode) as Uint8Array)
        made.push({ measured: (await make()).seconds, yardstick: seconds(() => packAll(files)) })
        verified.push({ measured: (await verify()).seconds, yardstick: seconds(() => unpackAll(members)) })
      }
      const bytes = statSync(zip).size
      return {
        lines: [
          ratioLine(`a pack of ${events} events, made and verified`, 's', made, null),
          ratioLine('verified by whoever gets it', 's', verified, null),
          plainLine('its size', 'MiB', [bytes / 2 ** 20]),
          plainLine('of that, for each event', 'bytes', [bytes / events]),
        ],
        bounds: [
          `Out of a log of ${size} entries, all of which are read and verified. What bounds it: the proofs are as many small files, which are deflated one by one (a third of it); the report's 1,500 rows, which are set line by line (a fifth); and that the pack is verified whole before it is written (a fifth).`,
        ],
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

type Pair = { readonly measured: number; readonly yardstick: number }

async function ran(...argv: string[]): Promise<{ json: unknown; seconds: number }> {
  const begun = performance.now()
  const { exit, out, err } = await commandLine([...argv, '--json'], { clock: systemClock })
  if (exit !== 0) throw new Error(`voltseal ${argv.join(' ')}: exit ${exit}: ${err}`)
  return { json: JSON.parse(out), seconds: (performance.now() - begun) / 1000 }
}

function seconds(work: () => void): number {
  const begun = performance.now()
  work()
  return (performance.now() - begun) / 1000
}

function packAll(files: readonly Uint8Array[]): void {
  for (const bytes of files) {
    crypto.sha256(bytes)
    deflateRawSync(bytes, { level: 6 })
  }
}

function unpackAll(members: readonly ZipMember[]): void {
  for (const member of members) crypto.sha256(unpack(member, inflateNode) as Uint8Array)
}

function membersOf(zip: string): readonly ZipMember[] {
  const members = readZip(new Uint8Array(readFileSync(zip)), PACK_LIMITS)
  if (!Array.isArray(members)) throw new Error('the pack is no ZIP file')
  return members
}

/** Writes the files of a log of campaigns; answers how many entries it has. */
async function writeLog(folder: string, scale: Scale): Promise<number> {
  const entries = campaignEntries(LOG[scale])
  const log = filesOf(entries)
  for (const path of [CHECKPOINT_PATH, ...[...tilesBetween(0, entries.length)].map(tilePath)]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), (await log.file(path)) as Uint8Array)
  }
  return entries.length
}

/** The verifier that lies in every pack. To see that the bench runs, short files do for it. */
function writeVerifier(folder: string, scale: Scale): void {
  if (scale === 'full') {
    const script = join(import.meta.dirname, '..', 'scripts', 'build-verifier.ts')
    execFileSync(process.execPath, [script, folder], { stdio: 'pipe' })
    return
  }
  mkdirSync(folder)
  for (const name of ['verify.html', 'verify.mjs']) writeFileSync(join(folder, name), 'none')
  writeFileSync(join(folder, 'sources.json'), '{}')
}
