import 'reflect-metadata'
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { type Instant, instant } from '../core/encoding/units.ts'
import { type Identity, identityUri, parseIdentity } from '../core/fleet/identity.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { algorithmOf } from './openssl.ts'

/**
 * Certificates of the development authority (RFC 5280), for mutual TLS 1.3. Who a peer is stands in one URI of the
 * subject alternative name (see core/fleet/identity.ts); what stands in a request beside its key is not believed.
 */

/** A certificate and the private key that belongs to it, both in PEM (the key as PKCS#8). */
export type CertifiedKey = { readonly cert: string; readonly key: string }

/** An authority: its own certificate and key. The key is a development key: it can issue any identity. */
export type Authority = CertifiedKey

/**
 * What an authority says of a key. `hosts` are the DNS names and IP addresses under which a server is reached; a
 * certificate with hosts serves and calls, one without only calls.
 */
export type Grant = { readonly identity: Identity; readonly hosts?: readonly string[]; readonly days?: number }

/** What a certificate says. `identity` is null when there is not exactly one, or not one of ours. */
export type CertificateFacts = {
  readonly identity: Identity | null
  /** Lower-case hex, without leading zeros removed. */
  readonly serial: string
  /** SHA-256 of the certificate (DER), lower-case hex. */
  readonly sha256: string
  readonly notBefore: Instant
  readonly notAfter: Instant
}

const DAY = 86_400_000
const AUTHORITY_DAYS = 3653
const LEAF_DAYS = 397
/** Clocks of sites are not exact: a certificate is already valid for a machine that is this far behind. */
const SKEW = 5 * 60_000
const MAX_REQUEST = 16 * 1024
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const
const IP = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]*)$/i

/** Makes an authority with a key of its own (ECDSA P-256), valid for ten years, that issues no further authorities. */
export async function createAuthority(name: string, now: Instant): Promise<Authority> {
  const key = generateTlsKey()
  const keys = await cryptoKeys(createPrivateKey(key))
  const cert = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }, { OU: ['authority'] }, { O: ['Voltseal development'] }],
    notBefore: new Date(now - SKEW),
    notAfter: new Date(now + AUTHORITY_DAYS * DAY),
    signingAlgorithm: SIGNING,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: pem(cert), key }
}

/** Generates a key for TLS (ECDSA P-256): PKCS#8 in PEM. Where it is written, and with which mode, is the caller's. */
export function generateTlsKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** Makes a request for a key (RFC 2986): PEM. It proves that its maker holds the key; the authority decides the rest. */
export async function certificateRequest(key: string): Promise<string> {
  const keys = await cryptoKeys(createPrivateKey(key))
  const request = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: SIGNING })
  return `${request.toString('pem')}\n`
}

/**
 * Issues a certificate for the key of a request. Nothing but the key is taken from the request. Refuses
 * `certificate-request-malformed`, `certificate-request-unproven`, `key-algorithm-unsupported`.
 */
export async function issueCertificate(
  authority: Authority,
  request: string,
  grant: Grant,
  now: Instant,
): Promise<string | Refusal> {
  const read = readRequest(request)
  if (isRefusal(read)) return read
  const proven = await read.verify().catch(() => false)
  if (!proven) {
    return refuse('certificate-request-unproven', 'certificate request', 'a signature by its own key', 'another')
  }
  const kind = algorithmOf(createPublicKey({ key: Buffer.from(read.publicKey.rawData), format: 'der', type: 'spki' }))
  if (kind !== 'ecdsa-p256') {
    return refuse('key-algorithm-unsupported', 'certificate request', 'an ECDSA P-256 key', kind ?? 'another kind')
  }
  return issue(authority, read.publicKey, grant, now)
}

/** Generates a key and issues its certificate in one step, where both ends of an enrolment are the same process. */
export async function certifyNewKey(authority: Authority, grant: Grant, now: Instant): Promise<CertifiedKey> {
  const key = generateTlsKey()
  const keys = await cryptoKeys(createPrivateKey(key))
  return { cert: await issue(authority, keys.publicKey, grant, now), key }
}

