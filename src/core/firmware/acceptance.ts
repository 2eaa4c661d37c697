import type { Crypto } from '../encoding/crypto.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { type Carried, carriedBy } from './encryption.ts'
import { mcubootAgrees } from './mcuboot/agree.ts'
import { changeOf, type Dependency, type ReleaseFacts, type ReleaseTarget } from './release-facts.ts'
import { compareVersions, type Version } from './version.ts'

/**
 * A controller, as far as the question "may this release run here?" goes. `slotBytes` is what the slot can hold of the
 * image; `counter` the security floor; `installed` what runs now, if anything does.
 */
export type Device = {
  readonly vendor?: string
  readonly class: string
  readonly hardware: string
  readonly slotBytes: number
  readonly bootloader: number
  readonly counter: number
  readonly installed?: { readonly version: Version; readonly sequence: number }
}

/**
 * Whether a release may be offered to, and staged on, a controller: the same checks at the gateway and on the device.
 * Null when it may. Refuses, in this order, `release-wrong-vendor`, `release-wrong-class`, `release-wrong-hardware`,
 * `release-larger-than-slot`, `release-below-floor`, `release-bootloader-unsuited` and `release-not-newer` (the version,
 * then the manifest's sequence number).
 */
export function acceptFor(device: Device, facts: ReleaseFacts): Refusal | null {
  return fitsDevice(device, facts) ?? newerThan(device.installed, facts)
}

/** The checks that hold at every power-up too: all of `acceptFor` but "newer than what is installed". */
export function fitsDevice(device: Omit<Device, 'installed'>, facts: ReleaseFacts): Refusal | null {
  const subject = `release ${facts.class} ${facts.version}`
  if (device.vendor !== undefined && facts.vendor !== device.vendor) {
    return refuse('release-wrong-vendor', subject, device.vendor, facts.vendor)
  }
  if (facts.class !== device.class) return refuse('release-wrong-class', subject, device.class, facts.class)
  if (!facts.hardware.includes(device.hardware)) {
    return refuse('release-wrong-hardware', subject, device.hardware, facts.hardware.join(', ').slice(0, 80))
  }
  if (facts.imageSize > device.slotBytes) {
    return refuse('release-larger-than-slot', subject, `at most ${device.slotBytes} bytes`, `${facts.imageSize} bytes`)
  }
  if (facts.counter < device.counter) {
    return refuse('release-below-floor', subject, `a counter of at least ${device.counter}`, String(facts.counter))
  }
  const { min, max } = facts.bootloader
  if (device.bootloader < min || device.bootloader > max) {
    return refuse('release-bootloader-unsuited', subject, `bootloader ${min} to ${max}`, String(device.bootloader))
  }
  return null
}

/** The images that a controller has room for, first the one that it runs from: name, and room in bytes. */
export type Room = { readonly name: string; readonly bytes: number }

/**
 * Whether the images of a release are those of a controller, in its order, each within its room. Refuses
 * `release-wrong-components` and `release-larger-than-slot`.
 */
export function fitsRooms(rooms: readonly Room[], facts: ReleaseFacts): Refusal | null {
  const subject = `release ${facts.class} ${facts.version}`
  const [wanted, named] = [rooms, facts.components].map(all => all.map(({ name }) => name).join(', '))
  if (wanted !== named) return refuse('release-wrong-components', subject, wanted as string, named as string)
  for (const [index, { name, size }] of facts.components.entries()) {
    const room = (rooms[index] as Room).bytes
    if (size > room)
      return refuse('release-larger-than-slot', `${subject}, ${name}`, `at most ${room} bytes`, `${size} bytes`)
  }
  return null
}

function newerThan(installed: Device['installed'], facts: ReleaseFacts): Refusal | null {
  if (installed === undefined) return null
  const subject = `release ${facts.class} ${facts.version}`
  if (compareVersions(facts.version, installed.version) <= 0) {
    return refuse('release-not-newer', subject, `a version above ${installed.version}`, facts.version)
  }
  if (facts.sequence <= installed.sequence) {
    const expected = `a sequence number above ${installed.sequence}`
    return refuse('release-not-newer', subject, expected, String(facts.sequence))
  }
  return null
}

/** Whether a version is one that a dependency accepts: from `min`, below `below`. */
export const isWithin = (version: Version, { min, below }: Pick<Dependency, 'min' | 'below'>): boolean =>
  compareVersions(version, min) >= 0 && (below === undefined || compareVersions(version, below) < 0)

/**
 * Whether bytes are the payload that a manifest names, as it travels: the ciphertext of an encrypted release. An image for
 * MCUboot that travels as it is says what the manifest says. Refuses `image-size-mismatch`, `image-digest-mismatch`,
 * and what `mcubootAgrees` refuses.
 */
export function isPayloadOf(facts: ReleaseFacts, payload: Uint8Array, crypto: Crypto): Refusal | null {
  const digest = crypto.sha256(payload).toHex()
  const encrypted = facts.encryption !== null
  return (
    isDigestOf(facts, carriedBy(facts), payload.length, digest) ??
    (encrypted ? null : mcubootAgrees(facts, payload, crypto))
  )
}

/** The same of the images in the clear, whichever way they travelled. */
export function areImagesOf(facts: ReleaseFacts, images: Uint8Array, crypto: Crypto): Refusal | null {
  const named = { sha256: facts.imageDigest, length: facts.imageSize }
  return isDigestOf(facts, named, images.length, crypto.sha256(images).toHex()) ?? mcubootAgrees(facts, images, crypto)
}

function isDigestOf(facts: ReleaseFacts, named: Carried, length: number, digest: string): Refusal | null {
  const subject = `image of ${facts.class} ${facts.version}`
  if (length !== named.length) {
    return refuse('image-size-mismatch', subject, `${named.length} bytes`, `${length} bytes`)
  }
  if (digest !== named.sha256) return refuse('image-digest-mismatch', subject, named.sha256, digest)
  return null
}

/**
 * One owner per fact: what the image repository's metadata repeats of a manifest must be equal to it, or the package is
 * refused. `target` is the custom data of the envelope's target. Refuses `release-metadata-disagrees`, which names the
 * first fact that differs.
 */
export function agreesWithTarget(facts: ReleaseFacts, target: ReleaseTarget): Refusal | null {
  const carried = carriedBy(facts)
  const rows: readonly (readonly [string, unknown, unknown])[] = [
    ['class', facts.class, target.class],
    ['hardware', facts.hardware, target.hardware],
    ['version', facts.version, target.version],
    ['sequence', facts.sequence, target.sequence],
    ['counter', facts.counter, target.counter],
    ['payload digest', carried.sha256, target.payload.sha256],
    ['payload length', carried.length, target.payload.length],
    ['image digest', facts.encryption === null ? null : facts.imageDigest, target.encrypted?.image ?? null],
    [
      'change of keys',
      facts.transition && changeOf(facts.transition),
      target.transition && changeOf(target.transition),
    ],
  ]
  for (const [what, signed, repeated] of rows) {
    const expected = JSON.stringify(signed ?? null)
    const actual = JSON.stringify(repeated ?? null)
    if (expected === actual) continue
    const subject = `release ${facts.class} ${facts.version}, ${what}`
    return refuse('release-metadata-disagrees', subject, `${expected} as in the manifest`, `${actual} in the metadata`)
  }
  return null
}
