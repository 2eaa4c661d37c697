import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { certificateRequest } from '../../adapters/certificates.ts'
import { makeFolders, writeWhole } from '../../adapters/config-file.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { FileElement } from '../../adapters/element-file.ts'
import { FlashFiles } from '../../adapters/flash-files/flash-files.ts'
import { type ReleaseFiles, readRelease } from '../../adapters/release-folder.ts'
import { loadPublicKey } from '../../adapters/signer-file.ts'
import { concat } from '../../core/encoding/bytes.ts'
import { startOf } from '../../core/firmware/payload.ts'
import type { Component } from '../../core/firmware/release-facts.ts'
import { type Anchor, inspectEnvelope } from '../../core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { areaOf, encodeSlotHeader, type Geometry, SLOT_HEADER_BYTES } from '../../core/slot/layout.ts'
import { keyId } from '../../core/trust/keys.ts'
import { manufacture } from '../../flows/boot.ts'
import type { Clock } from '../../flows/ports.ts'
import { FIRST_AGENT_CONFIG } from '../../wire/agent-config.ts'
import { parseConfig } from '../../wire/config.ts'
import { type DeviceRequest, deviceRequest } from '../../wire/fleet-api.ts'
import { refuseTaken } from '../process/folder.ts'
import { anchorJson, BoardFile } from './board-file.ts'
import { agentFiles, areaPaths, type Devices } from './files.ts'
import { HANDOVER } from './handover.ts'
import { APPLICATION, SECOND_STAGE } from './images.ts'
import { boardOf } from './linux-board.ts'

/** What a board is made as. `golden` and `factory` are release folders; `slot` is the room for an image in bytes. */
export type AgentSetup = {
  readonly id: string
  readonly site: string
  readonly vendor: string
  readonly class: string
  readonly hardware: string
  readonly anchors: readonly string[]
  readonly golden: string
  readonly factory: string
  readonly slot: number
  /** The room for the second stage, when that is to be updated through the slots too; 0: it comes with the package. */
  readonly secondStage: number
  readonly sector: number
  readonly devices: Devices
  /** The board takes encrypted releases only, for ever. */
  readonly requireEncryption?: boolean
}

const KIB = 1024
/** Room before an image for its header and its envelope, at least. */
const HEAD = 20 * KIB

/** What stands above the first `agent.yaml`. */
const CONFIG_HEAD =
  '# What runs, and what its probes are: docs/agent.md. Read when the agent starts, and before each update.\n'

/** Sockets have short names on Linux (108 bytes, unix(7)). */
const LONGEST_FOLDER = 80

/**
 * Makes a board in a new folder: erased flash, the golden and the factory image, new keys, the first boot record; and
 * what asks the fleet to enrol it. Durable on return; `board.json` is written last, so that a board that was cut off
 * half-way is none. One that is refused leaves the folder as it was.
 *
 * Refuses `folder-not-empty`, `usage-error`, what `readRelease` and `loadPublicKey` refuse, `config-malformed`,
 * `board-area-missing`, `board-area-short`, `no-space`, `envelope-larger-than-slot`, `release-larger-than-slot`, and what the boot
 * chain refuses of an image.
 */
export async function initAgent(folder: string, setup: AgentSetup, clock: Clock): Promise<DeviceRequest | Refusal> {
  const taken = refuseTaken(folder)
  if (taken !== null) return taken
  const found = existsSync(folder)
  let made: DeviceRequest | Refusal | null = null
  try {
    made = await makeBoard(folder, setup, clock)
    return made
  } finally {
    // What was begun is in the way of the next attempt. The folder held nothing before.
    if (made === null || isRefusal(made)) clear(folder, found)
  }
}

function clear(folder: string, keep: boolean): void {
  const paths = keep ? readdirSync(folder).map(name => join(folder, name)) : [folder]
  for (const path of paths) rmSync(path, { recursive: true, force: true })
}

