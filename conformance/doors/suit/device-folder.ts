import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { writeWhole } from '../../../src/adapters/config-file.ts'
import { loadPublicKey } from '../../../src/adapters/signer-file.ts'
import { JsonFault } from '../../../src/core/encoding/canonical-json.ts'
import { dictionary, list, Misfit, object, type ShapeOf, text, then, whole } from '../../../src/core/encoding/shape.ts'
import { readJson } from '../../../src/core/encoding/strict-json.ts'
import { quoted } from '../../../src/core/trust/metadata.ts'
import type { Device } from './device.ts'
import { LIMITS } from './limits.ts'
import { isRefused, type Refused, stop } from './refusal.ts'
import type { NamedKey } from './verify.ts'

/**
 * A device as a folder: `device.json` says what it is, `keys/*.pem` whose manifests it takes, and each component is a file,
 * `KEY.bin`, or `KEY.SLOT.bin` for one with slots. KEY is the component's identifier in hex, its parts joined by "-".
 */

const FILE = 'device.json'
const MAX_FILE = 64 * 1024

const uuid = then(text('a UUID', /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/), value => value.replaceAll('-', ''))
const oid = text('a UUID, or "oid:" and hex', /^(?:oid:(?:[0-9a-f]{2}){1,16}|[0-9a-f]{32})$/)
const vendor = then(text('a UUID, or "oid:" and hex', /^[0-9a-z:-]+$/), (value, at) =>
  oid(value.startsWith('oid:') ? value : value.replaceAll('-', ''), at),
)
/** Short enough for the name of a file, with the slot behind it. */
const key = text('a component in hex, its parts joined by "-"', /^(?=.{2,200}$)(?:[0-9a-f]{2})+(?:-(?:[0-9a-f]{2})+)*$/)
const DEVICE = object(
  { components: dictionary(key, object({}, { slot: whole(0, 255) }), 64) },
  { vendor: list(vendor, 0, 16), class: list(uuid, 0, 16), device: list(uuid, 0, 16), sequence: whole(0, 2 ** 53 - 1) },
)
type Stated = ShapeOf<typeof DEVICE>

export type DeviceFolder = {
  readonly device: Device
  readonly keys: readonly NamedKey[]
  /** Keeps what a run changed: durable on return. */
  keep(changed: ReadonlyMap<string, Uint8Array | null>, sequence: number | null): void
}

/**
 * Opens the folder of a device, and the folder with payloads when there is one (`PAYLOADS/` and the URI, quoted). Refuses
 * `suit-device-invalid` and the codes of `loadPublicKey`.
 */
export function openDevice(folder: string, payloads: string | null): DeviceFolder | Refused {
  const stated = readDevice(folder)
  if (isRefused(stated)) return stated
  const keys = readKeys(join(folder, 'keys'))
  if (isRefused(keys)) return keys
  const components = new Map(
    Object.entries(stated.components).map(([name, { slot }]) => [name, { slot: slot ?? null }]),
  )
  const fileOf = (name: string): string => {
    const slot = components.get(name)?.slot ?? null
    return join(folder, slot === null ? `${name}.bin` : `${name}.${slot}.bin`)
  }
  const device: Device = {
    vendor: stated.vendor ?? [],
    class: stated.class ?? [],
    device: stated.device ?? [],
    sequence: stated.sequence ?? 0,
    components,
    image: name => (components.has(name) ? readImage(fileOf(name)) : null),
    payload: uri => (payloads === null ? null : readPayload(payloads, uri)),
  }
  return {
    device,
    keys,
    keep: (changed, sequence) => {
      // If power fails here, some components are new and others old, and device.json has the old sequence number: the same
      // envelope is taken again and comes to the same end. Each file is whole, old or new.
      for (const [name, image] of changed) {
        if (image === null) rmSync(fileOf(name), { force: true })
        else writeWhole(fileOf(name), image)
      }
      if (sequence === null || sequence === stated.sequence) return
      writeWhole(join(folder, FILE), `${JSON.stringify({ ...stated, sequence }, null, 2)}\n`)
    },
  }
}

function readDevice(folder: string): Stated | Refused {
  const path = join(folder, FILE)
  const invalid = (expected: string, actual: string): Refused => stop('suit-device-invalid', path, expected, actual)
  if (!existsSync(path)) return invalid('a file', 'none of that name')
  const json = readJson(new Uint8Array(readFileSync(path)), MAX_FILE)
  if (json instanceof JsonFault) return invalid(`JSON of at most ${MAX_FILE} bytes`, json.message)
  const stated = DEVICE(json, '')
  return stated instanceof Misfit ? invalid(`${stated.expected} at ${stated.at || 'the top'}`, stated.actual) : stated
}

/** Each public key of the folder, by the name of its file. */
function readKeys(folder: string): readonly NamedKey[] | Refused {
  if (!existsSync(folder)) return []
  const out: NamedKey[] = []
  for (const name of readdirSync(folder).toSorted()) {
    if (!name.endsWith('.pem') && !name.endsWith('.pub')) continue
    const loaded = loadPublicKey(join(folder, name))
    if (isRefused(loaded)) return loaded
    out.push({ name, key: loaded })
  }
  return out
}

function readImage(path: string): Uint8Array | null {
  const status = statSync(path, { throwIfNoEntry: false })
  if (status === undefined || !status.isFile()) return null
  // Above the limit it reads as one byte more than any manifest may name: no digest and no size holds.
  if (status.size > LIMITS.imageBytes) return new Uint8Array(LIMITS.imageBytes + 1)
  return new Uint8Array(readFileSync(path))
}

function readPayload(folder: string, uri: string): Uint8Array | null {
  const name = quoted(uri)
  // A URI is one name in the folder, whatever it says: nothing above it, nothing below it.
  if (name === '.' || name === '..' || name.length > 240) return null
  return readImage(join(folder, name))
}