/** Reads a certificate in PEM; verifies nothing. Refuses `certificate-malformed`. */
export function certificateFacts(cert: string): CertificateFacts | Refusal {
  let read: X509Certificate
  try {
    read = new X509Certificate(cert)
  } catch {
    return refuse('certificate-malformed', 'certificate', 'one certificate in PEM', 'something else')
  }
  const names = read.getExtension(SubjectAlternativeNameExtension)?.names.items ?? []
  const uris = names.filter(name => name.type === 'url')
  return {
    identity: uris.length === 1 ? parseIdentity(uris[0]!.value) : null,
    serial: read.serialNumber,
    sha256: createHash('sha256').update(new Uint8Array(read.rawData)).digest('hex'),
    notBefore: instant(read.notBefore.getTime()),
    notAfter: instant(read.notAfter.getTime()),
  }
}

type Keys = { readonly publicKey: CryptoKey; readonly privateKey: CryptoKey }
type LeafKey = CryptoKey | Pkcs10CertificateRequest['publicKey']

async function issue(authority: Authority, publicKey: LeafKey, grant: Grant, now: Instant): Promise<string> {
  const { identity, hosts = [] } = grant
  const issuer = new X509Certificate(authority.cert)
  const wanted = now + (grant.days ?? LEAF_DAYS) * DAY
  const uses: string[] = [ExtendedKeyUsage.clientAuth]
  if (hosts.length > 0) uses.push(ExtendedKeyUsage.serverAuth)
  const names = hosts.map(host => ({ type: IP.test(host) ? ('ip' as const) : ('dns' as const), value: host }))
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(uses),
    new SubjectAlternativeNameExtension([{ type: 'url', value: identityUri(identity) }, ...names]),
    await SubjectKeyIdentifierExtension.create(publicKey),
    await AuthorityKeyIdentifierExtension.create(issuer),
  ]
  const cert = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    issuer: issuer.subjectName.toJSON(),
    subject: subjectOf(identity),
    notBefore: new Date(now - SKEW),
    // A certificate that outlives its authority would fail on a day that nobody has in the calendar.
    notAfter: new Date(Math.min(wanted, issuer.notAfter.getTime())),
    signingAlgorithm: SIGNING,
    publicKey,
    signingKey: (await cryptoKeys(createPrivateKey(authority.key))).privateKey,
    extensions,
  })
  return pem(cert)
}

/** For people who look at the certificate; programs read the URI. A common name holds 64 characters at most. */
function subjectOf(identity: Identity): { [attribute: string]: string[] }[] {
  if (identity.kind === 'gateway') return [{ CN: [identity.site] }, { OU: ['gateway'] }]
  if (identity.kind === 'controller') return [{ CN: [identity.id] }, { OU: ['controller'] }, { O: [identity.site] }]
  return [{ CN: [identity.id] }, { OU: [identity.kind] }]
}

function readRequest(request: string): Pkcs10CertificateRequest | Refusal {
  const expected = `a certificate request in PEM of at most ${MAX_REQUEST} characters`
  if (request.length > MAX_REQUEST) {
    return refuse('certificate-request-malformed', 'certificate request', expected, `${request.length} characters`)
  }
  try {
    return new Pkcs10CertificateRequest(request)
  } catch {
    return refuse('certificate-request-malformed', 'certificate request', expected, 'something else')
  }
}

/** 127 random bits: positive, unique without a counter that could be lost (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  const serial = randomBytes(16)
  serial[0] = (serial[0]! & 0x3f) | 0x40
  return serial.toString('hex')
}

async function cryptoKeys(key: KeyObject): Promise<Keys> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  return {
    privateKey: key.toCryptoKey(algorithm, false, ['sign']),
    publicKey: createPublicKey(key).toCryptoKey(algorithm, true, ['verify']),
  }
}

const pem = (cert: X509Certificate): string => `${cert.toString('pem')}\n`
