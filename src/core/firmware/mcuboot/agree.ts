import type { Crypto } from '../../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../../refusal/refusal.ts'
import type { ReleaseFacts } from '../release-facts.ts'
import type { Version } from '../version.ts'
import { ENCRYPTED_FLAGS, IMAGE_MAGIC, MAGIC_BYTES, type McubootFacts, type McubootVersion } from './layout.ts'
import { checkHash, type McubootImage, readMcuboot } from './read.ts'

/**
 * A version as MCUboot has it, with build number 0. Refuses `mcuboot-fact-invalid`: a pre-release has no place in it, nor
 * has a number above 255, 255 or 65535.
 */
export function mcubootVersion(version: Version): McubootVersion | Refusal {
  const [major = 0, minor = 0, revision = 0] = version.split('.').map(Number)
  const fits = /^\d+\.\d+\.\d+$/.test(version) && major <= 0xff && minor <= 0xff && revision <= 0xffff
  if (fits) return { major, minor, revision, build: 0 }
  return refuse('mcuboot-fact-invalid', 'version', 'up to 255.255.65535, no pre-release', version)
}

/** Whether bytes are an image for MCUboot: they begin with its magic. */
export function isMcuboot(image: Uint8Array): boolean {
  return image.length >= MAGIC_BYTES && new DataView(image.buffer, image.byteOffset).getUint32(0, true) === IMAGE_MAGIC
}

/**
 * Whether a release and the MCUboot images that it carries say the same. Whoever boots by one must not be told otherwise by the
 * other: the first image has the version and the security counter of the release (a release without a floor, counter 0, may
 * have an image without a counter). Of every image, the hash that the boot loader will check is over the very bytes that the
 * manifest's digest covers, and these end where the image ends: bytes behind it could be a trailer, which tells the boot
 * loader that the image was confirmed. Plain images are asked nothing. Null when they agree. Refuses `mcuboot-malformed`,
 * `mcuboot-hash-mismatch`, `mcuboot-disagrees`.
 */
export function mcubootAgrees(
  { version, counter, components }: ReleaseFacts,
  payload: Uint8Array,
  crypto: Crypto,
): null | Refusal {
  let start = 0
  for (const [index, { name, size }] of components.entries()) {
    const image = payload.subarray(start, start + size)
    start += size
    if (!isMcuboot(image)) continue
    const subject = components.length === 1 ? 'payload' : `image of ${name}`
    const read = readMcuboot(image, subject)
    if (isRefusal(read)) return read
    const fault =
      (index === 0 ? sameFacts(read.facts, version, counter) : null) ??
      wholeImage(read, subject) ??
      checkHash(read, subject, crypto)
    if (fault !== null) return fault
  }
  return null
}

function sameFacts(facts: McubootFacts, version: Version, counter: number): null | Refusal {
  const { major, minor, revision } = facts.version
  const theirs = `${major}.${minor}.${revision}`
  if (theirs !== version) return disagrees('version in the header of the image', version, theirs)
  if ((facts.counter ?? 0) === counter) return null
  return disagrees('security counter of the image', String(counter), String(facts.counter ?? 'none'))
}

function wholeImage({ facts, trailing }: McubootImage, subject: string): null | Refusal {
  if (trailing !== 0) return disagrees(subject, 'an image and nothing behind it', `${trailing} bytes behind it`)
  if ((facts.flags & ENCRYPTED_FLAGS) === 0) return null
  return disagrees(subject, 'an image in the clear', 'one that MCUboot would decrypt')
}

const disagrees = (subject: string, expected: string, actual: string): Refusal =>
  refuse('mcuboot-disagrees', subject, expected, actual)