async function makeBoard(folder: string, setup: AgentSetup, clock: Clock): Promise<DeviceRequest | Refusal> {
  if (folder.length > LONGEST_FOLDER) {
    return refuse('usage-error', folder, `a path of at most ${LONGEST_FOLDER} characters`, `${folder.length}`)
  }
  const images = { golden: readRelease(setup.golden), a: readRelease(setup.factory) }
  if (isRefusal(images.golden)) return images.golden
  if (isRefusal(images.a)) return images.a
  const made = describeBoard(setup)
  if (isRefusal(made)) return made
  const files = agentFiles(folder)
  // The runtime folder is for the application's account to enter; what is secret here has a mode of its own.
  makeFolders(folder, 0o711)
  chmodSync(folder, 0o711)
  mkdirSync(files.flash, { mode: 0o700 })
  const flash = FlashFiles.create(made.geometry, areaPaths(folder, made.devices))
  if (isRefusal(flash)) return flash
  try {
    for (const slot of ['golden', 'a'] as const) {
      const misfit = place(flash, slot, made.geometry, images[slot] as ReleaseFiles)
      if (misfit !== null) return misfit
    }
    const element = FileElement.create(files.element)
    const memory = manufacture(boardOf(made, flash, element), clock.now())
    if (isRefusal(memory)) return memory
    if (made.devices.golden === undefined) chmodSync(areaPaths(folder, made.devices)('golden'), 0o400)
    const csr = await certificateRequest(element.identityKeyPem)
    const request = deviceRequest(made.id, csr, element)
    writeWhole(files.enrolment, `${JSON.stringify({ controllers: [request] }, null, 2)}\n`)
    // Made now: on a disk that takes no write any more they could not be.
    for (const lock of [files.stageLock, files.boardLock]) writeWhole(lock, '', 0o600)
    writeWhole(files.config, `${CONFIG_HEAD}${stringify(FIRST_AGENT_CONFIG)}`)
    writeWhole(files.board, `${JSON.stringify(made, null, 2)}\n`)
    return request
  } finally {
    flash.close()
  }
}

function describeBoard(setup: AgentSetup): BoardFile | Refusal {
  const anchors: Anchor[] = []
  for (const path of setup.anchors) {
    const key = loadPublicKey(path)
    if (isRefusal(key)) return key
    anchors.push({ kid: keyId(key, nodeCrypto), key })
  }
  const { id, site, vendor, class: className, hardware, sector, devices, secondStage } = setup
  const upTo = (bytes: number): number => Math.ceil(bytes / sector) * sector
  const imageOffset = upTo(HEAD)
  const slot = { size: imageOffset + upTo(setup.slot), sector }
  const written = {
    kind: 'voltseal-board',
    v: 1,
    id,
    site,
    token: randomBytes(16).toString('hex'),
    device: {
      vendor,
      class: className,
      hardware,
      bootloader: HANDOVER,
      components: secondStage > 0 ? [APPLICATION, SECOND_STAGE] : [APPLICATION],
      anchors: anchors.map(anchorJson),
      ...(setup.requireEncryption === true ? { requireEncryption: true } : {}),
    },
    geometry: {
      record: { size: upTo(16 * KIB), sector },
      slot,
      golden: slot,
      parts: secondStage > 0 ? [{ size: upTo(secondStage), sector }] : [],
      history: { size: Math.max(2 * sector, upTo(64 * KIB)), sector },
      journal: { size: Math.max(2 * sector, upTo(8 * KIB)), sector },
      imageOffset,
    },
    devices,
  }
  return parseConfig<BoardFile>(BoardFile, written, 'the options of agent init')
}

/** Puts a release into a slot as an installation would: header and envelope, then each image into its area. */
function place(
  flash: FlashFiles,
  slot: 'golden' | 'a',
  { imageOffset }: Geometry,
  { envelope, payload }: ReleaseFiles,
): null | Refusal {
  const subject = `slot ${slot}`
  // Not verified yet: what decides about it is what `manufacture` finds in flash.
  const read = inspectEnvelope(envelope, nodeCrypto)
  if (isRefusal(read)) return read
  const { components, encryption } = read.facts
  if (encryption !== null) return refuse('release-encrypted', subject, 'an image in the clear', 'a ciphertext')
  const head = imageOffset - SLOT_HEADER_BYTES
  if (envelope.length > head) {
    return refuse('envelope-larger-than-slot', subject, `at most ${head} bytes`, `${envelope.length} bytes`)
  }
  const header = encodeSlotHeader({ envelopeBytes: envelope.length, imageBytes: (components[0] as Component).size })
  // If power fails in these, there is no board.json.
  flash.program(slot, 0, concat(header, envelope))
  for (const [index, { name, size }] of components.entries()) {
    const offset = index === 0 ? imageOffset : 0
    const area = areaOf(slot, index)
    if (slot === 'golden' && index > 0) {
      const names = components.map(component => component.name).join(', ')
      return refuse('release-wrong-components', subject, `${APPLICATION} alone: golden holds one image`, names)
    }
    const room = flash.has(area) ? flash.size(area) - offset : 0
    if (size > room)
      return refuse('release-larger-than-slot', `${subject}, ${name}`, `at most ${room} bytes`, `${size}`)
    const start = startOf(components, index)
    flash.program(area, offset, payload.subarray(start, start + size))
  }
  return null
}
