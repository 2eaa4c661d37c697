import { gzipSync } from 'node:zlib'
import { nodeCrypto as crypto } from '../src/adapters/crypto-node.ts'
import { toHex, utf8 } from '../src/core/encoding/bytes.ts'
import { type Instant, instant } from '../src/core/encoding/units.ts'
import { orThrow } from '../src/core/refusal/refusal.ts'
import { findTarget } from '../src/core/trust/find-target.ts'
import { binsOf, publication, publicationInBins } from '../src/core/trust/hash-bins.ts'
import type { Target, Targets } from '../src/core/trust/metadata.ts'
import { type FileAnswer, type FileRequest, refresh } from '../src/core/trust/refresh.ts'
import type { TrustedSet } from '../src/core/trust/trusted-set.ts'
import { drive } from '../src/flows/drive.ts'
import { openRepository, storedBin } from '../src/flows/keep.ts'
import { publishRelease } from '../src/flows/publish.ts'
import { QuietFleet, sealedBy } from '../tests/worlds/quiet-fleet.ts'
import { type Figure, type Line, plainLine, RUNS, type Run, ratioLine } from './figure.ts'

const TARGETS = { full: [10_000, 50_000], tiny: [1200] } as const
/** Publications behind the first, so that the bins have versions as after a life and not all the same one. */
const LIVED = { full: 60, tiny: 2 } as const
const BUDGET = 20 * 1024

/**
 * The image repository at 10,000 and at 50,000 targets (two of each release: an envelope with its facts, and a payload).
 * What a client downloads that has the root and nothing else and looks one release up: timestamp, snapshot, top-level
 * targets and the bins of envelope and payload, as a gateway gets them (gzip, which the fleet server speaks) and as the
 * plain files that a web server without compression gives. And what one more release costs the server to publish, from the
 * signed files to the durable commit.
 *
 * Against 20 KiB; and against publishing into a repository of ten targets.
 *
 * What bounds the bytes: half is the snapshot, which names each of 1,024 bins with its version, half the two bins. The
 * digests in a bin do not compress.
 */
export const imageTargets: Figure = {
  name: 'image-targets',
  title: 'The image repository at 10,000 and 50,000 targets',
  against: '20 KiB for a client beyond the root; publishing into a repository of ten targets',
  async run(run) {
    const lines: Line[] = []
    const bounds: string[] = []
    const small = await publishing(10, run)
    for (const count of TARGETS[run.scale]) {
      run.say(`${count} targets`)
      const grown = await publishing(count, run)
      const kib = (sizes: readonly Size[], of: (size: Size) => number) =>
        sizes.map(size => ({ measured: of(size) / 1024, yardstick: BUDGET / 1024 }))
      const target = { bound: 'at most', ratio: 1 } as const
      lines.push(
        ratioLine(
          `${count} targets: a client, gzip`,
          'KiB',
          kib(grown.sizes, size => size.packed),
          target,
        ),
      )
      lines.push(
        plainLine(
          `${count} targets: a client, plain files`,
          'KiB',
          grown.sizes.map(size => size.plain / 1024),
        ),
      )
      const runs = grown.millis.map((measured, at) => ({ measured, yardstick: small.millis[at]! }))
      lines.push(ratioLine(`${count} targets: one more release`, 'ms', runs, null))
      const [one] = grown.sizes
      const of = (role: string): string => `${((one!.byRole.get(role) ?? 0) / 1024).toFixed(1)} KiB`
      bounds.push(
        `${count} targets, packed: snapshot ${of('snapshot')}, two bins ${of('bins')}, timestamp and top-level targets ${of('rest')}. In one file they were ${(grown.flat / 1024).toFixed(0)} KiB, packed.`,
      )
    }
    return { lines, bounds }
  },
}

type Size = { readonly packed: number; readonly plain: number; readonly byRole: ReadonlyMap<string, number> }

