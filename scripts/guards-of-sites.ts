// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const FOLD = 'src/flows/fold.ts'
const REPORT = 'src/flows/report.ts'
const PLACE = 'src/core/ledger/device-place.ts'
const HISTORY = 'src/core/trust/device-history.ts'
const GATEWAYS = 'src/core/ledger/gateway-sequence.ts'
const DEVICES = 'src/core/ledger/device-sequence.ts'
const OWN = 'src/adapters/store-sqlite/own-log.ts'
const SITE_LOG = 'tests/flows/site-log.test.ts'
const PLACES = 'tests/core/ledger/device-place.test.ts'
const VERIFIED = 'tests/core/ledger/origins.test.ts'

/** The guards of what sites tell of themselves: gateways' own logs, and the histories of controllers. */
export const SITE_GUARDS: readonly Guard[] = [
  {
    stops: 'an entry of a gateway that is left out within a batch, or entries in another order',
    file: FOLD,
    text: "  if (left >= 0) return refuse('upstream-gap', subject, `${first + left}`, `${items[left]!.sequence}`)\n",
    without: '',
    tests: SITE_LOG,
  },
  {
    stops: 'an entry of a gateway that is left out in front of a batch',
    file: FOLD,
    text: '  if (isAhead && !isLost) return',
    without: '  if (isAhead && !isLost && row.upstream < 0) return',
    tests: SITE_LOG,
  },
  {
    stops: 'a restored fleet server that passes over what a gateway would tell it again',
    file: FOLD,
    text: '  if (isAhead && !isLost) return',
    without: '  if (isAhead && !isLost && !behind) return',
    tests: SITE_LOG,
  },
  {
    stops: 'a gateway that tells anew what it handed over',
    file: FOLD,
    text: '    if (sequence === upstream && !sameBytes(head, row.head)) return forked(head)\n',
    without: '',
    tests: SITE_LOG,
  },
  {
    stops: 'a gateway that goes on behind another log than it handed over',
    file: FOLD,
    text: '  if (first === upstream + 1 && !sameBytes(head, row.head)) return forked(head)\n',
    without: '',
    tests: SITE_LOG,
  },
  {
    stops: 'heads that are not those of the items',
    file: FOLD,
    text: '  if (toHex(head) === manifest.head) return',
    without: '  if (manifest.head.length > 0) return',
    tests: SITE_LOG,
  },
  {
    stops: 'an entry that a gateway makes up in the name of another one',
    file: REPORT,
    text: 'if (!isOwn || entry.origin !== undefined) {',
    without: 'if (entry.origin !== undefined) {',
    tests: SITE_LOG,
  },
  {
    stops: 'an entry that a gateway hands on as if it had come through another log',
    file: REPORT,
    text: 'if (!isOwn || entry.origin !== undefined) {',
    without: 'if (!isOwn) {',
    tests: SITE_LOG,
  },
  {
    stops: 'the history of a controller in the words of another one',
    file: HISTORY,
    text: "  if (!crypto.verify(from.key, file.message, file.signature, 'der')) {",
    without: '  if (file.signature.length === 0) {',
    tests: SITE_LOG,
  },
  {
    stops: 'the history of one controller told as that of another',
    file: HISTORY,
    text: '  if (site === from.site && controller === from.controller) return file.signed',
    without: "  if (site !== '' && controller !== '') return file.signed",
    tests: SITE_LOG,
  },
  {
    stops: 'an old statement of a controller that comes again',
    file: PLACE,
    text: '  if (told.sequence <= place.sequence) {',
    without: '  if (told.sequence <= 0) {',
    tests: PLACES,
  },
  {
    stops: 'decisions of a controller that are left out unseen',
    file: PLACE,
    text: "  if (from > place.told + 1) return { code: 'history-gap', from: place.told + 1, to: from - 1 }\n",
    without: '',
    tests: PLACES,
  },
  {
    stops: 'a ring of a controller that is rewritten unseen',
    file: PLACE,
    text: "place.digest !== '' && told.before !== place.digest",
    without: "place.digest !== '' && told.before === ''",
    tests: PLACES,
  },
  {
    stops: 'decisions that are told a second time, otherwise, unseen',
    file: PLACE,
    text: "code: known ? 'history-repeated' : 'history-rewritten'",
    without: "code: known ? 'history-repeated' : 'history-repeated'",
    tests: PLACES,
  },
  {
    stops: 'an older history that is put back into a controller unseen',
    file: PLACE,
    text: "  if (to < place.told) return { code: 'history-restarted', from: to + 1, to: place.told }\n",
    without: '',
    tests: PLACES,
  },
  {
    stops: 'a gateway that holds the histories of its controllers back unseen',
    file: PLACE,
    text: '  const behind = place.attested > known\n',
    without: '  const behind = place.attested < 0\n',
    tests: SITE_LOG,
  },
  {
    stops: 'a history that does not account for every number',
    file: HISTORY,
    text: '    if (part.from !== next || part.to < part.from) return',
    without: '    if (part.to < part.from) return',
    tests: PLACES,
  },
  {
    stops: 'numbers of a gateway’s log that its store dropped unsaid',
    file: OWN,
    text: 'next > acknowledged + 1 ?',
    without: 'next < 0 ?',
    tests: SITE_LOG,
  },
  {
    stops: 'a log of the fleet that does not say what breaks',
    file: DEVICES,
    text: '  if (sameBytes(said, canonicalJson(breaks as unknown as JsonObject[]))) return []\n',
    without: '  if (said.length > 0) return []\n',
    tests: VERIFIED,
  },
  {
    stops: 'an entry of a gateway that the fleet has changed on its way into the log',
    file: GATEWAYS,
    text: '(own === null || own.some(digest => sameBytes(digest, item)))',
    without: 'item.length > 0',
    tests: VERIFIED,
  },
  {
    stops: 'an entry of a gateway that the fleet has moved in its log',
    file: GATEWAYS,
    text: '  const isNext = sequence > from || sameBytes(nextHead(crypto, before.head, sequence, item), head)\n',
    without: '  const isNext = head.length > 0\n',
    tests: VERIFIED,
  },
  {
    stops: 'a history in the log that its controller has not signed',
    file: DEVICES,
    text: "if (key !== null && crypto.verify(key, message, signature, 'der')) known.key = count",
    without: 'if (key !== null) known.key = count',
    tests: VERIFIED,
  },
  {
    stops: 'a restored fleet that takes the log of a site to begin anew behind a copy that was brought',
    file: 'src/flows/fold-copy.ts',
    text: '[{ ...site, upstream: sequence, head }]',
    without: '[{ ...site, upstream: sequence }]',
    tests: SITE_LOG,
  },
  {
    stops: 'a restored fleet that forgets how far histories were told in a copy that was brought',
    file: 'src/flows/fold-copy.ts',
    text: '    this.#devices.set(nameOf(ref), ref)\n',
    without: '',
    tests: SITE_LOG,
  },
  {
    stops: 'a break that is open still, and that nobody is told of after a month',
    file: 'src/adapters/store-sqlite/histories.ts',
    text: "WHERE at >= ? OR code IN ('history-withheld', 'upstream-forked') ORDER",
    without: 'WHERE at >= ? ORDER',
    tests: 'tests/apps/fleet/breaks.test.ts',
  },
  {
    stops: 'the breaks of other sites, to who may see one',
    file: 'src/apps/fleet/breaks.ts',
    text: 'seen.all ? behind : seenOnly(behind, keyOf, row => seen.at(row.site))',
    without: 'behind',
    tests: 'tests/apps/fleet/reach.test.ts',
  },
]
