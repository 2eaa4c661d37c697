import { request } from 'node:https'
import type { ClientTls } from '../../src/adapters/link-https/client.ts'

export type ReadEvent = { readonly id?: number; readonly event?: string; readonly data?: unknown }

/** An open stream of events: its status, its events one after the other, and how it is left. */
export type EventReader = { readonly status: number; next(): Promise<ReadEvent>; close(): void }

/** Opens a stream. `next` throws when the stream ends, or when nothing comes for a while. */
export function openStream(url: string, tls: ClientTls, last?: number): Promise<EventReader> {
  return new Promise((resolve, reject) => {
    const { bearer, ...more } = tls
    const headers = {
      ...(last === undefined ? {} : { 'last-event-id': String(last) }),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    }
    const asked = request(url, { ...more, headers, agent: false }, response => {
      const events = eventsOf(response)
      const next = async (): Promise<ReadEvent> => {
        const late = setTimeout(() => response.destroy(new Error('no event in time')), 10_000)
        const { value, done } = await events.next()
        clearTimeout(late)
        if (done === true) throw new Error('the stream has ended')
        return value
      }
      response.on('error', () => undefined)
      resolve({ status: response.statusCode ?? 0, next, close: () => void asked.destroy() })
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** Reads a stream, and leaves it whatever comes of it. */
export async function reading(
  url: string,
  tls: ClientTls,
  last: number | undefined,
  work: (events: EventReader) => Promise<void>,
): Promise<void> {
  const events = await openStream(url, tls, last)
  try {
    await work(events)
  } finally {
    events.close()
  }
}

/** The events of a body (WHATWG HTML §9.2.6), those without data too. */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<ReadEvent> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const part of body) {
    text += decoder.decode(part, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const field = (name: string): string | undefined =>
        lines.find(line => line.startsWith(`${name}: `))?.slice(name.length + 2)
      const [id, event, data] = [field('id'), field('event'), field('data')]
      yield {
        ...(id === undefined ? {} : { id: Number(id) }),
        ...(event === undefined ? {} : { event }),
        ...(data === undefined ? {} : { data: JSON.parse(data) as unknown }),
      }
    }
  }
}
