import type { HttpsClient } from '../../../src/adapters/link-https/client.ts'
import { isRefusal, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { registry } from '../../../src/core/refusal/registry.ts'
import type { Installation } from '../../../src/flows/install.ts'
import type { SimController } from '../../controller/sim-controller.ts'
import { type BackOff, pause } from './back-off.ts'
import type { SiteEvent } from './events.ts'
import type { Cuts } from './faults.ts'

/** What a download runs over. */
export type Line = {
  readonly controller: SimController
  readonly client: HttpsClient
  readonly cuts: Cuts
  readonly backOff: BackOff
}

/** Whom it tells, and when it ends before its time: `going` is false once the controller has restarted. */
export type Watch = {
  readonly stop: AbortSignal
  note(event: SiteEvent): void
  going(): boolean
}

/** Bytes handed to flash at a time. */
const PIECE = 16 * 1024
/** Milliseconds between two lines about the progress. */
const NOTE_EVERY = 100

/**
 * Downloads the rest of an image into the controller's flash, from where the installation stands. A line that breaks is
 * taken up again at the next byte, for ever. `ask-again`: the gateway does not give this image any more, or the
 * controller restarted. Refuses what the installation refuses.
 */
export async function download(
  line: Line,
  installation: Installation,
  sha256: string,
  watch: Watch,
): Promise<'written' | 'ask-again' | Refusal> {
  const total = installation.facts.imageSize
  while (installation.offset < total && watch.going()) {
    const before = installation.offset
    const ended = await transfer(line, installation, sha256, watch)
    if (ended.at === 'refused') return ended.refusal
    if (installation.offset > before) line.backOff.reset()
    if (installation.offset === total || !watch.going()) break
    if (ended.at === 'not-given') {
      const { code, actual } = ended.refusal
      watch.note({ event: 'waiting', code, detail: actual })
      if (registry[code].action !== 'retry') return 'ask-again'
    }
    await pause(line.backOff.next(), watch.stop)
  }
  return installation.offset === total && watch.going() ? 'written' : 'ask-again'
}

/** How a transfer ended: the line fell silent, the gateway gave nothing, or the installation refused what came. */
type Transfer =
  | { readonly at: 'over' }
  | { readonly at: 'not-given'; readonly refusal: Refusal }
  | { readonly at: 'refused'; readonly refusal: Refusal }

async function transfer(
  { controller, client, cuts }: Line,
  installation: Installation,
  sha256: string,
  watch: Watch,
): Promise<Transfer> {
  const total = installation.facts.imageSize
  const body = await client.download(`/v1/blobs/${sha256}`, installation.offset)
  if (isRefusal(body)) return { at: 'not-given', refusal: body }
  const busy = { at: 'writing', slot: installation.slot, total } as const
  let noted = 0
  const note = (): void => watch.note({ event: 'download', received: installation.offset, total })
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      if (!watch.going()) return { at: 'over' }
      const piece = chunk.subarray(at, at + PIECE)
      const refusal = cuts.during(busy, () => controller.write(installation.offset, piece))
      if (refusal !== null) return { at: 'refused', refusal }
    }
    const now = performance.now()
    if (now - noted < NOTE_EVERY) continue
    noted = now
    note()
  }
  note()
  return { at: 'over' }
}
