import { request } from 'node:http'

/** True when a GET answers 2xx in time. The answer is not read: however long it is, it costs nothing. */
export function askHttp(url: string, timeoutMillis: number): Promise<boolean> {
  return new Promise(resolve => {
    const asked = request(url, { method: 'GET', agent: false, signal: AbortSignal.timeout(timeoutMillis) }, answer => {
      const status = answer.statusCode ?? 0
      answer.destroy()
      resolve(status >= 200 && status < 300)
    })
    asked.once('error', () => resolve(false))
    asked.end()
  })
}
