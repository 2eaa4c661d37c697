import type { Guard } from './guard.ts'

const SEALED = 'src/core/firmware/patch-encryption.ts'
const SEALED_TESTS = 'tests/core/firmware/patch-encryption.test.ts'
const FLEET_TESTS = 'tests/flows/make-patches.test.ts'
const RELEASE = 'src/flows/patch-release.ts'
const ORDERS = 'src/flows/patch-orders.ts'
const MAKING = 'src/flows/make-patches.ts'

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
  {
    stops: 'a patch beside a release under any name, such as that of another file',
    file: RELEASE,
    text: 'if (patch.path !== patchPath(path, patch.base)) return',
    without: "if (patch.path === '') return",
    tests: FLEET_TESTS,
  },
  {
    stops: 'a patch that its release names and that nobody signed as a target',
    file: RELEASE,
    text: 'if (target === null || !sameFile(target, patch)) {',
    without: 'if (target === null) {',
    tests: FLEET_TESTS,
  },
  {
    stops: 'a patch of a release that is between other images',
    file: RELEASE,
    text: 'if (toHex(base.digest) !== patch.base || toHex(made.digest) !== image) {',
    without: 'if (toHex(base.digest) === image) {',
    tests: FLEET_TESTS,
  },
  {
    stops: 'a patch that says it needs less memory than it does',
    file: RELEASE,
    text: 'if (memoryOf(header) !== patch.memory) return',
    without: 'if (memoryOf(header) > 1e9) return',
    tests: FLEET_TESTS,
  },
  {
    stops: 'a patch in the clear of a release that travels encrypted',
    file: RELEASE,
    text: '      if (isRefusal(head)) return head\n      continue',
    without: '      continue',
    tests: FLEET_TESTS,
  },
  {
    stops: 'a patch that is longer than the images that it makes',
    file: RELEASE,
    text: 'if (patch.length >= release.payload.length)',
    without: 'if (patch.length < 0)',
    tests: FLEET_TESTS,
  },
  {
    stops: 'a patch to a release that was revoked',
    file: ORDERS,
    text: 'if (isRefusal(target) || target?.sha256 !== envelope.sha256) return null',
    without: 'if (isRefusal(target)) return null',
    tests: FLEET_TESTS,
  },
  {
    stops: 'jobs for what a controller attests as it likes',
    file: ORDERS,
    text: 'if (base !== FROM_NOTHING && (await blobs.size(base)) === null) return null',
    without: "if (base === '') return null",
    tests: FLEET_TESTS,
  },
  {
    stops: 'a queue of patches without end',
    file: ORDERS,
    text: 'if (this.#room <= 0) return null',
    without: 'if (this.#room < -1e9) return null',
    tests: FLEET_TESTS,
  },
  {
    stops: 'a patch between other images than it was made for',
    file: MAKING,
    text: 'if (toHex(header.base.digest) !== base || toHex(header.target.digest) !== target) {',
    without: 'if (toHex(header.base.digest) === target) {',
    tests: FLEET_TESTS,
  },
  {
    stops: 'a patch that is made for a release which was revoked meanwhile',
    file: RELEASE,
    text: 'return { change: { unpatched, patches: [...rows.values()] }, events }',
    without: 'return { change: { patches: [...rows.values()] }, events }',
    tests: FLEET_TESTS,
  },
  {
    stops: 'a patch in the clear beside an encrypted payload',
    file: 'src/flows/release.ts',
    text: 'bytes: encrypted?.patches[index] ?? bytes,',
    without: 'bytes,',
    tests: 'tests/apps/cli/release-patches.test.ts',
  },
  {
    stops: 'a list of patches that leads out of the folder of its release',
    file: 'src/core/trust/patch-list.ts',
    text: 'const one = object({ base: digest,',
    without: 'const one = object({ base: ((value: unknown) => value as string) as typeof digest,',
    tests: 'tests/apps/cli/release-patches.test.ts',
  },
  {
    stops: 'who runs which version told to somebody who may see other sites, or none',
    file: 'src/apps/fleet/patch-views.ts',
    text: "said: ['attested'], ...within }",
    without: "said: ['attested'], ...(reach === 'all' ? within : {}) }",
    tests: 'tests/apps/fleet/patch-views.test.ts',
  },
]
