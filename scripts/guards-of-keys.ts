// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const URI = 'src/core/encoding/pkcs11-uri.ts'
const URI_TESTS = 'tests/core/encoding/pkcs11-uri.test.ts'
const TOKEN = 'src/adapters/signer-pkcs11/token.ts'
const OBJECTS = 'src/adapters/signer-pkcs11/objects.ts'
const TOKEN_TESTS = 'tests/adapters/signer-pkcs11/*.test.ts'
const REQUEST = 'src/core/trust/signing-request.ts'
const FLOW = 'src/flows/request.ts'
const REQUEST_TESTS = 'tests/flows/request.test.ts'
const CHANGES_TESTS = 'tests/flows/request-changes.test.ts'

/** The guards of private keys: in tokens, and on machines of their own. */
export const KEY_GUARDS: readonly Guard[] = [
  // References and PINs.
  {
    stops: 'a key reference that is looked through before it is known to be short enough',
    file: URI,
    text: 'namesOnly(reference.slice(0, MAX_URI))',
    without: 'namesOnly(reference)',
    tests: 'tests/fuzz/fuzz.test.ts',
  },
  {
    stops: 'a PIN in the command line',
    file: URI,
    text: 'if (/[:;?&]pin-value/i.test(reference)) {',
    without: "if (reference === '') {",
    tests: URI_TESTS,
  },
  {
    stops: 'a PIN in what is said of a reference',
    file: URI,
    text: "PATH_NAMES.includes(item.split('=')[0] as string) ? item : '…'",
    without: 'item',
    tests: URI_TESTS,
  },
  {
    stops: 'a PIN that a command prints',
    file: URI,
    text: "if (pinSource !== undefined && !pinSource.startsWith('/')) return malformed('pin-source=file:/PATH', 'something else')",
    without: '',
    tests: URI_TESTS,
  },
  {
    stops: 'an attribute that is passed over, and would have told two keys apart',
    file: URI,
    text: "if (!names.includes(name)) return malformed(names.filter(one => one !== 'pin-value').join(', '), named(name))",
    without: 'if (!names.includes(name)) continue',
    tests: URI_TESTS,
  },
  {
    stops: 'a PIN file that others may read',
    file: 'src/adapters/signer-pkcs11/pin.ts',
    text: "if ((mode & 0o077) !== 0 && process.platform !== 'win32') {",
    without: 'if (mode < 0) {',
    tests: TOKEN_TESTS,
  },
  {
    stops: 'a forgotten job that locks a token',
    file: TOKEN,
    text: 'if ((info.flags & CKF.userPinFinalTry) !== 0) {',
    without: 'if (info.flags < 0) {',
    tests: TOKEN_TESTS,
  },
  {
    stops: 'a PIN that is tried on a locked token',
    file: TOKEN,
    text: 'if ((info.flags & CKF.userPinLocked) !== 0) return locked()',
    without: '',
    tests: TOKEN_TESTS,
  },

  // Tokens and the keys in them.
  {
    stops: 'the wrong one of two tokens of one name',
    file: TOKEN,
    text: 'if (found.length > 1) {',
    without: 'if (found.length < 0) {',
    tests: TOKEN_TESTS,
  },
  {
    stops: 'the wrong one of two keys of one name',
    file: OBJECTS,
    text: 'if (handles.length > 1) {',
    without: 'if (handles.length < 0) {',
    tests: TOKEN_TESTS,
  },
  {
    stops: 'a key that can be wrapped out of its token and passes for one that stays',
    file: OBJECTS,
    text: 'stays: flag(CKA.sensitive) === true && flag(CKA.extractable) === false,',
    without: 'stays: flag(CKA.sensitive) === true,',
    tests: TOKEN_TESTS,
  },
  {
    stops: 'a token that makes keys which can be copied',
    file: 'src/adapters/signer-pkcs11/keys.ts',
    text: 'if (lax === null && !isRefusal(half))',
    without: 'if (!isRefusal(half))',
    tests: TOKEN_TESTS,
  },
  {
    stops: 'a key that is made over another one of its name',
    file: 'src/adapters/signer-pkcs11/keys.ts',
    text: "if (taken) return refuse('key-exists', shown, 'a name that is free', 'a key of that name in the token')",
    without: '',
    tests: TOKEN_TESTS,
  },
  {
    stops: 'a token that has been taken out and seems to go on',
    file: 'src/adapters/signer-pkcs11/signer.ts',
    text: '      library.C_GetTokenInfo(slot)\n',
    without: '',
    tests: TOKEN_TESTS,
  },
  {
    stops: 'a token whose signature does not hold, or the public key of somebody else beside a private key',
    file: 'src/apps/process/signers.ts',
    text: 'if (isRefusal(signature) || crypto.verify(signer.key, message, signature, form)) return signature',
    without: 'if (signature !== null) return signature',
    tests: TOKEN_TESTS,
  },
  {
    stops: 'a token that was exchanged for one with a key of the same name',
    file: 'src/apps/process/signers.ts',
    text: 'if (!sameBytes(open.key.spki, this.key.spki)) {',
    without: 'if (open.key.spki.length === 0) {',
    tests: TOKEN_TESTS,
  },

  // Signing on another machine.
  {
    stops: 'a request that shows one release and has another one signed',
    file: FLOW,
    text: 'if (!sameBytes(input.message, request.parts[0]?.bytes ?? new Uint8Array())) {',
    without: 'if (input.message.length === 0) {',
    tests: REQUEST_TESTS,
  },
  {
    stops: 'a document that is signed under the digest of another one',
    file: REQUEST,
    text: "if (toHex(crypto.sha256(bytes)) !== sha256) return altered(`${name} of SHA-256 ${sha256}`, 'other bytes')",
    without: '',
    tests: REQUEST_TESTS,
  },
  {
    stops: 'a request in the name of another key',
    file: REQUEST,
    text: 'if (keyId(key, crypto) !== kid) return altered(`the key ${kid}`, keyId(key, crypto))',
    without: '',
    tests: REQUEST_TESTS,
  },
  {
    stops: 'a key under the id of another one in what is shown',
    file: FLOW,
    text: 'if (keyIdOf(key as JsonObject, crypto) !== keyid) return keyid.slice(0, 128)',
    without: '',
    tests: REQUEST_TESTS,
  },
  {
    stops: 'an earlier file that was made up, so that a change is not seen',
    file: FLOW,
    text: 'if (verifySigned(earlier, keys, roles[type], subject, crypto) !== null) {',
    without: 'if (earlier.bytes.length === 0) {',
    tests: CHANGES_TESTS,
  },
  {
    stops: 'an earlier file that is genuine and too old, so that what was withdrawn since seems to be in force',
    file: FLOW,
    text: 'if (earlier.version !== signed.version - 1) {',
    without: 'if (earlier.version < 1) {',
    tests: CHANGES_TESTS,
  },
  {
    stops: 'the earlier file of another bin in a request',
    file: FLOW,
    text: "  if (was !== is) return altered('an earlier file of the same bin', 'another one')\n",
    without: '',
    tests: CHANGES_TESTS,
  },
  {
    stops: 'a bin in a request under the name of another one',
    file: FLOW,
    text: 'return is === undefined || is === name ? null :',
    without: 'return is !== null ? null :',
    tests: CHANGES_TESTS,
  },
  {
    stops: 'a request for bins that shows all that is in them, and so hides what changes',
    file: 'src/apps/cli/commands/publish.ts',
    text: 'before: current.get(name) ?? null',
    without: 'before: current.get(`no ${name}`) ?? null',
    tests: 'tests/flows/bins.test.ts',
  },
  {
    stops: 'a change that is not shown because nobody has verified what was before',
    file: FLOW,
    text: 'if (root === null || before === null) {',
    without: 'if (before === null) {',
    tests: CHANGES_TESTS,
  },
  {
    stops: 'the note of a ceremony in a request, unseen',
    file: FLOW,
    text: '...(was === is ? [] : [note])',
    without: '',
    tests: CHANGES_TESTS,
  },
  {
    stops: 'a signature of another key in a request that came back',
    file: REQUEST,
    text: 'if (held === null) return notHolding(kid, `${subject}: ${name}`)',
    without: 'if (held === null) continue',
    tests: REQUEST_TESTS,
  },
  {
    stops: 'a document that stands twice in a request and is looked at once',
    file: REQUEST,
    text: 'if (new Set(read.parts.map(({ name }) => name)).size < read.parts.length) {',
    without: 'if (read.parts.length === 0) {',
    tests: REQUEST_TESTS,
  },
  {
    stops: 'a request that is signed with another key than the one that was asked',
    file: FLOW,
    text: 'if (signer.key.alg !== request.key.alg || keyMaterial(signer.key) !== keyMaterial(request.key)) {',
    without: 'if (request.parts.length === 0) {',
    tests: REQUEST_TESTS,
  },
  {
    stops: 'a signature for one release that is put into another',
    file: FLOW,
    text: "if (request.content.kind !== 'envelope' || !sameBytes(request.content.manifest, parts.manifest)) {",
    without: "if (request.content.kind !== 'envelope') {",
    tests: REQUEST_TESTS,
  },
  {
    stops: 'a signature for one publication that publishes another',
    file: FLOW,
    text: 'if (!sameBytes(signableBytes(signed), part.bytes)) {',
    without: 'if (part.bytes.length === 0) {',
    tests: REQUEST_TESTS,
  },
  {
    stops: 'a signature that was overtaken by another publication',
    file: FLOW,
    text: 'if (asked.signed.version < Number(signed.version)) {',
    without: 'if (asked.signed.version < 0) {',
    tests: REQUEST_TESTS,
  },
]
