import { setImmediate } from 'node:timers/promises'
import type { HttpsClient } from '../../../adapters/link-https/client.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { type RefusalCode, registry } from '../../../core/refusal/registry.ts'
import { type BackOff, pause } from './back-off.ts'
import type { LinkEvent } from './events.ts'

/**
 * What a payload, or a patch, is downloaded into: its length, where it stands, and its next piece. An `Installation` is one, and a `Patching`, whose
 * offset may leap. `learn` does a bounded part of what is due before the next byte; true: nothing is.
 */
export type Receiver = {
  readonly total: number
  /** The offset of the byte that is wanted next. */
  readonly offset: number
  write(offset: number, piece: Uint8Array): Refusal | null
  learn?(): boolean | Refusal
}

/** What a download runs over. */
export type Line = { readonly client: HttpsClient; readonly backOff: BackOff }

/** Whom it tells, and when it ends before its time: `going` is false once the controller has restarted. */
export type Watch = {
  readonly stop: AbortSignal
  note(event: LinkEvent): void
  going(): boolean
}

/** Bytes handed to flash at a time. */
const PIECE = 16 * 1024
/** How often a chunk or a segment is fetched before its source is refused. */
const CHUNK_ATTEMPTS = 3
/** What may have been spoilt on its way: it is fetched again. */
const SPOILT: ReadonlySet<RefusalCode> = new Set<RefusalCode>(['install-chunk-damaged', 'payload-segment-refused'])
/** Milliseconds between two lines about the progress. */
const NOTE_EVERY = 100

/**
 * Downloads the rest of an image into the controller's flash, from where the installation stands. A line that breaks is
 * taken up again at the next byte, for ever; nothing behind the signed length is read. A chunk that flash does not
 * confirm, or a segment that does not decrypt, is fetched again, a few times. `ask-again`: the gateway does not give this image any more, or the controller
 * restarted. Refuses what the installation refuses, and `blob-digest-mismatch`, by the name of the source, for a chunk
 * that keeps coming damaged.
 */
export async function download(
  line: Line,
  receiver: Receiver,
  sha256: string,
  watch: Watch,
): Promise<'written' | 'ask-again' | Refusal> {
  const { total } = receiver
  let [spoilt, attempts] = [-1, 0]
  while (receiver.offset < total && watch.going()) {
    const before = receiver.offset
    const ended = (await learned(receiver, watch)) ?? (await transfer(line, receiver, sha256, watch))
    if (ended.at === 'leapt') continue
    if (ended.at === 'refused') {
      const { refusal } = ended
      if (!SPOILT.has(refusal.code)) return refusal
      attempts = receiver.offset === spoilt ? attempts + 1 : 1
      spoilt = receiver.offset
      if (attempts >= CHUNK_ATTEMPTS) return damaged(refusal, sha256, line.client.origin)
      watch.note({ event: 'waiting', code: refusal.code, detail: `${refusal.subject}: ${refusal.actual}` })
    }
    if (receiver.offset > before) line.backOff.reset()
    if (receiver.offset === total || !watch.going()) break
    if (ended.at === 'not-given') {
      const { code, actual } = ended.refusal
      watch.note({ event: 'waiting', code, detail: actual })
      if (registry[code].action !== 'retry') return 'ask-again'
    }
    await pause(line.backOff.next(), watch.stop)
  }
  return receiver.offset === total && watch.going() ? 'written' : 'ask-again'
}

function damaged({ subject, expected }: Refusal, sha256: string, source: string): Refusal {
  const actual = `other bytes, ${CHUNK_ATTEMPTS} times`
  return refuse('blob-digest-mismatch', `blob ${sha256} from ${source}`, `${subject} with ${expected}`, actual)
}

/** Lets a receiver do what is due before its next byte, with room for others in between. */
async function learned(receiver: Receiver, { going }: Watch): Promise<Transfer | null> {
  for (;;) {
    const done = receiver.learn?.() ?? true
    if (isRefusal(done)) return { at: 'refused', refusal: done }
    if (done || !going()) return null
    await setImmediate()
  }
}

/** How a transfer ended: the line fell silent, the receiver wants another place, the gateway gave nothing, or what came was refused. */
type Transfer =
  | { readonly at: 'leapt' }
  | { readonly at: 'over' }
  | { readonly at: 'not-given'; readonly refusal: Refusal }
  | { readonly at: 'refused'; readonly refusal: Refusal }

async function transfer({ client }: Line, receiver: Receiver, sha256: string, watch: Watch): Promise<Transfer> {
  const { total } = receiver
  const body = await client.download(`/v1/blobs/${sha256}`, { from: receiver.offset, length: total })
  if (isRefusal(body)) return { at: 'not-given', refusal: body }
  let noted = 0
  const note = (): void => watch.note({ event: 'download', received: receiver.offset, total })
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      if (!watch.going()) return { at: 'over' }
      const piece = chunk.subarray(at, at + PIECE)
      const next = receiver.offset + piece.length
      const refusal = receiver.write(receiver.offset, piece)
      if (refusal !== null) return { at: 'refused', refusal }
      if (receiver.offset !== next) return { at: 'leapt' }
    }
    const now = performance.now()
    if (now - noted < NOTE_EVERY) continue
    noted = now
    note()
  }
  note()
  return { at: 'over' }
}
