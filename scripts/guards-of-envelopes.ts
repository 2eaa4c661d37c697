import type { Guard } from './guard.ts'

const COSE_TESTS = 'tests/core/encoding/cose.test.ts'
const PROCESSOR = 'tests/conformance/suit-{any-bytes,attacks,commands}.test.ts'
const EXAMPLES = 'tests/conformance/suit-examples.test.ts'
const DOOR = 'tests/conformance/suit-door.test.ts'

const COSE = 'src/core/encoding/cose.ts'
const AUTHOR = 'src/core/firmware/suit-author.ts'
const ENVELOPE = 'conformance/doors/suit/envelope.ts'
const VERIFY = 'conformance/doors/suit/verify.ts'
const COMMANDS = 'conformance/doors/suit/commands.ts'
const MANIFEST = 'conformance/doors/suit/manifest.ts'
const ALLOW = 'conformance/doors/suit/allow.ts'
const STEP = 'conformance/doors/suit/step.ts'
const MACHINE = 'conformance/doors/suit/machine.ts'
const FOLDER = 'conformance/doors/suit/device-folder.ts'

/** The guards of signatures on envelopes, and of the processor for envelopes of other authors. */
export const ENVELOPE_GUARDS: readonly Guard[] = [
  // The signature.
  {
    stops: 'headers of a signature that nobody signed',
    file: COSE,
    text: 'if (unprotected.size > 0)',
    without: 'if (unprotected.size > 99)',
    tests: COSE_TESTS,
  },
  {
    stops: 'critical and unknown headers of a signature',
    file: COSE,
    text: "if (strangers.length > 0) return headerRefused(subject, 'the headers alg (1) and kid (4) only', strangers)",
    without: '',
    tests: COSE_TESTS,
  },
  {
    stops: 'a digest that other tools do not come to',
    file: AUTHOR,
    text: 'return crypto.sha256(encodeCbor(part))',
    without: 'return crypto.sha256(part)',
    tests: EXAMPLES,
  },
  // The door: who signed.
  {
    stops: 'a foreign signature that does not hold',
    file: VERIFY,
    text: "if (crypto.verify(key, message, signature.signature, 'p1363')) held.set(key.spki.toHex(), name)",
    without: 'held.set(key.spki.toHex(), name)',
    tests: EXAMPLES,
  },
  {
    stops: 'a foreign manifest under another digest',
    file: VERIFY,
    text: 'if (other !== null) return other',
    without: '',
    tests: PROCESSOR,
  },
  {
    stops: 'one foreign key under two names',
    file: VERIFY,
    text: 'held.set(key.spki.toHex(), name)',
    without: 'held.set(name, name)',
    tests: PROCESSOR,
  },
  {
    stops: 'too few foreign signers',
    file: VERIFY,
    text: 'if (held.size >= threshold)',
    without: 'if (held.size >= 1)',
    tests: PROCESSOR,
  },
  {
    stops: 'a foreign signature under another algorithm',
    file: VERIFY,
    text: 'if (key.alg !== signature.alg) continue',
    without: '',
    tests: PROCESSOR,
  },
  // The door: what may run.
  {
    stops: 'a foreign command that is not known',
    file: 'conformance/doors/suit/process.ts',
    text: 'if (before !== null) return before',
    without: 'if (before?.code === null) return before',
    tests: PROCESSOR,
  },
  {
    stops: 'a foreign parameter that is not known',
    file: ALLOW,
    text: 'if (known === undefined) {',
    without: 'if (known === null) {',
    tests: PROCESSOR,
  },
  {
    stops: 'a side effect in the shared sequence',
    file: ALLOW,
    text: 'if (!place.shared) return null',
    without: 'if (place.count > 0) return null',
    tests: PROCESSOR,
  },
  {
    stops: 'members of a foreign manifest that are not known',
    file: ALLOW,
    text: 'if (manifest.strangers.length > 0)',
    without: 'if (manifest.strangers.length > 99)',
    tests: PROCESSOR,
  },
  {
    stops: 'members of a foreign envelope that are not known',
    file: ENVELOPE,
    text: 'if (strangers.length === 0) return null',
    without: 'if (strangers.length < 99) return null',
    tests: PROCESSOR,
  },
  {
    stops: 'an exchanged severed part',
    file: MANIFEST,
    text: "return other ?? { at: 'here', part: apart }",
    without: "return { at: 'here', part: apart }",
    tests: PROCESSOR,
  },
  {
    stops: 'a severed part that no digest asks for',
    file: MANIFEST,
    text: 'if (apart !== undefined) {',
    without: 'if (apart === null) {',
    tests: PROCESSOR,
  },
  {
    stops: 'an envelope kept in the place of an image',
    file: MANIFEST,
    text: 'if (home !== null && common.components.some(id => keyOf(id) === keyOf(home))) {',
    without: 'if (home !== null && common.components.length === 0) {',
    tests: PROCESSOR,
  },
  // The door: what it does.
  {
    stops: 'a foreign image of another digest',
    file: STEP,
    text: 'if (crypto.equal(bytes, digest)) return checked(now, images, image)',
    without: 'return checked(now, images, image)',
    tests: PROCESSOR,
  },
  {
    stops: 'a payload without end',
    file: STEP,
    text: 'if (image.length > most) {',
    without: 'if (image.length > Infinity) {',
    tests: PROCESSOR,
  },
  {
    stops: 'a payload that nobody checks',
    file: MACHINE,
    text: 'return left === null ? null : stop(',
    without: "return left !== '' ? null : stop(",
    tests: PROCESSOR,
  },
  {
    stops: 'a start of an image that nobody checked',
    file: STEP,
    text: 'if (!images.isChecked(now.id)) {',
    without: 'if (images.isChecked(now.id) === null) {',
    tests: PROCESSOR,
  },
  {
    stops: 'an older foreign manifest',
    file: MACHINE,
    text: 'if (sequenceNumber < device.sequence) {',
    without: 'if (sequenceNumber < 0) {',
    tests: PROCESSOR,
  },
  {
    stops: 'a component that the device does not have',
    file: MACHINE,
    text: "if (!device.components.has(keyOf(id))) return stop('suit-component-unknown', 'manifest', own, keyOf(id))",
    without: '',
    tests: PROCESSOR,
  },
  {
    stops: 'a manifest that multiplies its work',
    file: MACHINE,
    text: 'this.#steps > LIMITS.steps',
    without: 'this.#steps > Infinity',
    tests: PROCESSOR,
  },
  {
    stops: 'a manifest that hashes for ever',
    file: MACHINE,
    text: 'this.#bytes > LIMITS.workBytes',
    without: 'this.#bytes > Infinity',
    tests: PROCESSOR,
  },
  {
    stops: 'sequences that are nested too deeply',
    file: COMMANDS,
    text: 'if (depth > LIMITS.depth)',
    without: 'if (depth > Infinity)',
    tests: PROCESSOR,
  },
  {
    stops: 'a foreign manifest that is half done',
    file: 'conformance/doors/suit/command-line.ts',
    text: 'if (refusal === null) folder.keep(changed, done.sequence)',
    without: 'folder.keep(changed, done.sequence)',
    tests: DOOR,
  },
  {
    stops: 'a URI that climbs out of its folder',
    file: FOLDER,
    text: 'const name = quoted(uri)',
    without: 'const name = uri',
    tests: DOOR,
  },
]
