import type { Guard } from './guard.ts'

const SEALED = 'src/core/firmware/patch-encryption.ts'
const SEALED_TESTS = 'tests/core/firmware/patch-encryption.test.ts'

/** The guards of patches on their way from the fleet: how they are encrypted, what is published, what is ordered. */
export const PATCH_GUARDS: readonly Guard[] = [
  {
    stops: 'one key for two patches of a release, whose segments then share their nonces',
    file: SEALED,
    text: 'concat(LABEL, ...between, writeHead(head))',
    without: 'concat(LABEL, ...between)',
    tests: SEALED_TESTS,
  },
  {
    stops: 'the key of a payload for a patch',
    file: SEALED,
    text: 'return crypto.hmacSha256(contentKey, concat(LABEL, ...between, writeHead(head)))',
    without: 'return contentKey.slice()',
    tests: SEALED_TESTS,
  },
  {
    stops: 'an encrypted patch that is longer or shorter than its head says',
    file: SEALED,
    text: 'if (length !== sealedPatchBytes(head)) return',
    without: 'if (length < 0) return',
    tests: SEALED_TESTS,
  },
]
