import { toHex } from '../../../src/core/encoding/bytes.ts'
import { type Cbor, decodeCbor, Tagged } from '../../../src/core/encoding/cbor.ts'
import { refuse } from '../../../src/core/refusal/refusal.ts'
import type { Bench, Images } from './device.ts'
import { type Digest, readDigest } from './envelope.ts'
import { PARAMETER, PARAMETERS } from './labels.ts'
import { LIMITS } from './limits.ts'
import { type ComponentId, keyOf } from './manifest.ts'
import { type Refused, type SuitCode, stop } from './refusal.ts'

/** One component before a command: its parameters as they stand now, and the others by index. */
export type Current = {
  readonly id: ComponentId
  readonly index: number
  readonly parameters: ReadonlyMap<number, Cbor>
  readonly components: readonly ComponentId[]
  /** Payloads inside the envelope, by URI. */
  readonly integrated: ReadonlyMap<string, Uint8Array>
}

/** What a command did besides holding: bytes that it moved or measured, and an image that it would start. */
export type Done = { readonly refused?: undefined; readonly bytes: number; readonly start?: Uint8Array }

type Step = (now: Current, bench: Bench) => Done | Refused

const HELD: Done = { bytes: 0 }

/** The commands that act on a component, by label. Whether a failure may be soft is the machine's business. */
export const STEPS: ReadonlyMap<number, Step> = new Map<number, Step>([
  [1, (now, { device }) => identified(now, PARAMETER.vendorIdentifier, device.vendor, 'suit-wrong-vendor')],
  [2, (now, { device }) => identified(now, PARAMETER.classIdentifier, device.class, 'suit-wrong-class')],
  [24, (now, { device }) => identified(now, PARAMETER.deviceIdentifier, device.device, 'suit-wrong-device')],
  [3, imageMatch],
  [5, componentSlot],
  [6, checkContent],
  [14, ({ id }) => stop('suit-aborted', keyOf(id), 'another way', 'abort')],
  [18, (now, bench) => withValue(now, PARAMETER.content, value => put(now, bench, value as Uint8Array, true))],
  [21, fetchPayload],
  [22, copy],
  [23, invoke],
  [31, swap],
  [33, unlink],
])

function withValue(now: Current, label: number, use: (value: Cbor) => Done | Refused): Done | Refused {
  const value = now.parameters.get(label)
  if (value !== undefined) return use(value)
  const name = PARAMETERS.get(label)?.name ?? String(label)
  return stop('suit-parameter-missing', `component ${keyOf(now.id)}`, name, 'no such parameter')
}

/** Vendors may be named by a private enterprise number, under a tag. */
const identifierText = (value: Cbor): string =>
  value instanceof Tagged ? `oid:${toHex(value.value as Uint8Array)}` : toHex(value as Uint8Array)

function identified(now: Current, label: number, own: readonly string[], code: SuitCode): Done | Refused {
  return withValue(now, label, value => {
    const wanted = identifierText(value)
    return own.includes(wanted) ? HELD : stop(code, `component ${keyOf(now.id)}`, wanted, own.join(', ') || 'none')
  })
}

const missing = (now: Current): Refused =>
  stop('suit-component-missing', `component ${keyOf(now.id)}`, 'an image', 'none')

function imageMatch(now: Current, { images, crypto }: Bench): Done | Refused {
  return withValue(now, PARAMETER.imageDigest, value => {
    const subject = `component ${keyOf(now.id)}`
    const image = images.of(now.id)
    if (image === null) return missing(now)
    const size = now.parameters.get(PARAMETER.imageSize)
    if (size !== undefined && size !== image.length) {
      return refuse('image-size-mismatch', subject, `${size} bytes`, `${image.length} bytes`)
    }
    const { bytes } = readDigest(decodeCbor(value as Uint8Array, LIMITS.manifestBytes) as Cbor) as Digest
    const digest = crypto.sha256(image)
    if (crypto.equal(bytes, digest)) return checked(now, images, image)
    return refuse('image-digest-mismatch', subject, toHex(bytes), toHex(digest))
  })
}

