import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { checkServerIdentity, connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { SiemLine, SiemLink } from '../flows/siem-ports.ts'

/** A receiver of syslog over TLS, and in PEM whom we believe that it is, and what we show of ourselves. */
export type SyslogTarget = {
  readonly host: string
  readonly port: number
  /** The name, or address, that its certificate has to have; absent: `host`. */
  readonly serverName?: string
  /** The authority of its certificate; null: the system's authorities. */
  readonly ca: string | null
  readonly cert?: string
  readonly key?: string
}

/** How long each step may take, in milliseconds. */
export type Patience = { readonly connect: number; readonly write: number; readonly end: number }
const PATIENCE: Patience = { connect: 10_000, write: 30_000, end: 10_000 }

/** A receiver says nothing (RFC 5425): one that says more than this is something else. */
const MAX_HEARD = 4096
/** After so long without a byte the system asks whether the other side is still there, in milliseconds. */
const KEEP_ALIVE = 30_000

/**
 * Syslog over TLS (RFC 5425, with the cipher suites of today as RFC 9662 has them): TLS 1.2 or 1.3, the receiver's certificate
 * judged by its authority and its name before a byte is sent, our own shown when there is one.
 */
export class SyslogTls implements SiemLink {
  readonly #subject: string
  readonly #target: SyslogTarget
  readonly #context: SecureContext
  readonly #patience: Patience

  private constructor(subject: string, target: SyslogTarget, context: SecureContext, patience: Patience) {
    this.#subject = subject
    this.#target = target
    this.#context = context
    this.#patience = patience
  }

  /** `name` is the receiver's, for refusals. Refuses `certificate-malformed`: what is in the files fits nothing, or not together. */
  static to(name: string, target: SyslogTarget, patience: Patience = PATIENCE): SyslogTls | Refusal {
    const { host, port, ca, cert, key } = target
    const subject = `siem ${name}: ${host}:${port}`
    try {
      // Of an authority that is none, TLS says nothing until it believes nobody.
      for (const pem of [ca, cert]) if (typeof pem === 'string') new X509Certificate(pem)
      const own = cert === undefined ? {} : { cert, key }
      const context = createSecureContext({ ...(ca === null ? {} : { ca }), ...own, minVersion: 'TLSv1.2' })
      return new SyslogTls(subject, target, context, patience)
    } catch (error) {
      const { code = 'something else' } = error as NodeJS.ErrnoException
      return refuse('certificate-malformed', subject, 'certificates in PEM, and the key of ours', code)
    }
  }

  open(): Promise<SiemLine | Refusal> {
    const { host, port, ca, serverName: expected = host } = this.#target
    const subject = this.#subject
    const authority = ca === null ? 'an authority that this system knows' : 'the authority in ca'
    const socket = connect({
      host,
      port,
      secureContext: this.#context,
      // An address is no name to be sent in the clear (RFC 6066 section 3).
      ...(isIP(expected) === 0 ? { servername: expected } : {}),
      checkServerIdentity: (_, peer) => checkServerIdentity(expected, peer),
    })
    const wanted = `a certificate of ${authority} for ${expected}, and one of ours that it permits`
    const line = new TlsLine(socket, { subject, wanted }, this.#patience)
    return new Promise(resolve => {
      const late = setTimeout(() => line.break(unreachable(subject, line.late())), this.#patience.connect)
      socket.once('secureConnect', () => {
        clearTimeout(late)
        resolve(line)
      })
      // Behind the handshake nobody waits for this any more.
      socket.once('close', () => {
        clearTimeout(late)
        resolve(line.fault() ?? unreachable(subject, 'a connection that was closed'))
      })
    })
  }
}

class TlsLine implements SiemLine {
  readonly #socket: TLSSocket
  readonly #subject: string
  readonly #wanted: string
  readonly #patience: Patience
  #fault: Refusal | null = null
  #heard = 0
  #at: 'connect' | 'handshake' | 'secure' = 'connect'
  /** When the handshake was over on our side, by a clock that only goes on; in milliseconds. */
  #secureAt = 0
  #isEnding = false
  #hasEnded = false

  constructor(socket: TLSSocket, { subject, wanted }: { subject: string; wanted: string }, patience: Patience) {
    this.#socket = socket
    this.#subject = subject
    this.#wanted = wanted
    this.#patience = patience
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE)
    socket.once('connect', () => {
      this.#at = 'handshake'
    })
    socket.once('secureConnect', () => {
      this.#at = 'secure'
      this.#secureAt = performance.now()
    })
    socket.on('error', error => {
      this.#fault ??= this.#faultOf(error)
    })
    // Read and thrown away, so that its end is seen.
    socket.on('data', (part: Uint8Array) => {
      this.#heard += part.length
      if (this.#heard > MAX_HEARD) this.break(lost(subject, 'a peer that talks'))
    })
    socket.on('end', () => {
      if (this.#isEnding) this.#hasEnded = true
      else this.#fault ??= this.#gone('an end by the receiver')
    })
    socket.on('close', () => {
      if (!this.#isEnding) this.#fault ??= this.#gone('an end')
    })
  }

  fault(): Refusal | null {
    return this.#fault
  }

  /** What there was of a connection that did not come about in time. */
  late(): string {
    return this.#at === 'connect' ? 'no connection in time' : 'a connection, and no TLS on it: a port for plain syslog?'
  }

  send(bytes: Uint8Array): Promise<null | Refusal> {
    if (this.#fault !== null) return Promise.resolve(this.#fault)
    const stalled = refuse('siem-stalled', this.#subject, 'a receiver that reads', `${bytes.length} bytes not taken`)
    return new Promise(resolve => {
      const late = setTimeout(() => this.break(stalled), this.#patience.write)
      this.#socket.write(bytes, error => {
        clearTimeout(late)
        resolve(error === null || error === undefined ? null : (this.#fault ?? this.#faultOf(error)))
      })
    })
  }

  end(): Promise<null | Refusal> {
    if (this.#fault !== null) return Promise.resolve(this.#fault)
    this.#isEnding = true
    const open = refuse('siem-unconfirmed', this.#subject, 'a receiver that closes too', 'a connection that stays open')
    return new Promise(resolve => {
      const late = setTimeout(() => this.break(open), this.#patience.end)
      this.#socket.once('close', () => {
        clearTimeout(late)
        // Only its own end says that it has read ours; a reset says that it had not.
        resolve(this.#fault ?? (this.#hasEnded ? null : lost(this.#subject, 'no end by the receiver')))
      })
      this.#socket.end()
    })
  }

  drop(): void {
    // In order where nothing is on its way (close_notify, RFC 5425 section 4.4); a receiver that does not read is not waited for.
    if (this.#socket.writableLength === 0) this.#socket.destroySoon()
    else this.#socket.destroy()
  }

  /** Ends it for a reason of our own. */
  break(why: Refusal): void {
    this.#fault ??= why
    this.#socket.destroy()
  }

  #faultOf(error: Error): Refusal {
    const { code = error.name } = error as NodeJS.ErrnoException
    const trust = /^(?:ERR_(?:TLS|SSL|OSSL)|EPROTO)|CERT|SELF_SIGNED|UNABLE_TO/.test(code)
    return trust ? this.#distrusted(wordsOf(error, code)) : this.#gone(wordsOf(error, code))
  }

  #gone(how: string): Refusal {
    if (this.#at === 'connect') return unreachable(this.#subject, how)
    // A receiver that does not permit our certificate says so by closing.
    if (this.#at === 'handshake') return this.#distrusted(`${how} in the handshake`)
    // With TLS 1.3 it judges ours when our side of the handshake is over already.
    const isEarly = performance.now() - this.#secureAt < EARLY
    return lost(this.#subject, isEarly ? `${how} right behind the handshake: is our certificate permitted?` : how)
  }

  #distrusted(how: string): Refusal {
    return refuse('siem-tls-refused', this.#subject, this.#wanted, how)
  }
}

/** A receiver that closes so soon has most likely not permitted our certificate, in milliseconds. */
const EARLY = 500

/** What the system and TLS mean by their codes, for people. The code stays, for whoever looks it up. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody who listens there',
  ENOTFOUND: 'no address of that name',
  EAI_AGAIN: 'no answer of a name server',
  ENETUNREACH: 'no way to its network',
  EHOSTUNREACH: 'no way to its machine',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'one of another authority',
  UNABLE_TO_GET_ISSUER_CERT: 'one of another authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'one of another authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'one of another authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'one that signs itself',
  CERT_SIGNATURE_FAILURE: 'one of another authority of that name',
  CERT_HAS_EXPIRED: 'one that has expired, by this machine’s clock',
  CERT_NOT_YET_VALID: 'one that is not valid yet, by this machine’s clock',
  EPROTO: 'something else than TLS 1.2 or 1.3',
}

function wordsOf(error: Error, code: string): string {
  // The names in a certificate that its authority has signed, and that is not for the one who was meant.
  const { cert } = error as { cert?: { readonly subjectaltname?: string } }
  const names = code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? `one for ${cert?.subjectaltname ?? 'no name'}` : undefined
  const words = names?.slice(0, 200) ?? WORDS[code]
  return words === undefined ? code : `${words} (${code})`
}

const unreachable = (subject: string, actual: string): Refusal =>
  refuse('siem-not-reachable', subject, 'a receiver that answers', actual)
const lost = (subject: string, actual: string): Refusal =>
  refuse('siem-connection-lost', subject, 'a connection that holds', actual)
