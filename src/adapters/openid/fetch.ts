import { type RequestOptions, request } from 'node:https'

/** The whole of a call, in milliseconds, and the largest answer, in bytes: metadata, keys and tokens are a few kilobytes. */
const PATIENCE = 10_000
const MAX_ANSWER = 256 * 1024

/** What is asked, as openid-client asks `fetch`. */
type Asked = {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

/** The provider could not be asked, or its answer was too large. */
export class Unreachable extends Error {}

/**
 * `fetch` for one provider: https only, with an authority of its own where there is one, no redirect followed, an answer of limited
 * size in limited time. Throws `Unreachable`.
 */
export function httpsFetch(ca: string | null): (url: string, asked: Asked) => Promise<Response> {
  return (url, { method, headers, body }) =>
    new Promise((done, failed) => {
      const target = new URL(url)
      if (target.protocol !== 'https:') return failed(new Unreachable(`${target.protocol} and not https:`))
      const sent = textOf(body)
      const options: RequestOptions = {
        method,
        headers: { ...headers, ...(sent === null ? {} : { 'content-length': String(Buffer.byteLength(sent)) }) },
        agent: false,
        minVersion: 'TLSv1.2',
        signal: AbortSignal.timeout(PATIENCE),
        ...(ca === null ? {} : { ca }),
      }
      const fail = (error: Error): void => failed(new Unreachable((error as NodeJS.ErrnoException).code ?? error.name))
      const calling = request(target, options, answer => {
        const parts: Uint8Array[] = []
        let length = 0
        answer.on('data', (part: Uint8Array) => {
          length += part.length
          if (length > MAX_ANSWER) calling.destroy(new Unreachable('an answer that is too large'))
          else parts.push(part)
        })
        answer.on('error', fail)
        answer.on('end', () => {
          const { statusCode: status = 500, headers } = answer
          // An informational or odd status is no answer of a provider.
          if (status < 200 || status > 599) return fail(new Unreachable(`status ${status}`))
          const isEmpty = status === 204 || status === 205 || status === 304
          const said = Object.entries(headers).map(([name, value]) => [name, `${value}`] as [string, string])
          done(new Response(isEmpty ? null : Buffer.concat(parts), { status, headers: said }))
        })
      })
      calling.on('error', fail)
      calling.end(sent ?? undefined)
    })
}

/** A body that openid-client sends: a form. */
function textOf(body: unknown): string | null {
  if (body === undefined || body === null) return null
  if (typeof body === 'string' || body instanceof URLSearchParams) return body.toString()
  throw new Unreachable('a body that is no form')
}
