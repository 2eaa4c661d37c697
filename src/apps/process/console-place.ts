import { createPrivateKey, X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { readText } from '../../adapters/config-file.ts'
import { isLoopback } from '../../adapters/loopback.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { ConsoleConfig } from '../../wire/console-config.ts'

/**
 * Where a console listens and what it goes by. `names`: the values of the Host header under which it answers. `origins`: those
 * of its own pages. `tls`: the operator's certificate and key in PEM; null: plain HTTP, on this machine alone.
 */
export type ConsolePlace = {
  readonly host: string
  readonly port: number
  /** What people type: an origin. */
  readonly url: string
  readonly names: ReadonlySet<string>
  readonly origins: ReadonlySet<string>
  readonly tls: { readonly cert: string; readonly key: string } | null
}

const MAX_PEM = 1 << 20

/**
 * What `console:` of a config means. Paths are relative to `folder`; `host`: the name by which the server itself is reached, for
 * a console under TLS whose `url` is not said. Refuses `console-not-loopback`, `config-malformed`, `console-certificate-unusable`
 * and what `readText` refuses.
 */
export function consolePlace(folder: string, config: ConsoleConfig, host: string): ConsolePlace | Refusal {
  const tls = readTls(folder, config)
  if (isRefusal(tls)) return tls
  const { port } = config
  if (tls === null && !isLoopback(config.host)) {
    return refuse('console-not-loopback', 'console.host', '127.0.0.1 or ::1, or a cert and a key', config.host)
  }
  // Under these names a browser on this machine comes here, and by one of them through a proxy that keeps no names.
  const own = tls === null ? loopbackNames(config.host).map(name => `http://${name}:${port}`) : []
  const asked = config.url ?? (tls === null ? own.at(-1)! : `https://${host}:${port}`)
  const url = readUrl(asked, tls !== null)
  if (isRefusal(url)) return url
  // As browsers write them: without the port that goes without saying.
  const origins = new Set([url, ...own.map(one => new URL(one).origin)])
  const names = new Set([...origins].flatMap(origin => hostsOf(new URL(origin))))
  return { host: config.host, port, url, names, origins, tls }
}

/** 127.0.0.1 and ::1 are what `localhost` means. Its name comes last: passkeys need one. */
function loopbackNames(host: string): string[] {
  if (host === '::1') return ['[::1]', 'localhost']
  return host === '127.0.0.1' ? [host, 'localhost'] : [host]
}

/** With the port that goes without saying, and without it. */
const hostsOf = ({ protocol, hostname, host, port }: URL): string[] =>
  port === '' ? [host, `${hostname}:${protocol === 'https:' ? 443 : 80}`] : [host]

/** Over plain HTTP a browser keeps no session, but for this machine; so it is a proxy that speaks TLS, or this machine's name. */
function readUrl(written: string, needsTls: boolean): string | Refusal {
  const parsed = URL.parse(written)
  const isHttps = parsed?.protocol === 'https:'
  const isOwn = parsed?.protocol === 'http:' && (parsed.hostname === 'localhost' || isLoopback(bare(parsed.hostname)))
  if (parsed !== null && isOrigin(parsed, written) && (isHttps || (isOwn && !needsTls))) return parsed.origin
  const expected = needsTls
    ? 'https://NAME, as the certificate says'
    : 'https://NAME of a proxy, or http://localhost:PORT'
  return refuse('config-malformed', 'console.url', expected, written.slice(0, 120))
}

/** Nothing but a scheme, a name and a port. */
const isOrigin = ({ username, password, pathname, search, hash }: URL, written: string): boolean =>
  !written.endsWith('/') && pathname === '/' && `${username}${password}${search}${hash}` === ''

const bare = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1')

function readTls(folder: string, { cert, key }: ConsoleConfig): ConsolePlace['tls'] | Refusal {
  if (cert === undefined && key === undefined) return null
  if (cert === undefined || key === undefined) {
    return refuse('config-malformed', 'console', 'a cert and its key, or neither', 'one of them')
  }
  const [certText, keyText] = [readText(resolve(folder, cert), MAX_PEM), readText(resolve(folder, key), MAX_PEM)]
  if (isRefusal(certText)) return certText
  if (isRefusal(keyText)) return keyText
  const fault = pemFault(certText, keyText)
  return fault === null ? { cert: certText, key: keyText } : refuse('console-certificate-unusable', cert, ...fault)
}

/** What is wrong with a certificate and its key, without a word of either. */
function pemFault(cert: string, key: string): [expected: string, actual: string] | null {
  try {
    const leaf = new X509Certificate(cert)
    if (!leaf.checkPrivateKey(createPrivateKey(key))) return ['the certificate of console.key', 'that of another key']
    createSecureContext({ cert, key, minVersion: 'TLSv1.3' })
    return null
  } catch {
    return ['a certificate and an unencrypted key in PEM, fit for TLS 1.3', 'something else']
  }
}
