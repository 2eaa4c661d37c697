import { isRefusal, type Refusal } from '../../../core/refusal/refusal.ts'
import type { PatchRefused } from '../../../wire/gateway-api.ts'
import { download, type Line, type Receiver, type Watch } from './download.ts'
import type { LinkEvent } from './events.ts'
import type { ReadOffer } from './offer.ts'

/**
 * Downloads an image, by the patch that it is offered by where there is one (`receiverOf` begins it), else whole. A patch that cannot be used is
 * told to the gateway, which offers another way: `ask-again`. Refuses what `download` refuses of a whole image.
 */
export async function downloadOffered(
  line: Line,
  offer: ReadOffer,
  whole: Receiver,
  receiverOf: (patch: NonNullable<ReadOffer['patch']>) => Receiver | Refusal,
  watch: Watch,
): Promise<'written' | 'ask-again' | Refusal> {
  const { patch, payload, assignment } = offer
  if (patch === undefined) return download(line, whole, payload.sha256, watch)
  const receiver = receiverOf(patch)
  const ended = isRefusal(receiver) ? receiver : await download(line, receiver, patch.sha256, watch)
  if (!isRefusal(ended)) return ended
  return (await tell(line, { assignment, sha256: patch.sha256, code: ended.code }, ended, watch)) ?? 'ask-again'
}

/** Tells the gateway. One that does not hear it now offers the patch again, and is told again. */
async function tell(
  { client }: Line,
  said: PatchRefused,
  { subject, actual }: Refusal,
  watch: { note(event: LinkEvent): void },
): Promise<null> {
  watch.note({ event: 'patch-refused', code: said.code, detail: `${subject}: ${actual}` })
  const answer = await client.call('POST', '/v1/patch-refused', {
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(said)),
  })
  if (isRefusal(answer)) watch.note({ event: 'waiting', code: answer.code, detail: answer.actual })
  return null
}
