import type { Guard } from './guard.ts'

const TESTS = 'tests/core/firmware/mcuboot/*.test.ts'
const AGREE = 'src/core/firmware/mcuboot/agree.ts'
const READ = 'src/core/firmware/mcuboot/read.ts'
const AUTHOR = 'src/core/firmware/mcuboot/author.ts'
const TRAILER = 'src/core/firmware/mcuboot/trailer.ts'

/** The guards of images for MCUboot, and of releases that carry one. */
export const MCUBOOT_GUARDS: readonly Guard[] = [
  {
    stops: 'an MCUboot image of another version than its release',
    file: AGREE,
    text: 'if (theirs !== version) return',
    without: 'if (theirs === null) return',
    tests: TESTS,
  },
  {
    stops: 'an MCUboot image with another counter than its release',
    file: AGREE,
    text: 'if ((facts.counter ?? 0) === counter) return null',
    without: 'if (counter >= 0) return null',
    tests: TESTS,
  },
  {
    stops: 'bytes behind an MCUboot image',
    file: AGREE,
    text: 'if (trailing !== 0) return',
    without: 'if (trailing < 0) return',
    tests: TESTS,
  },
  {
    stops: 'an MCUboot image that would be decrypted',
    file: AGREE,
    text: 'if ((facts.flags & ENCRYPTED_FLAGS) === 0) return null',
    without: 'if (facts.flags >= 0) return null',
    tests: TESTS,
  },
  {
    stops: 'an MCUboot image whose digest is not its own',
    file: AGREE,
    text: '      checkHash(read, subject, crypto)',
    without: '      null',
    tests: TESTS,
  },
  {
    stops: 'a further MCUboot image that does not hold',
    file: AGREE,
    text: 'if (!isMcuboot(image)) continue',
    without: 'if (index > 0 || !isMcuboot(image)) continue',
    tests: TESTS,
  },
  {
    stops: 'publishing an MCUboot image that its release contradicts',
    file: 'src/flows/publish.ts',
    text: '(await unbootable(world, envelope.facts, payload))',
    without: 'null',
    tests: 'tests/flows/publish.test.ts',
  },
  {
    stops: 'an MCUboot hash that is not over the image',
    file: READ,
    text: 'if (stated !== null && crypto.equal(stated, actual)) return null',
    without: 'if (stated !== null) return null',
    tests: TESTS,
  },
  {
    stops: 'an MCUboot image by another key',
    file: READ,
    text: ' || !crypto.equal(keyHash, wanted)',
    without: '',
    tests: TESTS,
  },
  {
    stops: 'an MCUboot signature that does not hold',
    file: READ,
    text: "if (key.alg === 'ecdsa-p256' && crypto.verify(key, signed, signature, 'der')) return null",
    without: "if (key.alg === 'ecdsa-p256') return null",
    tests: TESTS,
  },
  {
    stops: 'two hashes or signatures in an MCUboot image',
    file: READ,
    text: 'return found.length === 1 ?',
    without: 'return found.length >= 1 ?',
    tests: TESTS,
  },
  {
    stops: 'an MCUboot TLV that ends behind its area',
    file: READ,
    text: '    if (next > end) return wrong',
    without: '    if (next < 0) return wrong',
    tests: TESTS,
  },
  {
    stops: 'an MCUboot counter that wraps around',
    file: AUTHOR,
    text: 'if (!Number.isSafeInteger(counter) || counter < 0 || counter > 0xffffffff) {',
    without: 'if (counter === null) {',
    tests: TESTS,
  },
  {
    stops: 'an MCUboot image that reaches into the trailer',
    file: TRAILER,
    text: '  if (image.length > room) {',
    without: '  if (image.length > slotBytes) {',
    tests: TESTS,
  },
]
