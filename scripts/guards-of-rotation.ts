// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const PATHS = 'tests/core/campaign/{path-places,draft}.test.ts'
const CHAIN = 'tests/core/firmware/anchor-chain.test.ts'
const KEPT = 'tests/flows/recognise.test.ts'
const SLOT = 'tests/core/{slot/key-change,campaign/path-places}.test.ts'
const CHANGE = 'src/core/slot/key-change.ts'

/** The guards of the way from one firmware key to the next. */
export const ROTATION_GUARDS: readonly Guard[] = [
  {
    stops: 'a plan with a release whose key the controller does not accept',
    file: 'src/core/campaign/draft-site.ts',
    text: 'return stones ? [] : [...steps]',
    without: 'return stones || !stones ? [] : [...steps]',
    tests: PATHS,
  },
  {
    stops: 'a way over a release that does not fit the controller',
    file: 'src/core/campaign/path-places.ts',
    text: '  if (acceptFor(place.device, facts) !== null) return null\n',
    without: '',
    tests: PATHS,
  },
  {
    stops: 'a way over a release that none of the keys by then has signed',
    file: CHANGE,
    text: '  if (held.length === 0) return null\n',
    without: '',
    tests: SLOT,
  },
  {
    stops: 'a way on which the only key retires itself, or keeps the floor',
    file: CHANGE,
    text: 'return counter > floor && held.some(signer => signer !== kid) ?',
    without: 'return held.length > 0 ?',
    tests: SLOT,
  },
  {
    stops: 'a way over a third key',
    file: CHANGE,
    text: 'accepted.length < ANCHOR_PLACES ? [...accepted, kid] : null',
    without: '[...accepted, kid]',
    tests: SLOT,
  },
  {
    stops: 'a change of keys that is left undone without a word',
    file: 'src/core/slot/boot-machine.ts',
    text: "leftUndone(image) ?? ''",
    without: "''",
    tests: SLOT,
  },
  {
    stops: 'a key that nobody before it vouches for',
    file: 'src/core/firmware/anchor-chain.ts',
    text: 'const opened = openEnvelope(bytes, anchors, crypto)',
    without: 'const opened = openEnvelope(bytes, anchors, { ...crypto, verify: () => true })',
    tests: CHAIN,
  },
  {
    stops: 'a key under the id of another',
    file: 'src/core/firmware/anchor-chain.ts',
    text: 'added === null || anchors.some(({ kid }) => kid === added.kid)',
    without: 'added === null || anchors.some(({ key }) => key === added.key)',
    tests: CHAIN,
  },
  {
    stops: 'a chain of keys without an end',
    file: 'src/core/firmware/anchor-chain.ts',
    text: ' || anchors.length === MAX_CHAINED_ANCHORS',
    without: '',
    tests: CHAIN,
  },
  {
    stops: 'metadata that hides a change of keys',
    file: 'src/core/firmware/acceptance.ts',
    text: 'target.transition && changeOf(target.transition),',
    without: 'facts.transition && changeOf(facts.transition),',
    tests: 'tests/core/firmware/acceptance.test.ts',
  },
  {
    stops: 'a release that retires a key and keeps every floor',
    file: 'src/flows/release.ts',
    text: "if (facts.transition?.kind === 'retire' && facts.counter === 0) {",
    without: 'if (facts === null) {',
    tests: 'tests/flows/release-and-sign.test.ts',
  },
  {
    stops: 'a site manifest that was changed in the store',
    file: 'src/flows/tell.ts',
    text: 'return isRefusal(opened) ? null : (opened.roots ?? null)',
    without:
      'return isRefusal(opened) ? JSON.parse(new TextDecoder().decode(bytes)).signed.roots : (opened.roots ?? null)',
    tests: KEPT,
  },
]
