import type { HttpsClient } from '../../../adapters/link-https/client.ts'
import { isRefusal, type Refusal } from '../../../core/refusal/refusal.ts'
import { type BackOff, pause } from './back-off.ts'
import { MAX_OFFER, type ReadOffer, readOffer } from './offer.ts'

/** How long the gateway may hold a question for news, in milliseconds: below the client's patience with a silent line. */
const HOLD = 10_000
/** Questions that nothing came of are not asked more often than this, in milliseconds. */
const PACE = 50

/** An offer, and until when (by the counter of who asked) a restart that it asks for may begin; null: it asks for none. */
export type HeardOffer = ReadOffer & { readonly until: number | null }

/**
 * Asks the gateway for work, once; null: there is none. `patches`: bytes of memory that there are for a patch; null: none is applied here. `steady`: a counter in milliseconds that nobody sets. A gateway that answers puts the back-off back to its beginning.
 * Refuses what the client and `readOffer` refuse.
 */
export async function askForWork(
  client: HttpsClient,
  backOff: BackOff,
  stop: AbortSignal,
  steady: () => number,
  patches: number | null,
): Promise<HeardOffer | Refusal | null> {
  const asked = performance.now()
  const began = steady()
  const answer = await client.call('GET', `/v1/offer?wait=${HOLD}${patches === null ? '' : `&patches=${patches}`}`, {
    maxBytes: MAX_OFFER,
    timeoutMillis: HOLD + 8_000,
  })
  if (isRefusal(answer)) return answer
  if (answer.status !== 204) {
    const offer = readOffer(answer.body, `GET /v1/offer at ${client.origin}`)
    return isRefusal(offer) ? offer : { ...offer, until: offer.within === undefined ? null : began + offer.within }
  }
  backOff.reset()
  // A gateway that holds no question open is asked again a little later.
  if (performance.now() - asked < PACE) await pause(PACE, stop)
  return null
}
