import type { Guard } from './guard.ts'

const APPLIES = 'src/flows/patch.ts'
const APPLIES_TESTS = 'tests/sim/patch.test.ts'
const WAY = 'src/flows/way.ts'
const WAY_TESTS = 'tests/flows/way.test.ts'
const CHOICE = 'src/core/campaign/way.ts'
const CHOICE_TESTS = 'tests/core/campaign/way.test.ts'
const SPOT = 'src/apps/agent/stage-by-patch.ts'
const SPOT_TESTS = 'tests/agent/patch-on-the-spot.test.ts'

/** The guards of patches at a site: what a controller applies, what a gateway offers and to whom, and what may come over the link. */
export const SITE_PATCH_GUARDS: readonly Guard[] = [
  {
    stops: 'a base that has rotted, or is another one, applied from',
    file: APPLIES,
    text: 'if (found !== patch.base) return',
    without: 'if (found.length !== patch.base.length) return',
    tests: APPLIES_TESTS,
  },
  {
    stops: 'a patch that is said to be for this base, and is for another',
    file: APPLIES,
    text: 'if (toHex(base.digest) !== this.#patch.base || base.length !== this.#base.length) {',
    without: 'if (base.length < 0) {',
    tests: APPLIES_TESTS,
  },
  {
    stops: 'a patch for another image, known by its header',
    file: APPLIES,
    text: 'if (toHex(target.digest) !== facts.imageDigest || target.length !== facts.imageSize) {',
    without: 'if (target.length < 0) {',
    tests: APPLIES_TESTS,
  },
  {
    stops: 'a patch whose header wants more memory than the offer said',
    file: APPLIES,
    text: '{ memory: this.#memory, room: facts.imageSize }',
    without: '{ memory: 2 ** 32, room: facts.imageSize }',
    tests: APPLIES_TESTS,
  },
  {
    stops: 'a row of a journal for bytes that flash does not hold',
    file: 'src/flows/patch-journal.ts',
    text: 'if (boundary.written <= written && ',
    without: 'if (',
    tests: APPLIES_TESTS,
  },
  {
    stops: 'a journal that leads astray, believed once more',
    file: APPLIES,
    text: 'if (isLed) this.#trusts = false',
    without: 'if (isLed) this.#trusts = true',
    tests: APPLIES_TESTS,
  },
  {
    stops: 'bytes behind the end of a patch',
    file: APPLIES,
    text: 'if (applier.isWhole && this.#at !== this.total) {',
    without: 'if (applier.isWhole && this.#at > this.total) {',
    tests: APPLIES_TESTS,
  },
  {
    stops: 'a patch given to a controller that it is not offered to',
    file: 'src/flows/stage.ts',
    text: "return way.at === 'patch' && way.patch.sha256 === sha256 ? way.patch : null",
    without: 'return assignment.patch !== undefined && !("coming" in assignment.patch) ? assignment.patch : null',
    tests: WAY_TESTS,
  },
  {
    stops: 'a full image fetched by itself before the link’s policy is asked',
    file: 'src/flows/relay.ts',
    text: "if (what === 'image' && (await refuseImage(world, blob)) !== null) continue",
    without: "if (what === 'image' && blob.length < 0) continue",
    tests: WAY_TESTS,
  },
  {
    stops: 'a full image fetched because a controller asks for it, past the link’s policy',
    file: 'src/flows/offer.ts',
    text: "return way.at === 'coming' || (await refuseImage(world, payload)) !== null ? null : [payload]",
    without: "return way.at === 'coming' ? null : [payload]",
    tests: WAY_TESTS,
  },
  {
    stops: 'a refused patch that nobody is told of',
    file: WAY,
    text: ', outbox: [boxed(world, note)]',
    without: '',
    tests: WAY_TESTS,
  },
  {
    stops: 'a patch refused in the name of another controller’s work',
    file: WAY,
    text: "if (assignment === undefined || way?.at !== 'patch' || way.patch.sha256 !== said.sha256) {",
    without: "if (assignment === undefined || way?.at !== 'patch') {",
    tests: WAY_TESTS,
  },
  {
    stops: 'a patch of the director for an encrypted release',
    file: CHOICE,
    text: 'const isOrdered = patch !== undefined && release.encrypted === undefined',
    without: 'const isOrdered = patch !== undefined',
    tests: CHOICE_TESTS,
  },
  {
    stops: 'a patch offered to a controller that runs something else',
    file: CHOICE,
    text: 'base === FROM_NOTHING || base === running',
    without: "base === FROM_NOTHING || running !== ''",
    tests: CHOICE_TESTS,
  },
  {
    stops: 'a yes on the page by somebody who is not signed in',
    file: 'src/apps/gateway/page-door.ts',
    text: "config: open('carry-orders'),",
    without: "config: open('strangers'),",
    tests: 'tests/apps/gateway/page-door.test.ts',
  },
  {
    stops: 'a yes that outweighs never',
    file: 'src/core/campaign/link.ts',
    text: "if (judged === 'fetch' || (judged === 'ask' && isAllowed)) return null",
    without: "if (judged === 'fetch' || isAllowed) return null",
    tests: 'tests/core/campaign/link.test.ts',
  },
  {
    stops: 'a month’s bytes that a loss of power brings back',
    file: 'src/flows/meter.ts',
    text: 'await this.#keep(this.#bytes + AHEAD)',
    without: 'this.#kept = this.#bytes + AHEAD',
    tests: 'tests/flows/meter.test.ts',
  },
  {
    stops: 'a patch of no use on a stick, for which the way back is lost',
    file: SPOT,
    text: 'patch.base === FROM_NOTHING || patch.base === imageDigest',
    without: 'patch.base.length > 0',
    tests: SPOT_TESTS,
  },
  {
    stops: 'a patch on a stick that needs more memory than agent.yaml says',
    file: SPOT,
    text: 'if (tooMuch !== null) return tooMuch',
    without: '',
    tests: SPOT_TESTS,
  },
  {
    stops: 'a patch on a stick where agent.yaml has none',
    file: SPOT,
    text: 'if (memory === null) return',
    without: 'if (memory === -1) return',
    tests: SPOT_TESTS,
  },
  {
    stops: 'a patch of another release on a stick',
    file: SPOT,
    text: 'if (target === imageDigest) return null',
    without: 'if (target.length > 0) return null',
    tests: SPOT_TESTS,
  },
  {
    stops: 'a patch in the clear of an encrypted release, on a stick',
    file: SPOT,
    text: 'if (encryption !== null) {',
    without: 'if (version.length === 0) {',
    tests: SPOT_TESTS,
  },
  {
    stops: 'a patch on a stick that goes on when somebody else has taken the slot',
    file: SPOT,
    text: 'generation === device.generation ? null',
    without: 'device.generation !== null ? null',
    tests: 'tests/sim/patch-on-the-spot.test.ts',
  },
  {
    stops: 'a torn or changed patch on a stick that the agent hears of',
    file: 'src/apps/cli/commands/agent-stage.ts',
    text: 'const header = readPatch(world.crypto, bytes, file)',
    without: 'const header = parseHeader(bytes, file)',
    tests: SPOT_TESTS,
  },
  {
    stops: 'a torn patch of an encrypted release on a stick that the agent hears of',
    file: 'src/apps/cli/commands/agent-stage.ts',
    text: 'return isRefusal(head) ? head : ',
    without: 'return ',
    tests: SPOT_TESTS,
  },
  {
    stops: 'a refused patch that is offered again when the gateway starts anew',
    file: WAY,
    text: 'files: [file], ',
    without: '',
    tests: WAY_TESTS,
  },
  {
    stops: 'patches of other work that count as refused for this',
    file: 'src/flows/patches-refused.ts',
    text: 'new Set(assignment === id ? refused : [])',
    without: 'new Set(refused)',
    tests: WAY_TESTS,
  },
  {
    stops: 'refused patches that are kept for work which is over',
    file: 'src/flows/relay.ts',
    text: ', outbox, forgotten }',
    without: ', outbox }',
    tests: WAY_TESTS,
  },
  {
    stops: 'refused patches that are kept without end',
    file: 'src/flows/patches-refused.ts',
    text: 'offered.has(one) && ',
    without: '',
    tests: WAY_TESTS,
  },
]
