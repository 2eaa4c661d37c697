import { concat, sameBytes, toBase64Url, utf8 } from '../../../src/core/encoding/bytes.ts'
import { spkiOfPoint } from '../../../src/core/encoding/cipher.ts'
import { p1363ToDer } from '../../../src/core/encoding/ecdsa-form.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import {
  challengeFor,
  checkAssertion,
  MAX_ASSERTION_BYTES,
  readAssertion,
  writeAssertion,
} from '../../../src/core/trust/assertion.ts'
import { MAX_PASSKEY_FILE, type Passkey, readPasskey, writePasskey } from '../../../src/core/trust/passkey.ts'
import type { Draw } from '../draw.ts'
import type { Target } from '../input.ts'
import { hold, outcomeOf, TAKEN, trusting } from '../outcome.ts'

const RP_ID = 'console.voltworks.example'
const KEY: Passkey = {
  alg: 'webauthn-es256',
  spki: spkiOfPoint(new Uint8Array(65).fill(4)),
  rpId: RP_ID,
  origin: `https://${RP_ID}`,
  credentialId: 'AQIDBA',
}
const MESSAGE = utf8('a draft')
const challenge = toBase64Url(challengeFor(MESSAGE, trusting))
const said = `{"type":"webauthn.get","challenge":"${challenge}","origin":"${KEY.origin}","crossOrigin":false}`
const data = (flags: number): Uint8Array => concat(trusting.sha256(utf8(RP_ID)), Uint8Array.of(flags, 0, 0, 0, 9))
const signature = p1363ToDer(new Uint8Array(64).fill(1))

const framed = (first: Uint8Array, second: Uint8Array, last: Uint8Array): Uint8Array =>
  concat(...[first, second].flatMap(one => [Uint8Array.of(one.length >> 8, one.length & 255), one]), last)

/** Client data with a member left out, changed, twice or added; and flags as they come. */
function grow(draw: Draw): Uint8Array {
  const members = [
    `"type":"${draw.chance(0.9) ? 'webauthn.get' : 'webauthn.create'}"`,
    `"challenge":"${draw.chance(0.9) ? challenge : 'AAAA'}"`,
    `"origin":"${draw.chance(0.9) ? KEY.origin : 'https://evil.example'}"`,
    `"crossOrigin":${draw.chance(0.9) ? 'false' : draw.pick(['true', 'null', '0', '"false"'])}`,
  ]
  if (draw.chance(0.2)) members.splice(draw.below(members.length), 1)
  if (draw.chance(0.2)) members.push(draw.pick(members))
  if (draw.chance(0.2)) members.push(draw.pick(['"topOrigin":"https://a.example"', '"x":[1.5,{}]', '"__proto__":{}']))
  const flags = draw.chance(0.7) ? 0x05 : draw.below(256)
  const from = draw.chance(0.95) ? data(flags) : draw.bytes(draw.from(30, 40))
  return framed(from, utf8(`{${members.join(draw.pick([',', ', ']))}}`), signature)
}

const assertion: Target = {
  name: 'assertion',
  form: { of: 'fields', grow },
  limit: MAX_ASSERTION_BYTES,
  share: 4,
  seeds: [0x05, 0x1d].map(flags => framed(data(flags), utf8(said), signature)),
  words: ['"type":', '"challenge":', '"origin":', '"crossOrigin":', '"topOrigin":', 'true', '\\u0074', '\u0000%'],
  read: bytes => {
    const read = readAssertion(bytes, 'fuzz')
    if (isRefusal(read)) return outcomeOf(read)
    const again = writeAssertion(read)
    hold(again !== null && sameBytes(again, bytes), 'an assertion with a second spelling')
    const judged = checkAssertion(KEY, MESSAGE, bytes, 'fuzz', trusting)
    if (judged !== null) return outcomeOf(judged)
    // What was taken reads so for everybody: a reader that knows no limits sees the same members.
    const seen = JSON.parse(new TextDecoder().decode(read.clientDataJSON))
    const [type, its, origin] = [seen.type, seen.challenge, seen.origin]
    hold(type === 'webauthn.get' && its === challenge && origin === KEY.origin, 'client data that reads otherwise')
    hold(seen.crossOrigin !== true && seen.topOrigin === undefined, 'a frame of another site')
    hold((read.authenticatorData[32]! & 0xc5) === 0x05, 'flags of something else')
    return TAKEN
  },
}

const passkey: Target = {
  name: 'passkey-file',
  form: { of: 'json', spelling: 'any' },
  limit: MAX_PASSKEY_FILE,
  share: 2,
  seeds: [writePasskey(KEY), writePasskey({ ...KEY, origin: 'http://localhost:8080', rpId: 'localhost' })],
  words: ['"rpId":', '"origin":', '"publicKey":', '"credentialId":', 'http://localhost', ':443', '.'],
  read: bytes => {
    const read = readPasskey(bytes, 'fuzz')
    if (isRefusal(read)) return outcomeOf(read)
    const again = readPasskey(writePasskey(read), 'fuzz')
    hold(!isRefusal(again) && JSON.stringify(again) === JSON.stringify(read), 'a passkey that reads otherwise')
    const url = new URL(read.origin)
    hold(url.origin === read.origin, 'an origin that no browser writes so')
    hold(url.hostname === read.rpId || url.hostname.endsWith(`.${read.rpId}`), 'an origin of another RP id')
    return TAKEN
  },
}

export const PASSKEYS: readonly Target[] = [assertion, passkey]
