import type { Guard } from './guard.ts'

const RECIPIENT = 'tests/core/encoding/cose-recipient.test.ts'
const SEGMENTS = 'tests/core/firmware/encryption.test.ts'
const BOARD = 'tests/sim/encryption.test.ts'
const TIERS = 'tests/apps/encryption.test.ts'
const CIPHER_TESTS = 'tests/adapters/cipher-node.test.ts'

const COSE = 'src/core/encoding/cose-recipient.ts'
const ENCRYPTION = 'src/core/firmware/encryption.ts'
const DECRYPT = 'src/flows/decrypt.ts'
const CIPHER = 'src/adapters/cipher-node.ts'

/** The guards of encrypted payloads and of the wraps of their content keys. */
export const ENCRYPTION_GUARDS: readonly Guard[] = [
  {
    stops: 'a ciphertext whose tag does not hold',
    file: CIPHER,
    text: '      decipher.final()\n      return plain(text)',
    without: '      return plain(text)',
    tests: CIPHER_TESTS,
  },
  {
    stops: 'a wrap by another algorithm, or with headers that are passed over',
    file: COSE,
    text: 'if (!(header instanceof Uint8Array) || !sameBytes(header, PROTECTED))',
    without: 'if (!(header instanceof Uint8Array))',
    tests: RECIPIENT,
  },
  {
    stops: 'two forms of one wrap',
    file: COSE,
    text: 'item instanceof Map && item.size === labels.length && labels.every',
    without: 'item instanceof Map && labels.every',
    tests: RECIPIENT,
  },
  {
    stops: 'the wrap of another controller',
    file: ENCRYPTION,
    text: 'if (sameBytes(recipient, own)) return null',
    without: 'if (own.length > 0) return null',
    tests: BOARD,
  },
  {
    stops: 'the wrap of another release',
    file: ENCRYPTION,
    text: 'if (ports.crypto.equal(utf8(found), utf8(keyCheck))) return key',
    without: 'if (found !== keyCheck || found === keyCheck) return key',
    tests: BOARD,
  },
  {
    stops: 'a segment in another place',
    file: ENCRYPTION,
    text: '  view.setUint32(7, index)\n',
    without: '',
    tests: SEGMENTS,
  },
  {
    stops: 'an end that is not the end',
    file: ENCRYPTION,
    text: 'view.setUint8(11, last ? 1 : 0)',
    without: 'view.setUint8(11, last ? 0 : 0)',
    tests: SEGMENTS,
  },
  {
    stops: 'a segment of another image',
    file: ENCRYPTION,
    text: "return encodeCbor(['Encrypt', header, image])",
    without: "return encodeCbor(['Encrypt', header, image.subarray(0, 0)])",
    tests: SEGMENTS,
  },
  {
    stops: 'an encrypted release without a wrap',
    file: DECRYPT,
    text: "if (wrap === undefined) return refuse('wrap-missing', subject, 'a wrap of its content key', 'none')",
    without: 'if (wrap === undefined) return null',
    tests: BOARD,
  },
  {
    stops: 'ciphertext that does not decrypt, taken for an image',
    file: DECRYPT,
    text: 'if (plain === null) return segmentRefused(segment, subject)\n    // The sink',
    without: 'if (plain === null) return sink.take(sink.offset, sealed.subarray(16))\n    // The sink',
    tests: BOARD,
  },
  {
    stops: 'a payload longer than its release',
    file: DECRYPT,
    text: 'if (offset + piece.length > this.total)',
    without: 'if (offset > this.total)',
    tests: BOARD,
  },
  {
    stops: 'a release in the clear where encryption is required',
    file: 'src/flows/fit.ts',
    text: 'if (device.requireEncryption === true && facts.encryption === null)',
    without: 'if (device.requireEncryption === true && facts.imageSize === 0)',
    tests: BOARD,
  },
  {
    stops: 'the images in the clear in the place of their ciphertext',
    file: 'src/core/firmware/encryption.ts',
    text: '  if (encryption === null) return { sha256: imageDigest, length: imageSize }\n',
    without: '  if (encryption !== undefined) return { sha256: imageDigest, length: imageSize }\n',
    tests: SEGMENTS,
  },
  {
    stops: 'metadata that names another image than the encrypted one',
    file: 'src/core/firmware/acceptance.ts',
    text: "    ['image digest', facts.encryption === null ? null : facts.imageDigest, target.encrypted?.image ?? null],\n",
    without: '',
    tests: SEGMENTS,
  },
  {
    stops: 'an order for an encrypted release without a wrap',
    file: 'src/core/trust/mapping.ts',
    text: 'if (release.encrypted !== undefined && order.wrap === undefined)',
    without: 'if (release.encrypted === undefined && order.wrap === order.class)',
    tests: 'tests/core/trust/mapping.test.ts',
  },
  {
    stops: 'a release that this fleet can never decrypt for anybody',
    file: 'src/flows/publish.ts',
    text: '    (await unwrappable(world, envelope, release, path)) ??\n',
    without: '',
    tests: TIERS,
  },
  {
    stops: 'a decryption key that is not of the controller that brings it',
    file: 'src/core/fleet/decryption-key.ts',
    text: "if (crypto.verify(key, decryptionKeyStatement(spki), signature, 'der')) return null",
    without: 'if (key !== null) return null',
    tests: 'tests/core/fleet/decryption-key.test.ts',
  },
  {
    stops: 'a decryption key exchanged by a second enrolment',
    file: 'src/apps/fleet/enrolment.ts',
    text: 'if (before === null || sameBytes(before, key)) return key',
    without: 'if (before === null || key.length > 0) return key',
    tests: TIERS,
  },
  {
    stops: 'an order of an encrypted release without its content key',
    file: 'src/flows/direct.ts',
    text: '    if (isRefusal(wrap)) {',
    without: '    if (wrap === null) {',
    tests: 'tests/flows/wrap.test.ts',
  },
  {
    stops: 'the wrap of a device that was replaced, ordered for the one in its place',
    file: 'src/flows/wrap.ts',
    text: 'isRefusal(read) || refuseStranger(read, decryptionKey, crypto, id) !== null ? null : wrap',
    without: 'isRefusal(read) ? null : wrap',
    tests: 'tests/flows/wrap.test.ts',
  },
  {
    stops: 'a wrap that is brought for somebody else',
    file: 'src/flows/wrap.ts',
    text: '    if (stranger !== null) return stranger\n',
    without: '',
    tests: TIERS,
  },
  {
    stops: 'a wrap of nothing that stands for ever, because the right one is not asked for',
    file: 'src/flows/wrap.ts',
    text: 'const asked = new Map(all.map(',
    without: 'const asked = new Map(all.filter(({ wrapped }) => !wrapped).map(',
    tests: 'tests/flows/wrap.test.ts',
  },
  {
    stops: 'a wrap of nothing that is brought to a server that can wrap itself',
    file: 'src/flows/wrap.ts',
    text: 'wrap: own === null || isRefusal(own) ? one.wrap : own',
    without: 'wrap: one.wrap',
    tests: 'tests/flows/wrap.test.ts',
  },
  {
    stops: 'a wrap for a controller that only the server knows',
    file: 'src/apps/cli/commands/campaign-wrap.ts',
    text: '    if (device === undefined) {',
    without: '    if (device === undefined) continue\n    if (device === null) {',
    tests: TIERS,
  },
  {
    stops: 'orders of an encrypted release before its content key is wrapped',
    file: 'src/flows/campaign.ts',
    text: "const wanted = verb === 'start' ? await wantedOf(world, opened) : []",
    without: "const wanted = verb === 'resume' ? await wantedOf(world, opened) : []",
    tests: TIERS,
  },
  {
    stops: 'a campaign for a controller that cannot decrypt',
    file: 'src/core/campaign/path-places.ts',
    text: 'if (goal.facts.encryption !== null && !decrypts) {',
    without: 'if (goal.facts.encryption === undefined) {',
    tests: 'tests/core/campaign/draft.test.ts',
  },
]
