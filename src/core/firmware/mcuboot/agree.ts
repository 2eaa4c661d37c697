import { isRefusal, type Refusal, refuse } from '../../refusal/refusal.ts'
import type { ReleaseFacts } from '../release-facts.ts'
import type { Version } from '../version.ts'
import { IMAGE_MAGIC, type McubootVersion } from './layout.ts'
import { readMcuboot } from './read.ts'

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
  return image.length >= 4 && new DataView(image.buffer, image.byteOffset).getUint32(0, true) === IMAGE_MAGIC
}

/**
 * Whether a release and the MCUboot image that it carries say the same: version and security counter stand in both, and
 * whoever boots by one must not be told otherwise by the other. Null when they do, or when the payload is no such image.
 * Refuses `mcuboot-malformed` and `mcuboot-disagrees`.
 */
export function mcubootAgrees({ version, counter, components }: ReleaseFacts, payload: Uint8Array): null | Refusal {
  const image = payload.subarray(0, components[0]?.size)
  if (!isMcuboot(image)) return null
  const read = readMcuboot(image, 'payload')
  if (isRefusal(read)) return read
  const { major, minor, revision } = read.facts.version
  const [theirs, ours] = [`${major}.${minor}.${revision}`, version]
  if (theirs !== ours) return refuse('mcuboot-disagrees', 'version in the header of the image', ours, theirs)
  if (read.facts.counter === counter) return null
  return refuse(
    'mcuboot-disagrees',
    'security counter of the image',
    String(counter),
    String(read.facts.counter ?? 'none'),
  )
}
