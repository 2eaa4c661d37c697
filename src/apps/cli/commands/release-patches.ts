import { statSync } from 'node:fs'
import { readImage, readRelease } from '../../../adapters/release-folder.ts'
import { likely } from '../../../core/delta/detect.ts'
import { toHex } from '../../../core/encoding/bytes.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { inspectRelease, type ReleasePatch } from '../../../flows/release.ts'
import { makePatch } from '../../process/patch-making.ts'
import type { Cli } from '../cli.ts'
import { adviseOnImages } from '../image-advice.ts'
import { Progress } from '../progress.ts'
import type { Cell } from '../table.ts'

/** What making a patch may take of the machine's memory, in bytes. */
const MAKING_MEMORY = 4 * 1024 * 1024 * 1024

/**
 * Makes the patches of a new release, each from an image, or from the images of a release that travels in the clear. One that is not
 * smaller than the images is left out, and said. Refuses what reading and `makePatch` refuse, `usage-error` for a release that is encrypted
 * (its images are not in the folder).
 */
export async function patchesFrom(
  cli: Cli,
  sources: readonly string[],
  image: Uint8Array,
): Promise<readonly ReleasePatch[] | Refusal> {
  const made: ReleasePatch[] = []
  const progress = new Progress(cli.output, Math.max(1, sources.length))
  for (const [index, source] of sources.entries()) {
    const old = imageIn(cli, source)
    if (isRefusal(old)) return old
    adviseOnImages(cli, 'patch', [{ file: source, image: old }])
    const base = toHex(cli.world.crypto.sha256(old))
    const { architectures, load } = likely(old, image)
    const making = {
      memory: MAKING_MEMORY,
      tell: (share: number, doing: string) => progress.at(index + share, `${source}: ${doing}`),
      stop: cli.world.onStop(),
    }
    // The thread takes its images with it.
    const bytes = await makePatch({ old, now: image.slice(), architectures, load, proven: true }, making, source)
    if (isRefusal(bytes)) return bytes
    if (bytes.length < image.length) made.push({ base, bytes })
    else cli.output.warn(`The patch from ${source} would not be smaller than the images: it is left out.`)
  }
  if (sources.length > 0) progress.end('patches made')
  return made
}

/** The images at a path: a file, or the payload of a release in the clear. */
function imageIn({ world }: Cli, source: string): Uint8Array | Refusal {
  if (statSync(source, { throwIfNoEntry: false })?.isDirectory() !== true) return readImage(source)
  const files = readRelease(source)
  if (isRefusal(files)) return files
  const seen = inspectRelease(files, world)
  if (isRefusal(seen)) return seen
  if (seen.facts.encryption === null) return files.payload
  return refuse('usage-error', `--patch-from ${source}`, 'an image, or a release in the clear', 'an encrypted release')
}

/** The patches of a release, one to a line. */
export const patchLines = (patches: readonly { readonly base: string; readonly bytes: Uint8Array }[]) =>
  patches.map(({ base, bytes }): readonly [string, Cell] => [
    'patch from',
    `${base.slice(0, 16)}…, ${bytes.length} bytes`,
  ])

export const patchesJson = (
  patches: readonly { readonly base: string; readonly memory: number; readonly bytes: Uint8Array }[],
) => patches.map(({ base, memory, bytes }) => ({ base, memory, bytes: bytes.length }))
