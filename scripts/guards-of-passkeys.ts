// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const ASSERTION = 'tests/core/trust/assertion.test.ts'
const PASSKEY = 'tests/core/trust/passkey.test.ts'
const FLEET = 'tests/threats/approval-passkeys.test.ts'
const FILE = 'src/core/trust/assertion.ts'
const READ = 'src/core/trust/read-metadata.ts'

/** The guards of approvals that are signed in a browser. */
export const PASSKEY_GUARDS: readonly Guard[] = [
  {
    stops: 'an assertion of another kind of question',
    file: FILE,
    text: "if (said('type') !== 'webauthn.get') {",
    without: "if (said('type') === 'x') {",
    tests: ASSERTION,
  },
  {
    stops: 'an assertion for another document',
    file: FILE,
    text: "if (said('challenge') !== challenge) {",
    without: "if (said('challenge') === challenge + 'x') {",
    tests: ASSERTION,
  },
  {
    stops: 'an assertion for a changed plan, at the gateway',
    file: FILE,
    text: 'crypto.sha256(concat(DOMAIN, message))',
    without: 'crypto.sha256(concat(DOMAIN, message.subarray(0, 0)))',
    tests: FLEET,
  },
  {
    stops: 'an assertion for another origin',
    file: FILE,
    text: "if (said('origin') !== origin) {",
    without: "if (!String(said('origin')).startsWith(origin.slice(0, 8))) {",
    tests: ASSERTION,
  },
  {
    stops: 'an assertion from a frame of another site',
    file: FILE,
    text: '(crossOrigin === undefined || crossOrigin === false) && ',
    without: '',
    tests: ASSERTION,
  },
  {
    stops: 'an assertion from a frame that names the page around it',
    file: FILE,
    text: " && said('topOrigin') === undefined) return null",
    without: ') return null',
    tests: ASSERTION,
  },
  {
    stops: 'an assertion for another RP id',
    file: FILE,
    text: 'if (!sameBytes(asked, crypto.sha256(utf8(rpId)))) {',
    without: 'if (asked.length !== 32) {',
    tests: ASSERTION,
  },
  {
    stops: 'an assertion without user verification',
    file: FILE,
    text: '!has(FLAG.present) || !has(FLAG.verified)',
    without: '!has(FLAG.present)',
    tests: ASSERTION,
  },
  {
    stops: 'an assertion with nobody there',
    file: FILE,
    text: '!has(FLAG.present) || !has(FLAG.verified)',
    without: '!has(FLAG.verified)',
    tests: ASSERTION,
  },
  {
    stops: 'authenticator data that holds more than an assertion’s',
    file: FILE,
    text: 'has(FLAG.key) || has(FLAG.extensions) || ',
    without: '',
    tests: ASSERTION,
  },
  {
    stops: 'another passkey’s signature',
    file: FILE,
    text: "if (crypto.verify({ alg: 'ecdsa-p256', spki }, signed, signature, 'der')) return null",
    without: 'if (spki.length > 0 && signed.length > 0 && signature.length > 0) return null',
    tests: ASSERTION,
  },
  {
    stops: 'a malleated signature of a passkey',
    file: FILE,
    text: 'raw === null || !isLowP256(raw)',
    without: 'raw === null',
    tests: ASSERTION,
  },
  {
    stops: 'client data beyond its limit',
    file: FILE,
    text: '  if (clientDataJSON.length > MAX_CLIENT_BYTES) {',
    without: '  if (clientDataJSON.length > 1 << 20) {',
    tests: ASSERTION,
  },
  {
    stops: 'client data with a member twice',
    file: FILE,
    text: 'const json = readForeignJson(bytes, MAX_CLIENT_BYTES)',
    without: 'const json: unknown = JSON.parse(new TextDecoder().decode(bytes))',
    tests: ASSERTION,
  },
  {
    stops: 'an origin that is not the RP id’s own',
    file: 'src/core/trust/passkey.ts',
    text: '  if (host !== rpId && !host.endsWith(`.${rpId}`)) return false\n',
    without: '',
    tests: PASSKEY,
  },
  {
    stops: 'approvals by passkeys alone',
    file: 'src/core/trust/signatures.ts',
    text: 'Math.min(passkeys, threshold - 1)',
    without: 'Math.min(passkeys, threshold)',
    tests: PASSKEY,
  },
  {
    stops: 'approvals by passkeys alone, at the gateway',
    file: 'src/core/trust/signatures.ts',
    text: '  const have = worthOf(signers, role.threshold)\n  if (have >= role.threshold) return null',
    without: '  const have = signers.length\n  if (have >= role.threshold) return null',
    tests: FLEET,
  },
  {
    stops: 'a passkey as a root, snapshot or timestamp key',
    file: READ,
    text: "    if (role === 'targets') continue\n",
    without: '    if (role.length > 0) continue\n',
    tests: PASSKEY,
  },
  {
    stops: 'a passkey as the key of a delegation',
    file: READ,
    text: "return refusePasskeys(signed.delegations.keys, 'a delegation', subject)",
    without: 'return null',
    tests: PASSKEY,
  },
  {
    stops: 'a passkey in a repository of others',
    file: READ,
    text: "unknown: new Set(['webauthn-es256'])",
    without: 'unknown: new Set()',
    tests: PASSKEY,
  },
  {
    stops: 'a passkey in the first root of another repository',
    file: 'src/core/trust/trusted-set.ts',
    text: '    checkPasskeys(repo, root.signed, `${repo}: root`) ??\n',
    without: '',
    tests: PASSKEY,
  },
  {
    stops: 'a passkey in the next root of another repository',
    file: 'src/core/trust/trusted-set.ts',
    text: '    checkPasskeys(set.repo, root.signed, subject) ??\n',
    without: '',
    tests: PASSKEY,
  },
  {
    stops: 'a passkey that a ceremony brings into another repository',
    file: 'src/core/trust/ceremony.ts',
    text: "(repository === 'approval' ? null : refusePasskeys(next.keys, `the ${repository} repository`, 'the next root'))",
    without: 'null',
    tests: PASSKEY,
  },
  {
    stops: 'a role that passkeys alone would have to fill',
    file: 'src/core/trust/key-change.ts',
    text: '    if (known.some(isPasskey) && (threshold < 2 || worthOf(known, threshold) < threshold)) {',
    without: '    if (threshold < 1) {',
    tests: PASSKEY,
  },
  {
    stops: 'a passkey’s signature that the fleet server has not judged',
    file: 'src/flows/approve.ts',
    text: '    if (invalid !== null) {',
    without: '    if (invalid !== null && !isPasskey(key)) {',
    tests: FLEET,
  },
]
