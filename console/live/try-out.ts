import { type Asked, isFault, send } from './ask.ts'

/** How long a dry run may take: a plan for a whole fleet is worked out controller by controller. */
const PATIENCE = 120_000

/** Asks what something would do. Nothing is kept of it, so that it has no idempotency key: the server would keep its answer. */
export async function tryOut<T>(path: string, body: object): Promise<Asked<T>> {
  const headers = { accept: 'application/json', 'x-voltseal-request': '1', 'content-type': 'application/json' }
  const signal = AbortSignal.timeout(PATIENCE)
  const sent = await send(path, { method: 'POST', headers, body: JSON.stringify(body), signal })
  if (isFault(sent)) return sent
  return { value: JSON.parse(sent.text) as T, now: sent.now, next: sent.next }
}
