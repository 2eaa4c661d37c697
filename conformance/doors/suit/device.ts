import type { Crypto } from '../../../src/core/encoding/crypto.ts'
import { type ComponentId, keyOf } from './manifest.ts'

/** A device as a manifest sees it: what it is, where its components lie, and where payloads come from. */
export type Device = {
  /** Identifiers that it answers to, in hex; a vendor's private enterprise number as `oid:` and its hex. */
  readonly vendor: readonly string[]
  readonly class: readonly string[]
  readonly device: readonly string[]
  /** The sequence number of the manifest that it took last. */
  readonly sequence: number
  /** The components that it has, by key; the slot that is to be used, for a component that has several. */
  readonly components: ReadonlyMap<string, { readonly slot: number | null }>
  /** The image of a component, or null when it has none. */
  image(key: string): Uint8Array | null
  /** The payload of a URI, or null. */
  payload(uri: string): Uint8Array | null
}

/**
 * The images while a manifest runs. Nothing reaches the device before the end: a manifest that fails changes nothing. An image
 * is checked when this run matched it, or wrote it from the manifest itself; what is fetched is not, until it is matched.
 */
export class Images {
  readonly #device: Device
  readonly #changed = new Map<string, Uint8Array | null>()
  readonly #checked = new Set<string>()

  constructor(device: Device) {
    this.#device = device
  }

  of(id: ComponentId): Uint8Array | null {
    const key = keyOf(id)
    const changed = this.#changed.get(key)
    return changed === undefined ? this.#device.image(key) : changed
  }

  put(id: ComponentId, image: Uint8Array | null, checked: boolean): void {
    this.#changed.set(keyOf(id), image)
    if (checked) this.check(id)
    else this.#checked.delete(keyOf(id))
  }

  check(id: ComponentId): void {
    this.#checked.add(keyOf(id))
  }

  isChecked(id: ComponentId): boolean {
    return this.#checked.has(keyOf(id))
  }

  /** A component that was changed and whose image nobody checked; null when there is none. */
  unchecked(): string | null {
    for (const [key, image] of this.#changed) if (image !== null && !this.#checked.has(key)) return key
    return null
  }

  /** What is to be written, by key; null is a component whose image goes. */
  get changed(): ReadonlyMap<string, Uint8Array | null> {
    return this.#changed
  }
}

/** What a command may use. */
export type Bench = { readonly device: Device; readonly images: Images; readonly crypto: Crypto }