async function publishing(count: number, run: Run) {
  const fleet = await QuietFleet.make()
  try {
    // No two digests are alike, as in life, so they do not compress; that the blobs are there is taken for granted, since
    // reading them costs what their lengths cost, whatever the number of targets.
    fleet.world = { ...fleet.world, blobs: Object.assign(fleet.world.blobs, { verify: async () => null }) }
    const expires = instant(fleet.clock.now() + 365 * 86_400_000)
    const all = Array.from({ length: count / 2 }, (_, at) => releaseOf(at)).flat()
    await publish(fleet, all, expires)
    for (let at = 0; at < LIVED[run.scale]; at += 1) {
      await publish(fleet, Array.from({ length: 20 }, (_, n) => releaseOf(count + at * 20 + n)).flat(), expires)
    }
    const millis: number[] = []
    const sizes: Size[] = []
    for (let round = 0; round < RUNS[run.scale]; round += 1) {
      millis.push(await publish(fleet, releaseOf(count * 2 + round), expires))
      sizes.push(await downloaded(fleet, releaseOf((round * 7) % (count / 2))))
    }
    const flat = gzipSync(JSON.stringify(Object.fromEntries(all.map(one => [one.path, one])))).length
    return { millis, sizes, flat }
  } finally {
    fleet.close()
  }
}

/** Signs as the command line does, hands in, and answers how long the server took, in milliseconds. */
async function publish(fleet: QuietFleet, add: readonly Target[], expires: Instant): Promise<number> {
  const set = orThrow(await openRepository(fleet.world, 'image'))
  const made = orThrow(await written(fleet, set, add, expires))
  const signers = [fleet.key('release')]
  const metadata = await sealedBy(made.targets, signers)
  const bins = new Map<string, Uint8Array>()
  for (const [name, bin] of made.bins) bins.set(name, await sealedBy(bin, signers))
  const started = process.hrtime.bigint()
  orThrow(await publishRelease(fleet.world, 'bench', { metadata, bins }))
  return Number(process.hrtime.bigint() - started) / 1e6
}

async function written({ world }: QuietFleet, set: TrustedSet, add: readonly Target[], expires: Instant) {
  const [root, targets] = [set.root.signed, set.targets!.signed]
  if (targets.delegations === null) return publication(root, targets, { add }, expires, crypto)
  const bins = new Map<string, Targets>()
  for (const name of binsOf(
    targets,
    add.map(({ path }) => path),
    crypto,
  )) {
    bins.set(name, orThrow(await storedBin(world, set, name)).signed)
  }
  return publicationInBins(root, targets, bins, { add }, expires, crypto)
}

/** A release as targets: its facts beside the envelope are as long as those of a real one, and no two are alike. */
function releaseOf(at: number): readonly [Target, Target] {
  const version = `${Math.floor(at / 100)}.${at % 100}.${at % 7}`
  const folder = `class-${at % 40}/${version}-${at}`
  const file = (path: string) => ({ path, length: 200_000 + at, sha256: toHex(crypto.sha256(utf8(path))) })
  const payload = file(`${folder}/payload.bin`)
  const facts = { class: `class-${at % 40}`, counter: at % 9, hardware: ['r1', 'r2'] }
  const custom = { ...facts, payload, sequence: at + 1, version }
  // Not named as an envelope: nobody opens it here.
  return [
    { ...file(`${folder}/envelope.bin`), custom },
    { ...payload, custom: null },
  ]
}

async function downloaded(fleet: QuietFleet, wanted: readonly Target[]): Promise<Size> {
  const now = fleet.clock.now()
  const byRole = new Map<string, number>()
  let [packed, plain] = [0, 0]
  const answer = async ({ role, path }: FileRequest): Promise<FileAnswer> => {
    const bytes = await fleet.world.store.file('image', path)
    if (bytes === null) return null
    // As the server sends it (apps/fleet/api/gateways.ts).
    const sent = bytes.length > 1024 ? gzipSync(bytes).length : bytes.length
    const kind = role === 'snapshot' ? role : role.startsWith('bin-') ? 'bins' : 'rest'
    byRole.set(kind, (byRole.get(kind) ?? 0) + sent)
    packed += sent
    plain += bytes.length
    return bytes
  }
  const refreshed = await drive(refresh(await fleet.client('image'), now, crypto), answer)
  if (refreshed.at !== 'current') throw new Error(refreshed.refusal.code)
  let { set } = refreshed
  for (const { path } of wanted) {
    const found = orThrow(await drive(findTarget(set, path, now, crypto), answer))
    if (found.target === null) throw new Error(`${path} is not found`)
    set = found.set
  }
  return { packed, plain, byRole }
}
