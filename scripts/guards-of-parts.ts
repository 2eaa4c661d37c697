// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const FIRMWARE = 'tests/core/firmware/*.test.ts'
const ENCODING = 'tests/core/encoding/*.test.ts'
const TRUST = 'tests/core/trust/*.test.ts'
const LEDGER = 'tests/core/ledger/*.test.ts'
const BOARD = 'tests/sim/controller*.test.ts'
const ADAPTERS = 'tests/adapters/*.test.ts'

const SUIT_OPEN = 'src/core/firmware/suit-open.ts'
const ENVELOPE = 'src/core/firmware/suit-envelope.ts'
const ACCEPT = 'src/core/firmware/acceptance.ts'
const SLOT = 'src/core/slot/verify-slot.ts'
const SET = 'src/core/trust/trusted-set.ts'
const SIGNATURES = 'src/core/trust/signatures.ts'
const JSON_READER = 'src/core/encoding/strict-json.ts'
const LOG = 'src/core/ledger/verify.ts'
const CHECKPOINT = 'src/core/ledger/checkpoint.ts'
const NODE = 'src/adapters/crypto-node.ts'

/** The guards of what can be judged by itself: envelopes, boards, metadata, the log, keys, what people are shown. */
export const PART_GUARDS: readonly Guard[] = [
  // The envelope.
  {
    stops: 'an unsigned envelope',
    file: SUIT_OPEN,
    text: "if (parts.signatures.length === 0) return refuse('envelope-unsigned', SUBJECT, 'a signature', 'none')",
    without: '',
    tests: FIRMWARE,
  },
  {
    stops: 'a signature that does not hold',
    file: SUIT_OPEN,
    text: "if (crypto.verify(anchor.key, message, signature.signature, 'p1363')) return null",
    without: 'if (message !== null) return null',
    tests: FIRMWARE,
  },
  {
    stops: 'an algorithm chosen by the message',
    file: SUIT_OPEN,
    text: 'if (signature.alg !== anchor.key.alg)',
    without: 'if (signature.alg === null)',
    tests: FIRMWARE,
  },
  {
    stops: 'too few signers',
    file: SUIT_OPEN,
    text: 'if (signers.size < threshold)',
    without: 'if (signers.size < 1)',
    tests: FIRMWARE,
  },
  {
    stops: 'one key under two ids in an envelope',
    file: SUIT_OPEN,
    text: 'signers.set(`${anchor.key.alg} ${anchor.key.spki.toHex()}`, kid)',
    without: 'signers.set(kid, kid)',
    tests: FIRMWARE,
  },
  {
    stops: 'an altered manifest under its old digest',
    file: ENVELOPE,
    text: 'if (!sameBytes(named, suitDigest(digest)))',
    without: 'if (!sameBytes(named, named))',
    tests: FIRMWARE,
  },
  {
    stops: 'unknown members of an envelope',
    file: ENVELOPE,
    text: 'if (strangers.length > 0)',
    without: 'if (strangers.length > 99)',
    tests: FIRMWARE,
  },
  {
    stops: 'repeated CBOR keys',
    file: 'src/core/encoding/cbor.ts',
    text: '{ ...NARROW, ...STRICT }',
    without: 'NARROW',
    tests: ENCODING,
  },
  // Whether a release may run on a board.
  {
    stops: 'another class',
    file: ACCEPT,
    text: 'if (facts.class !== device.class)',
    without: 'if (facts.class === null)',
    tests: FIRMWARE,
  },
  {
    stops: 'another hardware revision',
    file: ACCEPT,
    text: 'if (!facts.hardware.includes(device.hardware))',
    without: 'if (facts.hardware.length === 0)',
    tests: FIRMWARE,
  },
  {
    stops: 'an image larger than the slot',
    file: ACCEPT,
    text: 'if (facts.imageSize > device.slotBytes)',
    without: 'if (facts.imageSize > Infinity)',
    tests: FIRMWARE,
  },
  {
    stops: 'a release below the floor',
    file: ACCEPT,
    text: 'if (facts.counter < device.counter)',
    without: 'if (facts.counter < 0)',
    tests: BOARD,
  },
  {
    stops: 'an older version',
    file: ACCEPT,
    text: 'if (compareVersions(facts.version, installed.version) <= 0)',
    without: 'if (facts.version === null)',
    tests: FIRMWARE,
  },
  {
    stops: 'an exchanged image',
    file: ACCEPT,
    text: 'if (digest !== named.sha256)',
    without: 'if (digest === null)',
    tests: 'tests/{core/firmware,flows}/*.test.ts',
  },
  // The boot chain.
  {
    stops: 'a tampered slot at boot',
    file: SLOT,
    text: 'if (digest !== facts.imageDigest)',
    without: 'if (digest === null)',
    tests: BOARD,
  },
  {
    stops: 'an unsigned image at boot',
    file: SLOT,
    text: 'const opened = open(envelope, anchors, crypto)\n  if (isRefusal(opened)) return opened',
    without: 'const opened = open(envelope, anchors, crypto) as Exclude<ReturnType<OpenEnvelope>, Refusal>',
    tests: BOARD,
  },
  {
    stops: 'a rollback at boot',
    file: SLOT,
    text: 'counter: counter ?? 0,',
    without: 'counter: 0,',
    tests: BOARD,
  },
  // Metadata.
  {
    stops: 'metadata below its threshold',
    file: SIGNATURES,
    text: 'if (have >= role.threshold) return null',
    without: 'if (have >= 0) return null',
    tests: TRUST,
  },
  {
    stops: 'one key under two ids in metadata',
    file: SIGNATURES,
    text: '[...keys].map(key => [keyMaterial(key), isPasskey(key)])',
    without: '[...keys].map((key, index) => [`${keyMaterial(key)}${index}`, isPasskey(key)])',
    tests: TRUST,
  },
  {
    stops: 'signatures by keys of another role',
    file: SIGNATURES,
    text: 'const key = role.keyids.includes(keyid) ? (keys.get(keyid) ?? null) : null\n    return key !== null &&',
    without: 'const key = keys.get(keyid) ?? null\n    return key !== null &&',
    tests: TRUST,
  },
  {
    stops: 'a root that the old keys have not signed',
    file: SET,
    text: 'verifySigned(root, old.keys, old.roles.root, `${subject}, by the keys of root ${old.version}`, crypto) ??',
    without: '',
    tests: TRUST,
  },
  {
    stops: 'a root that its own keys have not signed',
    file: SET,
    text: '??\n    verifySigned(root, root.signed.keys, root.signed.roles.root, `${subject}, by its own keys`, crypto)',
    without: '',
    tests: TRUST,
  },
  {
    stops: 'a root that skips a version',
    file: SET,
    text: 'if (root.signed.version !== old.version + 1)',
    without: 'if (root.signed.version <= old.version)',
    tests: TRUST,
  },
  {
    stops: 'freeze',
    file: SET,
    text: 'if (now < signed.expires) return null',
    without: 'if (now < Infinity) return null',
    tests: TRUST,
  },
  {
    stops: 'rollback of metadata',
    file: SET,
    text: 'if (version >= trusted) return null',
    without: 'if (version >= 0) return null',
    tests: TRUST,
  },
  {
    stops: 'fast-forward for ever',
    file: SET,
    text: 'return rotated ? { ...next, timestamp: null, snapshot: null } : next',
    without: 'return next',
    tests: TRUST,
  },
  {
    stops: 'mix and match by digest',
    file: SET,
    text: 'if (stated === undefined || hasDigests(announced, bytes, crypto)) return null',
    without: 'if (stated === undefined || bytes.length > 0) return null',
    tests: TRUST,
  },
  {
    stops: 'a dropped role in a snapshot',
    file: SET,
    text: "if (meta === undefined) return refuse('metadata-rollback', subject, `${role}.json in it`, 'no such role', clause)",
    without: 'if (meta === undefined) continue',
    tests: TRUST,
  },
  {
    stops: 'metadata of another site',
    file: SET,
    text: 'if (named === (site ?? undefined)) return null',
    without: 'if (named !== null) return null',
    tests: TRUST,
  },
  {
    stops: 'duplicate JSON members',
    file: JSON_READER,
    text: 'if (Object.hasOwn(members, name)) throw this.#fault(`the member ${brief(name)} twice`)',
    without: '',
    tests: 'tests/core/{trust,encoding}/*.test.ts',
  },
  {
    stops: 'deep nesting',
    file: JSON_READER,
    text: "if (depth >= MAX_DEPTH && (next === '{' || next === '[')) throw this.#fault(`more than ${MAX_DEPTH} levels`)",
    without: '',
    tests: 'tests/core/{trust,encoding}/*.test.ts',
  },
  // Reports and the consensus of the three repositories.
  {
    stops: 'a replayed report',
    file: 'src/core/trust/report.ts',
    text: 'if (report.sequence <= lastSequence)',
    without: 'if (report.sequence < 0)',
    tests: TRUST,
  },
  {
    stops: 'a forged report',
    file: 'src/core/trust/report.ts',
    text: "if (!crypto.verify(from.key, file.message, file.signature, 'der'))",
    without: 'if (file.signature.length === 0)',
    tests: TRUST,
  },
  {
    stops: 'one controller in two orders',
    file: 'src/core/trust/mapping.ts',
    text: 'if (seen.has(controller))',
    without: "if (controller === '')",
    tests: TRUST,
  },
  {
    stops: 'a plan that nobody approved',
    file: 'src/core/trust/mapping.ts',
    text: "if (!sameFile(pinned, actual)) return refuse('plan-altered', subject, describe(pinned), describe(actual))",
    without: '',
    tests: TRUST,
  },
  {
    stops: 'a release that the plan does not list',
    file: 'src/core/trust/mapping.ts',
    text: 'if (planned.some(one => one.path === target.path && sameFile(one, target))) return null',
    without: 'if (target !== null) return null',
    tests: TRUST,
  },
  // The log.
  {
    stops: 'an altered entry',
    file: LOG,
    text: '} else if (!sameBytes(root, checkpoint.root)) {',
    without: '} else if (!sameBytes(root, root)) {',
    tests: LEDGER,
  },
  {
    stops: 'a truncated log',
    file: LOG,
    text: 'else if (size < checkpoint.size) {',
    without: 'else if (size < 0) {',
    tests: LEDGER,
  },
  {
    stops: 'a missing entry of a gateway',
    file: 'src/core/ledger/gateway-sequence.ts',
    text: 'if (from <= sequence || known === so.passed.count) return false',
    without: 'if (from <= sequence) return false',
    tests: LEDGER,
  },
  {
    stops: 'a rewritten log',
    file: LOG,
    text: 'if (sameBytes(root, so.known.root)) return so',
    without: 'if (root.length > 0) return so',
    tests: LEDGER,
  },
  {
    stops: 'a checkpoint of another origin',
    file: CHECKPOINT,
    text: "return refuse('checkpoint-origin-mismatch', subject, logKey.name, JSON.stringify(origin.slice(0, 80)))",
    without: '',
    tests: LEDGER,
  },
  // The world.
  {
    stops: 'a key of another algorithm than is claimed',
    file: NODE,
    text: 'if (!fitsAlgorithm(parsed, key.alg)) return null',
    without: '',
    tests: ADAPTERS,
  },
  {
    stops: 'a key file that others may read',
    file: 'src/adapters/signer-file.ts',
    text: 'if (guarded && (mode & 0o077) !== 0)',
    without: 'if (guarded && mode === 0)',
    tests: ADAPTERS,
  },
  {
    stops: 'a certificate request for a key that one does not hold',
    file: 'src/adapters/certificates.ts',
    text: 'if (!proven)',
    without: 'if (proven === null)',
    tests: ADAPTERS,
  },
  {
    stops: 'a rack that plays the gateway',
    file: 'src/adapters/certificates.ts',
    text: 'if (hosts.length > 0) uses.push(ExtendedKeyUsage.serverAuth)',
    without: 'uses.push(ExtendedKeyUsage.serverAuth)',
    tests: ADAPTERS,
  },
  {
    stops: 'text that steers the terminal',
    file: 'src/apps/cli/output.ts',
    text: "return stripVTControlCharacters(text).replace(/[^\\P{Cc}\\n\\t]|[\\u202a-\\u202e\\u2066-\\u2069]/gu, '\\ufffd')",
    without: 'return stripVTControlCharacters(text)',
    tests: 'tests/apps/cli/output.test.ts',
  },
  // People at the console.
  {
    stops: 'the passwords of the demo, read by others of the machine',
    file: 'sim/doors/demo/sign-ins.ts',
    text: "toString('base64url')}\\n`, 0o600)",
    without: "toString('base64url')}\\n`, 0o644)",
    tests: 'tests/sim/doors/sign-ins.test.ts',
  },
  {
    stops: 'a page that is told of more than its account may do',
    file: 'src/core/fleet/roles.ts',
    text: "if (ACTIONS[action].at !== 'sites') return mayDo(holder, action, FLEET) === null ? [scopeText(FLEET)] : []",
    without: "if (ACTIONS[action].at !== 'sites') return [scopeText(FLEET)]",
    tests: 'tests/core/fleet/roles.test.ts',
  },
]
