import type { HttpsClient } from '../../../adapters/link-https/client.ts'
import { isRefusal, type Refusal } from '../../../core/refusal/refusal.ts'
import { type BackOff, pause } from './back-off.ts'
import { MAX_OFFER, type ReadOffer, readOffer } from './offer.ts'

/** How long the gateway may hold a question for news, in milliseconds: below the client's patience with a silent line. */
const HOLD = 10_000
/** Questions that nothing came of are not asked more often than this, in milliseconds. */
const PACE = 50

/**
 * Asks the gateway for work, once; null: there is none. A gateway that answers puts the back-off back to its beginning.
 * Refuses what the client and `readOffer` refuse.
 */
export async function askForWork(
  client: HttpsClient,
  backOff: BackOff,
  stop: AbortSignal,
): Promise<ReadOffer | Refusal | null> {
  const asked = performance.now()
  const answer = await client.call('GET', `/v1/offer?wait=${HOLD}`, {
    maxBytes: MAX_OFFER,
    timeoutMillis: HOLD + 8_000,
  })
  if (isRefusal(answer)) return answer
  if (answer.status !== 204) return readOffer(answer.body, `GET /v1/offer at ${client.origin}`)
  backOff.reset()
  // A gateway that holds no question open is asked again a little later.
  if (performance.now() - asked < PACE) await pause(PACE, stop)
  return null
}
