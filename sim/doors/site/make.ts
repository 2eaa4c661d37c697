import { existsSync, rmSync } from 'node:fs'
import { certificateRequest } from '../../../src/adapters/certificates.ts'
import { nodeCipher } from '../../../src/adapters/cipher-node.ts'
import { writeWhole } from '../../../src/adapters/config-file.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { readRelease } from '../../../src/adapters/release-folder.ts'
import { loadPublicKey } from '../../../src/adapters/signer-file.ts'
import { type Anchor, inspectEnvelope } from '../../../src/core/firmware/suit-open.ts'
import type { Site, SiteController } from '../../../src/core/fleet/topology.ts'
import { isRefusal, type Refusal, refuse } from '../../../src/core/refusal/refusal.ts'
import { keyId } from '../../../src/core/trust/keys.ts'
import type { Clock } from '../../../src/flows/ports.ts'
import { type DeviceRequest, deviceRequest } from '../../../src/wire/fleet-api.ts'
import { type FactoryImage, SimController } from '../../controller/sim-controller.ts'
import { geometryOf, type MadeSite, readSiteFile, siteFiles, writeMade } from './folder.ts'

/** `factory`: the release folder that each class leaves its factory with, by class. */
export type MakeOptions = {
  readonly site: string
  readonly data: string
  readonly anchors: readonly string[]
  readonly factory: Readonly<Record<string, string>>
}

/**
 * Manufactures every controller of a site: factory image in slot a and golden, anchors, keys in the secure element.
 * `enrolment.json` is written last: while it is missing, nothing was made, and the next try starts over.
 *
 * Refuses `folder-not-empty` (made before), `usage-error` (a class without a factory release), what `readRelease`, `loadPublicKey` and `parseSite`
 * refuse, and what the boot chain refuses of a factory image.
 */
export async function makeSite(options: MakeOptions, clock: Clock): Promise<DeviceRequest[] | Refusal> {
  const files = siteFiles(options.data)
  if (existsSync(files.enrolment)) return refuse('folder-not-empty', options.data, 'a folder without a site', 'a site')
  const site = readSiteFile(options.site)
  if (isRefusal(site)) return site
  const anchors = readAnchors(options.anchors)
  if (isRefusal(anchors)) return anchors
  const images = readFactory(site, options)
  if (isRefusal(images)) return images
  // If power fails from here on, no enrolment.json is there: the half-made boards are thrown away by the next try.
  rmSync(files.controllers, { recursive: true, force: true })
  const requests: DeviceRequest[] = []
  for (const placed of site.controllers) {
    const image = images.get(placed.class) as FactoryImage
    const made = await makeController({ site, anchors }, placed, options.data, image, clock)
    if (isRefusal(made)) {
      rmSync(files.controllers, { recursive: true, force: true })
      return made
    }
    requests.push(made)
  }
  writeMade(options.data, { site, anchors })
  writeWhole(files.enrolment, `${JSON.stringify({ controllers: requests }, null, 2)}\n`)
  return requests
}

/** Puts the board of a controller together as it was made; its flash and its secure element are in its folder. */
export function assemble(made: MadeSite, placed: SiteController, folder: string, clock: Clock): SimController {
  const of = made.site.classes[placed.class]
  if (of === undefined) throw new Error(`a controller of no class: ${placed.id}`)
  return new SimController({
    id: placed.id,
    device: {
      vendor: of.vendor,
      class: placed.class,
      hardware: placed.hardware,
      bootloader: of.bootloader,
      anchors: made.anchors,
    },
    crypto: nodeCrypto,
    cipher: nodeCipher,
    clock,
    geometry: geometryOf(made.site, placed.class),
    folder: siteFiles(folder).controller(placed.id),
  })
}

async function makeController(
  made: MadeSite,
  placed: SiteController,
  folder: string,
  image: FactoryImage,
  clock: Clock,
): Promise<DeviceRequest | Refusal> {
  const controller = assemble(made, placed, folder, clock)
  const memory = controller.manufacture(image, image)
  controller.flash.close()
  if (isRefusal(memory)) return { ...memory, subject: `${placed.id}, ${memory.subject}` }
  return deviceRequest(placed.id, await certificateRequest(controller.element.identityKeyPem), controller.element)
}

function readAnchors(paths: readonly string[]): Anchor[] | Refusal {
  const anchors: Anchor[] = []
  for (const path of paths) {
    const key = loadPublicKey(path)
    if (isRefusal(key)) return key
    anchors.push({ kid: keyId(key, nodeCrypto), key })
  }
  return anchors
}

function readFactory(site: Site, { factory }: MakeOptions): Map<string, FactoryImage> | Refusal {
  const images = new Map<string, FactoryImage>()
  for (const { id, class: className } of site.controllers) {
    if (images.has(className)) continue
    const folder = factory[className]
    if (folder === undefined) {
      return refuse('usage-error', `controller ${id}`, `--factory ${className}=RELEASE_DIR`, 'none for its class')
    }
    const release = readRelease(folder)
    if (isRefusal(release)) return release
    const seen = inspectEnvelope(release.envelope, nodeCrypto)
    if (isRefusal(seen)) return seen
    if (seen.facts.encryption !== null) {
      return refuse('release-encrypted', folder, 'an image in the clear', 'a ciphertext')
    }
    images.set(className, { envelope: release.envelope, image: release.payload })
  }
  return images
}
