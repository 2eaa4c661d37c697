import { lookup as resolve } from 'node:dns/promises'
import { type RequestOptions, request } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { type Refusal, RefusalError, refuse } from '../core/refusal/refusal.ts'
import type { HookLink } from '../flows/webhook-ports.ts'

/**
 * What a subscription may not make this server call: itself, its own networks, and what a cloud keeps under link-local
 * addresses (IANA special-purpose address registries, RFC 6890). IPv6 that carries IPv4 is refused as a whole.
 */
const REFUSED: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
]

export type Ranges = readonly string[]

/** The whole of a call, in milliseconds, and what is read of its answer, in bytes. */
const PATIENCE = 10_000
const MAX_ANSWER = 4096

/** Ranges of both families, apart: in one list, a range of IPv6 that carries IPv4 would hold all of IPv4. */
class RangeList {
  readonly #four = new BlockList()
  readonly #six = new BlockList()

  constructor(ranges: readonly (readonly [network: string, prefix: number])[]) {
    for (const [network, prefix] of ranges) {
      if (isIP(network) === 6) this.#six.addSubnet(network, prefix, 'ipv6')
      else this.#four.addSubnet(network, prefix, 'ipv4')
    }
  }

  has(address: string): boolean {
    return isIP(address) === 6 ? this.#six.check(address, 'ipv6') : this.#four.check(address, 'ipv4')
  }
}

/**
 * Posts webhooks: over https, to the address that was judged and no other, without following anybody elsewhere. `allowed`
 * are ranges (`10.2.0.0/16`) of the operator's own networks in which receivers may be; `ca` is an authority in PEM in
 * place of the system's.
 */
export class WebhookHttps implements HookLink {
  readonly #refused = new RangeList(REFUSED)
  readonly #allowed: RangeList
  readonly #ca: string | null
  readonly #patience: number

  constructor(allowed: Ranges, ca: string | null = null, patience = PATIENCE) {
    this.#allowed = new RangeList(allowed.map(range => splitRange(range)))
    this.#ca = ca
    this.#patience = patience
  }

  /** Of an address that stands in the URL nobody asks a name server. */
  refuses(url: string): null | Refusal {
    const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
    return isIP(host) !== 0 && !this.#permits(host) ? this.#refuse(host, host) : null
  }

  async post(url: string, headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<number | Refusal> {
    const target = new URL(url)
    if (target.protocol !== 'https:') return refuse('webhook-url-refused', url, 'https', target.protocol)
    const bad = this.refuses(url)
    if (bad !== null) return bad
    const options: RequestOptions = {
      method: 'POST',
      headers: { ...headers, 'content-length': String(body.length), 'user-agent': 'voltseal-webhooks' },
      agent: false,
      minVersion: 'TLSv1.2',
      lookup: this.#lookup,
      signal: AbortSignal.timeout(this.#patience),
      ...(this.#ca === null ? {} : { ca: this.#ca }),
    }
    return new Promise(done => {
      const asked = request(target, options, response => {
        let length = 0
        response.on('data', (part: Uint8Array) => {
          length += part.length
          if (length > MAX_ANSWER) asked.destroy()
        })
        // The status is all that counts; where it sends us, and what it says, is left alone.
        response.on('error', () => undefined)
        response.on('close', () => done(response.statusCode ?? 0))
      })
      asked.on('error', error => done(faultOf(error, target.origin)))
      asked.end(body)
    })
  }

  /** The addresses of a name, judged; the connection is made to these and not to what the name means a moment later. */
  readonly #lookup: LookupFunction = (name, options, done) => {
    resolve(name, { all: true }).then(
      found => {
        const bad = found.find(({ address }) => !this.#permits(address))
        const [first] = found
        if (bad !== undefined || first === undefined) {
          done(new RefusalError(this.#refuse(name, bad?.address ?? 'no address')), '', 0)
        } else if (options.all === true) done(null, found)
        else done(null, first.address, first.family)
      },
      error => done(error, '', 0),
    )
  }

  #permits(address: string): boolean {
    return !this.#refused.has(address) || this.#allowed.has(address)
  }

  #refuse(name: string, address: string): Refusal {
    return refuse('webhook-address-refused', name, 'a public address, or one of webhooks.allow', address)
  }
}

function splitRange(range: string): readonly [string, number] {
  const [network = '', prefix = ''] = range.split('/')
  return [network, Number(prefix)]
}

function faultOf(error: Error, origin: string): Refusal {
  if (error instanceof RefusalError) return error.refusal
  const code = (error as NodeJS.ErrnoException).code ?? error.name
  if (error.name === 'TimeoutError' || error.name === 'AbortError') {
    return refuse('answer-too-slow', origin, 'an answer in time', 'none')
  }
  const trust = /^ERR_(?:TLS|SSL|OSSL)|CERT|SELF_SIGNED|UNABLE_TO/.test(code)
  return trust
    ? refuse('tls-refused', origin, 'a certificate of a known authority for this name', code)
    : refuse('not-reachable', origin, 'a receiver that answers', code)
}