function checked(now: Current, images: Images, image: Uint8Array): Done {
  images.check(now.id)
  return { bytes: image.length }
}

function componentSlot(now: Current, { device }: Bench): Done | Refused {
  return withValue(now, PARAMETER.componentSlot, value => {
    const slot = device.components.get(keyOf(now.id))?.slot ?? null
    return slot === value
      ? HELD
      : stop('suit-wrong-slot', `component ${keyOf(now.id)}`, `slot ${value}`, slot === null ? 'none' : `slot ${slot}`)
  })
}

function checkContent(now: Current, { images, crypto }: Bench): Done | Refused {
  return withValue(now, PARAMETER.content, value => {
    const image = images.of(now.id)
    if (image === null) return missing(now)
    // Draft §8.4.9.3: in constant time, or the time says how much of a guess was right.
    if (crypto.equal(value as Uint8Array, image)) return checked(now, images, image)
    return stop('suit-content-differs', `component ${keyOf(now.id)}`, 'the content of the manifest', 'another')
  })
}

function put(now: Current, { images }: Bench, image: Uint8Array, isChecked: boolean): Done | Refused {
  const size = now.parameters.get(PARAMETER.imageSize)
  const most = typeof size === 'number' ? size : LIMITS.imageBytes
  if (image.length > most) {
    return stop(
      'suit-payload-too-large',
      `component ${keyOf(now.id)}`,
      `at most ${most} bytes`,
      `${image.length} bytes`,
    )
  }
  images.put(now.id, image, isChecked)
  return { bytes: image.length }
}

function fetchPayload(now: Current, bench: Bench): Done | Refused {
  return withValue(now, PARAMETER.uri, value => {
    const uri = value as string
    const payload = now.integrated.get(uri) ?? bench.device.payload(uri)
    if (payload !== null) return put(now, bench, payload, false)
    return stop('suit-payload-missing', `component ${keyOf(now.id)}`, uri.slice(0, 120), 'nothing of that name')
  })
}

function sourceOf(now: Current, bench: Bench, use: (id: ComponentId, image: Uint8Array) => Done | Refused) {
  return withValue(now, PARAMETER.sourceComponent, value => {
    const id = now.components[value as number] as ComponentId
    const subject = `component ${keyOf(now.id)}`
    if (value === now.index) return stop('suit-component-missing', subject, 'another component as source', 'itself')
    const image = bench.images.of(id)
    return image === null
      ? stop('suit-component-missing', subject, `an image in its source, ${keyOf(id)}`, 'none')
      : use(id, image)
  })
}

function copy(now: Current, bench: Bench): Done | Refused {
  return sourceOf(now, bench, (id, image) => put(now, bench, image, bench.images.isChecked(id)))
}

function swap(now: Current, bench: Bench): Done | Refused {
  return sourceOf(now, bench, (id, image) => {
    const own = bench.images.of(now.id)
    if (own === null) return missing(now)
    const [before, after] = [bench.images.isChecked(now.id), bench.images.isChecked(id)]
    const done = put(now, bench, image, after)
    if (done.refused === undefined) bench.images.put(id, own, before)
    return done
  })
}

/** Names what would be started: a door for test suites starts nothing. */
function invoke(now: Current, { images }: Bench): Done | Refused {
  if (images.of(now.id) === null) return missing(now)
  // Draft §4.2: every image is validated before it is started.
  if (!images.isChecked(now.id)) {
    return stop('suit-image-unchecked', `component ${keyOf(now.id)}`, 'an image match before invoke', 'none')
  }
  const given = now.parameters.get(PARAMETER.invokeArguments)
  return { bytes: 0, start: given instanceof Uint8Array ? given : new Uint8Array(0) }
}

function unlink(now: Current, { images }: Bench): Done | Refused {
  if (images.of(now.id) === null) return missing(now)
  images.put(now.id, null, false)
  return HELD
}
