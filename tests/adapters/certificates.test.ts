import assert from 'node:assert/strict'
import { X509Certificate as NodeCertificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { before, describe, test } from 'node:test'
import { connect, createServer, type Server, type TLSSocket } from 'node:tls'
import {
  type Authority,
  type CertifiedKey,
  certificateFacts,
  certificateRequest,
  certifyNewKey,
  createAuthority,
  generateTlsKey,
  issueCertificate,
} from '../../src/adapters/certificates.ts'
import { instant } from '../../src/core/encoding/units.ts'
import type { Identity } from '../../src/core/fleet/identity.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'

// TLS itself reads the machine's clock, so these certificates are issued now.
const now = instant(Date.now())
const DAY = 86_400_000
const gateway: Identity = { kind: 'gateway', site: 'harbour' }
const rack: Identity = { kind: 'controller', site: 'harbour', id: 'bms-1' }
const hosts = ['localhost', '127.0.0.1']
const codeOf = (value: unknown): string => (isRefusal(value) ? value.code : 'no refusal')

let ours: Authority
let theirs: Authority
let door: CertifiedKey
before(async () => {
  ours = await createAuthority('Harbour', now)
  theirs = await createAuthority('Harbour', now) // the same name: only the key tells them apart
  door = await certifyNewKey(ours, { identity: gateway, hosts }, now)
})

/** What both ends say of one connection: the server's word first, since TLS 1.3 clients finish before they are judged. */
type Meeting = { readonly server: string; readonly client: string; readonly peer?: string }

async function meet(
  server: CertifiedKey,
  client: Partial<CertifiedKey> & { ca?: string; host?: string; anyName?: true; newest?: 'TLSv1.2' },
): Promise<Meeting> {
  const listener: Server = createServer({
    ...server,
    ca: ours.cert,
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: true,
  })
  const judged = new Promise<{ server: string; peer?: string }>(resolve => {
    listener.on('tlsClientError', (error: NodeJS.ErrnoException, socket) =>
      resolve({ server: String(socket.authorizationError ?? error.code ?? error.message) }),
    )
    listener.on('secureConnection', (socket: TLSSocket) => {
      const peer = socket.getPeerCertificate().subjectaltname ?? ''
      resolve({ server: `authorized ${socket.getProtocol()}`, peer })
      socket.on('error', () => {})
      socket.end('welcome')
    })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: client.host ?? 'localhost',
    ca: client.ca ?? ours.cert,
    ...(client.cert === undefined ? {} : { cert: client.cert }),
    ...(client.key === undefined ? {} : { key: client.key }),
    ...(client.anyName === undefined ? {} : { checkServerIdentity: () => undefined }),
    ...(client.newest === undefined ? {} : { maxVersion: client.newest }),
  })
  const heard = new Promise<string>(resolve => {
    socket.on('data', data => resolve(data.toString()))
    socket.on('error', error => resolve((error as NodeJS.ErrnoException).code ?? error.message))
    socket.on('close', () => resolve('closed'))
  })
  const words = { ...(await judged), client: await heard }
  socket.destroy()
  listener.close()
  await once(listener, 'close')
  return words
}

describe('mutual TLS 1.3 with the authority’s certificates', () => {
  test('both ends agree, and the server reads the identity', async () => {
    const key = generateTlsKey()
    const cert = orThrow(await issueCertificate(ours, await certificateRequest(key), { identity: rack }, now))
    assert.deepEqual(await meet(door, { cert, key }), {
      server: 'authorized TLSv1.3',
      client: 'welcome',
      peer: 'URI:voltseal:controller:harbour/bms-1',
    })
  })

  test('attack: a client certificate of another authority of the same name', async () => {
    const forged = await certifyNewKey(theirs, { identity: rack }, now)
    const { server, client } = await meet(door, forged)
    assert.match(server, /CERT_SIGNATURE_FAILURE|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT/)
    assert.notEqual(client, 'welcome')
  })

  test('attack: a client without a certificate', async () => {
    const { server, client } = await meet(door, {})
    assert.match(server, /PEER_DID_NOT_RETURN_A_CERTIFICATE/)
    assert.notEqual(client, 'welcome')
  })

  test('attack: a server of another authority', async () => {
    const forged = await certifyNewKey(theirs, { identity: gateway, hosts }, now)
    const { client } = await meet(forged, await certifyNewKey(ours, { identity: rack }, now))
    assert.match(client, /CERT|SIGNATURE|UNABLE/)
  })

  test('attack: a rack’s own certificate used to play the gateway', async () => {
    const thief = await certifyNewKey(ours, { identity: rack }, now)
    // Also to a client that forgets to compare names: the certificate is not one for servers.
    const { client } = await meet(thief, { ...(await certifyNewKey(ours, { identity: rack }, now)), anyName: true })
    assert.match(client, /PURPOSE/)
  })

  test('a server that is called by another name', async () => {
    const { client } = await meet(door, { ...(await certifyNewKey(ours, { identity: rack }, now)), host: 'elsewhere' })
    assert.equal(client, 'ERR_TLS_CERT_ALTNAME_INVALID')
  })

  test('an expired client certificate', async () => {
    const past = instant(now - 30 * DAY)
    const { server, client } = await meet(door, await certifyNewKey(ours, { identity: rack, days: 1 }, past))
    assert.equal(server, 'CERT_HAS_EXPIRED')
    assert.notEqual(client, 'welcome')
  })

  test('attack: a client that speaks nothing newer than TLS 1.2', async () => {
    const { server } = await meet(door, { ...(await certifyNewKey(ours, { identity: rack }, now)), newest: 'TLSv1.2' })
    assert.match(server, /UNSUPPORTED_PROTOCOL/)
  })
})

describe('requests', () => {
  test('the authority decides the identity, whatever the request says', async () => {
    const cert = orThrow(
      await issueCertificate(ours, await certificateRequest(generateTlsKey()), { identity: rack }, now),
    )
    const read = new NodeCertificate(cert)
    assert.equal(read.subjectAltName, 'URI:voltseal:controller:harbour/bms-1')
    assert.equal(read.ca, false)
    assert.equal(read.verify(new NodeCertificate(ours.cert).publicKey), true)
  })

  test('attack: a request whose key was exchanged is not proven', async () => {
    const request = await certificateRequest(generateTlsKey())
    const other = await certificateRequest(generateTlsKey())
    const der = (text: string): Uint8Array => Uint8Array.fromBase64(text.replace(/-----[^-]+-----|\s/g, ''))
    // The tail holds the signature: the last 60 bytes of one request on the body of the other.
    const [body, tail] = [der(request), der(other)]
    body.set(tail.subarray(tail.length - 60), body.length - 60)
    const mixed = `-----BEGIN CERTIFICATE REQUEST-----\n${body.toBase64()}\n-----END CERTIFICATE REQUEST-----\n`
    assert.equal(codeOf(await issueCertificate(ours, mixed, { identity: rack }, now)), 'certificate-request-unproven')
  })

  const malformed: [name: string, request: string][] = [
    ['empty', ''],
    ['text', 'hello'],
    ['not DER', '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n'],
    ['too long', 'A'.repeat(20_000)],
  ]
  for (const [name, request] of malformed) {
    test(`a request that is ${name}`, async () => {
      const answer = await issueCertificate(ours, request, { identity: rack }, now)
      assert.equal(codeOf(answer), 'certificate-request-malformed')
    })
  }
})

describe('what a certificate says', () => {
  test('identity, serial and times', () => {
    const facts = orThrow(certificateFacts(door.cert))
    assert.deepEqual(facts.identity, gateway)
    assert.match(facts.serial, /^[4-7][0-9a-f]{31}$/)
    assert.ok(facts.notBefore < now && facts.notAfter > now + 300 * DAY)
  })
  test('the authority has no identity of its own', () =>
    assert.equal(orThrow(certificateFacts(ours.cert)).identity, null))
  test('never outlives its authority', async () => {
    const late = await certifyNewKey(ours, { identity: rack, days: 99_999 }, now)
    const { notAfter } = orThrow(certificateFacts(late.cert))
    assert.equal(notAfter, orThrow(certificateFacts(ours.cert)).notAfter)
  })
  test('not a certificate', () => assert.equal(codeOf(certificateFacts('hello')), 'certificate-malformed'))
})
