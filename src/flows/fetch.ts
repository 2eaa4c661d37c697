import { fromUtf8, toHex, utf8 } from '../core/encoding/bytes.ts'
import { type Chunk, chunkAt, isChunk } from '../core/firmware/payload.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { isRefusal, type Refusal, RefusalError, refuse } from '../core/refusal/refusal.ts'
import type { FileRef } from '../core/trust/image-target.ts'
import { boxed } from './audit.ts'
import type { BlobId, RepoFile, SiteWorld } from './ports.ts'

/**
 * The bytes of a small blob (an envelope, a plan): fetched when it is not here, mended when it is not what was signed
 * for. Refuses what `fetchBlob` refuses.
 */
export async function fetchSmall(world: SiteWorld, file: FileRef): Promise<Uint8Array | Refusal> {
  const fault = await fetchBlob(world, file)
  if (fault !== null) return fault
  const bytes = await world.blobs.read(file)
  if (!isRefusal(bytes) || bytes.code !== 'blob-digest-mismatch') return bytes
  return (await oneAtATime(world, file, () => mend(world, file, {}))) ?? world.blobs.read(file)
}

/** Downloads under way: whoever wants a blob while it is coming waits for the same transfer. */
const underWay = new WeakMap<SiteWorld, Map<string, Promise<null | Refusal>>>()

function oneAtATime(world: SiteWorld, blob: BlobId, work: () => Promise<null | Refusal>): Promise<null | Refusal> {
  const transfers = underWay.get(world) ?? new Map<string, Promise<null | Refusal>>()
  underWay.set(world, transfers)
  const running = transfers.get(blob.sha256)
  if (running !== undefined) return running
  const transfer = work().finally(() => transfers.delete(blob.sha256))
  transfers.set(blob.sha256, transfer)
  return transfer
}

/** How often a chunk is fetched before the source of it is refused. */
const CHUNK_ATTEMPTS = 3

/**
 * A blob is fetched once, and goes on where it stopped. With the facts of its release each chunk is verified as it comes:
 * a damaged one is fetched again, a few times, and nothing behind it until then. Refuses what the link and
 * `Blobs.append` refuse; `blob-digest-mismatch` for a chunk that keeps coming damaged.
 */
export function fetchBlob(world: SiteWorld, blob: BlobId, facts: ReleaseFacts | null = null): Promise<null | Refusal> {
  return oneAtATime(world, blob, () => transferBlob(world, blob, facts))
}

async function transferBlob(world: SiteWorld, blob: BlobId, facts: ReleaseFacts | null): Promise<null | Refusal> {
  const { length } = blob
  if (await world.blobs.has(blob)) {
    if ((await loggedOf(world, blob)) === 'whole') return null
    // Power failed between the last byte and the entry that tells of it, or between a finding and its setting aside.
    if ((await world.blobs.verify(blob)) === null) return arrived(world, blob, length)
    await world.blobs.quarantine(blob)
  }
  let from = Math.min(await world.blobs.partial(blob), length)
  const checked = facts !== null && facts.imageDigest === blob.sha256 && facts.imageSize === length ? facts : null
  let [last, attempts] = [-1, 0]
  for (;;) {
    const body = from === length ? nothing() : await world.fleet.blob(blob, from)
    if (isRefusal(body)) return body
    let damaged: Chunk | null = null
    const watched =
      checked === null
        ? body
        : chunkwise(world, blob, checked, from, body, chunk => {
            damaged = chunk
          })
    const fault = await world.blobs.append(blob, from, watched)
    const { at } = (damaged as Chunk | null) ?? { at: -1 }
    if (at < 0) return fault ?? arrived(world, blob, from)
    attempts = at === last ? attempts + 1 : 1
    if (attempts >= CHUNK_ATTEMPTS) return fault
    last = at
    from = at
  }
}

/**
 * Passes a payload on, and hashes each chunk on its way: the piece that completes a chunk is passed on only when the
 * chunk is what the release names. Throws `blob-digest-mismatch` as a `RefusalError`, after `onDamage`.
 */
