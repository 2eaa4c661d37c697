import { statSync } from 'node:fs'
import { readText } from '../../adapters/config-file.ts'
import { utf8 } from '../../core/encoding/bytes.ts'
import { JsonFault } from '../../core/encoding/canonical-json.ts'
import { exactly, line, list, Misfit, object, type ShapeOf, text, whole } from '../../core/encoding/shape.ts'
import { readJson } from '../../core/encoding/strict-json.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { SaidYes } from '../../flows/full-images.ts'
import type { Clock } from '../../flows/ports.ts'
import { askGateway } from './control.ts'
import { gatewayFiles, writeJson } from './files.ts'

/** Of how many images the list tells at most: the oldest make room. */
const MOST = 256
const MAX_BYTES = 128 * 1024

const shape = object({
  kind: exactly(1),
  allowed: list(
    object({
      sha256: text('a SHA-256 in lower-case hex', /^[0-9a-f]{64}$/),
      at: whole(0, 8_640_000_000_000_000),
      by: line(100),
    }),
    0,
    MOST,
  ),
})

/** A full image that a person said yes to: the SHA-256 of the payload, when, and who (`command`, or a pseudonym). */
export type AllowedImage = ShapeOf<typeof shape>['allowed'][number]

/** What the list says; one that is not there, or is not a list, allows nothing. */
export function allowedImages(path: string): readonly AllowedImage[] {
  const content = readText(path, MAX_BYTES)
  const json = isRefusal(content) ? null : readJson(utf8(content), MAX_BYTES)
  const read = json === null || json instanceof JsonFault ? null : shape(json, '')
  return read === null || read instanceof Misfit ? [] : read.allowed
}

/** The list of a gateway that serves: read again whenever somebody has added to it. */
export class AllowedImages {
  readonly #path: string
  #stamp = ''
  #all: readonly AllowedImage[] = []

  constructor(path: string) {
    this.#path = path
  }

  now(): readonly AllowedImage[] {
    const { ino = 0, mtimeMs = 0 } = statSync(this.#path, { throwIfNoEntry: false }) ?? {}
    const stamp = `${ino} ${mtimeMs}`
    if (stamp === this.#stamp) return this.#all
    this.#stamp = stamp
    this.#all = allowedImages(this.#path)
    return this.#all
  }
}

/** Adds an image to the list; one that stands there stays as it is. If power fails, the list is the one before. Durable on return. */
export function allowImage(path: string, image: AllowedImage): void {
  const before = allowedImages(path)
  if (before.some(({ sha256 }) => sha256 === image.sha256)) return
  writeJson(path, { kind: 1, allowed: [...before, image].slice(-MOST) })
}

/** What was said yes to at the command line. */
type SaidHere = SaidYes & { readonly site: string }

/**
 * `voltseal gateway allow-full`: a person at the gateway says yes to the full image that a controller waits for. The gateway serves meanwhile,
 * and looks at its next turn. Durable on return. Refuses what `askGateway` refuses, `full-image-not-waited-for`, `full-images-never`.
 */
export async function allowFullImage(folder: string, controller: string, clock: Clock): Promise<SaidHere | Refusal> {
  const status = await askGateway(folder)
  if (isRefusal(status)) return status
  const subject = `${status.site}/${controller}`
  const { downloads } = status.link
  const found = downloads.find(({ what, waits, controllers }) => {
    return what === 'image' && waits !== null && controllers.includes(controller)
  })
  if (found === undefined) {
    return refuse('full-image-not-waited-for', subject, 'a full image that waits for a yes', 'none')
  }
  if (found.waits === 'never') {
    return refuse(
      'full-images-never',
      subject,
      'a link over which full images may come',
      'one over which they never do',
    )
  }
  const { sha256, length, controllers } = found
  allowImage(gatewayFiles(folder).allowed, { sha256, at: clock.now(), by: 'command' })
  return { site: status.site, sha256, length, controllers }
}
