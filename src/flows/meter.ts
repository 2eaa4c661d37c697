import { monthOf } from '../core/campaign/link.ts'
import { canonicalJson, JsonFault } from '../core/encoding/canonical-json.ts'
import { Misfit, object, text, whole } from '../core/encoding/shape.ts'
import { readJson } from '../core/encoding/strict-json.ts'
import type { Clock, FleetLink, GatewayStore } from './ports.ts'

/** What a month brought, as it is kept. */
const FILE = { repo: 'month', path: 'bytes.json' } as const
const shape = object({ month: text('a month', /^\d{4,6}-\d{2}$/), bytes: whole(0, Number.MAX_SAFE_INTEGER) })
type Store = Pick<GatewayStore, 'files' | 'commit'>
type Kept = { readonly month: string; readonly bytes: number }

/** Bytes that are counted before they have come: what a loss of power may count too many, and never too few. */
const AHEAD = 16 * 1024

/**
 * Counts what comes from the fleet in a month of the site's calendar: the bodies of files and blobs, which are all but some of it. A clock that
 * is set back does not bring a month back.
 */
export class Meter {
  readonly #store: Store
  readonly #clock: Clock
  readonly #zone: string
  #month: string
  #bytes: number
  #kept: number

  private constructor(store: Store, clock: Clock, zone: string, { month, bytes }: Kept) {
    this.#store = store
    this.#clock = clock
    this.#zone = zone
    this.#month = month
    this.#bytes = bytes
    this.#kept = bytes
  }

  /** Goes on where the store says that the month is. What cannot be read there is a month of which nothing is known. */
  static async of(store: Store, clock: Clock, zone: string): Promise<Meter> {
    const bytes = (await store.files(FILE.repo)).get(FILE.path)
    const json = bytes === undefined ? null : readJson(bytes, 1024)
    const read = json === null || json instanceof JsonFault ? null : shape(json, '')
    const kept = read === null || read instanceof Misfit ? { month: monthOf(clock.now(), zone), bytes: 0 } : read
    return new Meter(store, clock, zone, kept)
  }

  /** Bytes of this month. */
  get spent(): number {
    this.#turn()
    return this.#bytes
  }

  /** Counts bytes that came. Durable on return. */
  async count(bytes: number): Promise<void> {
    this.#turn()
    this.#bytes += bytes
    if (this.#bytes <= this.#kept) return
    // If power fails before this commit, what came since the last one was counted ahead by that.
    await this.#keep(this.#bytes + AHEAD)
  }

  /** A transfer is over: nothing is counted ahead any more. */
  async settle(): Promise<void> {
    if (this.#kept !== this.#bytes) await this.#keep(this.#bytes)
  }

  async #keep(bytes: number): Promise<void> {
    this.#kept = bytes
    await this.#store.commit({ files: [{ ...FILE, bytes: canonicalJson({ month: this.#month, bytes }) }] })
  }

  #turn(): void {
    const month = monthOf(this.#clock.now(), this.#zone)
    if (month <= this.#month) return
    this.#month = month
    this.#bytes = 0
    this.#kept = 0
  }
}

/** A link whose bytes are counted. */
export function metered(link: FleetLink, meter: Meter): FleetLink {
  return {
    checkIn: (...said) => link.checkIn(...said),
    send: (...said) => link.send(...said),
    showPlant: view => link.showPlant(view),
    upstream: () => link.upstream(),
    file: async (...asked) => {
      const file = await link.file(...asked)
      if (file instanceof Uint8Array) await meter.count(file.length)
      return file
    },
    blob: async (id, from) => {
      const body = await link.blob(id, from)
      return Symbol.asyncIterator in body ? counted(body, meter) : body
    },
  }
}

async function* counted(body: AsyncIterable<Uint8Array>, meter: Meter): AsyncGenerator<Uint8Array> {
  try {
    for await (const part of body) {
      await meter.count(part.length)
      yield part
    }
  } finally {
    await meter.settle()
  }
}