async function* chunkwise(
  world: SiteWorld,
  blob: BlobId,
  facts: ReleaseFacts,
  from: number,
  body: AsyncIterable<Uint8Array>,
  onDamage: (chunk: Chunk) => void,
): AsyncGenerator<Uint8Array> {
  let chunk = chunkAt(facts, from)
  let hash = world.crypto.sha256Stream()
  // What came of this chunk before the line or the power failed.
  for await (const part of world.blobs.unfinished(blob, chunk?.at ?? from, from)) hash.update(part)
  let at = from
  for await (const bytes of body) {
    let rest = bytes
    while (chunk !== null && rest.length > 0) {
      const part = rest.subarray(0, chunk.at + chunk.length - at)
      hash.update(part)
      at += part.length
      if (at === chunk.at + chunk.length) {
        const found = hash.digest()
        if (!isChunk(facts, chunk, found)) {
          onDamage(chunk)
          throw new RefusalError(damage(blob, facts, chunk, found))
        }
        chunk = chunkAt(facts, at)
        hash = world.crypto.sha256Stream()
      }
      yield part
      rest = rest.subarray(part.length)
    }
    // Behind the last chunk there is nothing to come: whoever stores it says so.
    if (rest.length > 0) yield rest
  }
}

function damage(
  { sha256 }: BlobId,
  { chunks }: ReleaseFacts,
  { index, at, length }: Chunk,
  found: Uint8Array,
): Refusal {
  const wanted = `bytes ${at} to ${at + length - 1} with SHA-256 ${chunks.digests[index]}…`
  return refuse('blob-digest-mismatch', `blob ${sha256} from the fleet server`, wanted, `SHA-256 ${toHex(found)}`)
}

/** What the log was last told of a blob in the cache. A file and a log cannot change at once: this says what to add. */
type Logged = 'whole' | 'spoilt'
const CACHE = 'cache'

async function loggedOf(world: SiteWorld, { sha256 }: BlobId): Promise<Logged | null> {
  const row = (await world.store.files(CACHE)).get(sha256)
  return row === undefined ? null : (fromUtf8(row) as Logged)
}

/** If power fails before this commit, the blob is here and not told of: the next look for it tells. */
async function arrived(world: SiteWorld, { sha256, length }: BlobId, resumedAt: number): Promise<null> {
  const entry = boxed(world, { kind: 'download-finished', detail: { sha256, length, resumedAt } })
  await world.store.commit({ files: [logged(sha256, 'whole')], outbox: [entry] })
  return null
}

/** Verifies a cached blob from the disk; what is no longer what was signed for comes again. `about` is for the log. */
export async function sound(
  world: SiteWorld,
  blob: BlobId,
  about: { campaign?: string; controller?: string },
): Promise<null | Refusal> {
  if ((await world.blobs.verify(blob)) === null) return null
  return oneAtATime(world, blob, () => mend(world, blob, about))
}

/** Sets a cached blob aside that is no longer what was signed for, tells of it once, and fetches it again. */
async function mend(
  world: SiteWorld,
  blob: BlobId,
  about: { campaign?: string; controller?: string },
): Promise<null | Refusal> {
  const fault = await world.blobs.verify(blob)
  if (fault?.code === 'blob-digest-mismatch') {
    if ((await loggedOf(world, blob)) !== 'spoilt') {
      const { code, subject, expected, actual } = fault
      const entry = boxed(world, { kind: 'blob-quarantined', code, ...about, detail: { subject, expected, actual } })
      await world.store.commit({ files: [logged(blob.sha256, 'spoilt')], outbox: [entry] })
    }
    // If power fails here, the finding is told, and the blob is still in its place: the next look sets it aside.
    await world.blobs.quarantine(blob)
  }
  return transferBlob(world, blob, null)
}

const logged = (path: string, state: Logged): RepoFile => ({ repo: CACHE, path, bytes: utf8(state) })

async function* nothing(): AsyncGenerator<Uint8Array> {}
