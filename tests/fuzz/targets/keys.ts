import { fromUtf8, sameBytes, utf8 } from '../../../src/core/encoding/bytes.ts'
import { parsePkcs11Uri, siblingUri } from '../../../src/core/encoding/pkcs11-uri.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { signableBytes } from '../../../src/core/trust/read-metadata.ts'
import { writeTargets } from '../../../src/core/trust/repository.ts'
import { MAX_REQUEST_BYTES, writeRequest } from '../../../src/core/trust/signing-request.ts'
import { createRelease } from '../../../src/flows/release.ts'
import { changesAsked, openRequest, requestEnvelope, requestMetadata } from '../../../src/flows/request.ts'
import { FACTS, IMAGE } from '../../core/firmware/signing.ts'
import { target, testKey } from '../../core/trust/simulated-repository.ts'
import type { Target } from '../input.ts'
import { hold, outcomeOf, TAKEN, trusting } from '../outcome.ts'

const ports = { crypto: trusting }
const { vendor, class: name, hardware, version, sequence } = FACTS
const facts = { vendor, class: name, hardware, version, sequence }
const { envelope } = orThrow(createRelease({ image: IMAGE, facts }, ports))
const asked = orThrow(requestEnvelope(envelope, testKey(3).key, ports))
const signed = writeTargets({ version: 2, expires: instant(Date.UTC(2031, 0, 1)) }, [target('bms/1.4.0/payload.bin')])
const documents = ['targets', 'bin-00'].map(role => ({ name: role, signed, before: null }))
const ofMetadata = orThrow(requestMetadata(documents, testKey(3).key, ports))
const came = { ...asked, parts: asked.parts.map(part => ({ ...part, signature: new Uint8Array(64) })) }

const request: Target = {
  name: 'signing-request',
  form: { of: 'json', spelling: 'any' },
  limit: MAX_REQUEST_BYTES,
  share: 4,
  seeds: [asked, came, ofMetadata].map(one => writeRequest(one, trusting)),
  words: [
    '"what":',
    '"metadata"',
    '"envelope"',
    '"parts":',
    '"bytes":',
    '"signed":',
    '"before":',
    '"signature":',
    '==',
  ],
  read: bytes => {
    const read = openRequest(bytes, 'fuzz', ports)
    if (isRefusal(read)) return outcomeOf(read)
    const again = orThrow(openRequest(writeRequest(read.request, trusting), 'fuzz', ports))
    for (const [index, part] of again.request.parts.entries()) {
      const before = read.request.parts[index]!
      hold(sameBytes(part.bytes, before.bytes), 'what is signed changes on its way')
      hold(part.signed === null || sameBytes(signableBytes(part.signed), part.bytes), 'another document than is signed')
    }
    for (const { changes } of orThrow(changesAsked(read, null, 'fuzz', ports)))
      hold(changes.length > 2, 'a document is signed of which nothing is shown')
    return TAKEN
  },
}

const reference = (text: string): Uint8Array => utf8(`pkcs11:${text}`)
const uri: Target = {
  name: 'key-uri',
  form: { of: 'lines' },
  limit: 8192,
  share: 2,
  seeds: [
    reference('token=Release;object=bms?module-path=/usr/lib/m.so&pin-source=file:/run/pin'),
    reference('id=%01%fe;serial=12;model=M;manufacturer=X;slot-id=7;type=private?module-path=/m.so'),
  ],
  words: [
    'pkcs11:',
    ';',
    '?',
    '&',
    '=',
    '%',
    '%00',
    '%ff',
    'token=',
    'object=',
    'id=',
    'pin-value=',
    'module-path=',
    '|',
  ],
  read: bytes => {
    const text = fromUtf8(bytes)
    if (text === null) return 'no text'
    const read = parsePkcs11Uri(text)
    if (isRefusal(read)) return outcomeOf(read)
    const { object, id } = read
    const own = { ...(object === undefined ? {} : { object }), ...(id === undefined ? {} : { id }) }
    hold(
      JSON.stringify(parsePkcs11Uri(siblingUri(read, own))) === JSON.stringify(read),
      'a reference that reads otherwise',
    )
    return TAKEN
  },
}

export const KEYS: readonly Target[] = [request, uri]
