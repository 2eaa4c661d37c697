import { isFault, send } from './ask.ts'
import type { Fault } from './fault.ts'

/** What a change came to: what the server answers (null without a body), or why it was not made. */
export type Changed<T> = { readonly done: T } | { readonly fault: Fault }

/**
 * Changes something: a POST (or DELETE) with an idempotency key. Where no answer comes it is sent once more under the same key, so that
 * it is carried out once. Of routes that deal in secrets the server keeps no answer: what is sent twice there is carried out twice, and
 * they are sent once (`once`).
 */
export async function change<T>(
  path: string,
  body: object | null,
  { method = 'POST', once = false }: { readonly method?: 'POST' | 'PUT' | 'DELETE'; readonly once?: boolean } = {},
): Promise<Changed<T>> {
  const init: RequestInit = {
    method,
    headers: {
      accept: 'application/json',
      'x-voltseal-request': '1',
      'idempotency-key': `"${crypto.randomUUID()}"`,
      ...(body === null ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === null ? {} : { body: JSON.stringify(body) }),
  }
  const first = await send(path, init)
  const sent = isFault(first) && first.fault.status === 0 && !once ? await send(path, init) : first
  if (isFault(sent)) return sent
  return { done: (sent.text === '' ? null : JSON.parse(sent.text)) as T }
}
