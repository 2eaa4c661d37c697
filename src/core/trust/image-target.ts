import { list, Misfit, text, whole } from '../encoding/shape.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { Target } from './metadata.ts'
import { className } from './names.ts'
import { open } from './open-shape.ts'
import { TARGET_PATH } from './target-path.ts'

/** A file by its target path, its length in bytes and its SHA-256 in lower-case hex. */
export type FileRef = { readonly path: string; readonly length: number; readonly sha256: string }

/** What the image repository says of an envelope: the custom data of its target. `payload` is a target of its own. */
export type ImageTarget = {
  readonly class: string
  readonly hardware: readonly string[]
  readonly version: string
  readonly sequence: number
  readonly counter: number
  readonly payload: FileRef
}

const WORD = 0xffffffff

const shape = open({
  class: className,
  hardware: list(className, 1, 64),
  version: text('a version', /^[0-9A-Za-z.-]{1,64}$/),
  sequence: whole(1, WORD),
  counter: whole(0, WORD),
  payload: open({
    path: text('a target path', TARGET_PATH),
    length: whole(1, Number.MAX_SAFE_INTEGER),
    sha256: text('a SHA-256 in lower-case hex', /^[0-9a-f]{64}$/),
  }),
})

/** Reads what the image repository says of an envelope. Refuses `image-target-malformed`. */
export function readImageTarget(target: Target): ImageTarget | Refusal {
  const read = shape(target.custom, 'custom')
  if (!(read instanceof Misfit)) return read
  return refuse('image-target-malformed', `image: ${target.path}`, read.expected, `${read.actual} at ${read.at}`)
}

export const sameFile = (a: FileRef, b: FileRef): boolean => a.length === b.length && a.sha256 === b.sha256

export const describe = ({ length, sha256 }: FileRef): string => `${length} bytes, ${sha256}`
