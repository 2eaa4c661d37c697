import type { Guard } from './guard.ts'

const MESSAGE = 'tests/core/ledger/syslog.test.ts'
const STANDING = 'tests/core/ledger/siem-standing.test.ts'
const FORWARD = 'tests/flows/forward.test.ts'
const TLS = 'tests/adapters/syslog-tls.test.ts'
const CONFIG = 'tests/apps/fleet/siem.test.ts'

/** The guards of the log on its way to a SIEM. */
export const SIEM_GUARDS: readonly Guard[] = [
  {
    stops: 'words in an entry that end the structured data of a message',
    file: 'src/core/ledger/syslog.ts',
    text: "    .replaceAll(/[\"\\\\\\]]/g, '\\\\$&')\n",
    without: '',
    tests: MESSAGE,
  },
  {
    stops: 'a control character in the structured data of a message',
    file: 'src/core/ledger/syslog.ts',
    text: "    .replaceAll(/\\p{Cc}|[\\u2028\\u2029]/gu, ' ')\n",
    without: '',
    tests: MESSAGE,
  },
  {
    stops: 'a header of a message that holds another message',
    file: 'src/core/ledger/syslog.ts',
    text: "text.replaceAll(/[^\\x21-\\x7e]/g, '').slice(0, most)",
    without: 'text.slice(0, most)',
    tests: MESSAGE,
  },
  {
    stops: 'a message that a receiver would cut',
    file: 'src/core/ledger/syslog.ts',
    text: '    if (made.length <= format.maxBytes) return made\n',
    without: '    return made\n',
    tests: MESSAGE,
  },
  {
    stops: 'an entry that nobody could read, passed on as a message',
    file: 'src/core/ledger/syslog.ts',
    text: "  return message(head, format, [...place, ['code', code]], false, utf8('an entry that this server cannot read'))",
    without: '  return message({ ...head, msgid: code }, format, place, false, null)',
    tests: MESSAGE,
  },
  {
    stops: 'entries that were under way when a connection broke, and that nobody sends again',
    file: 'src/core/ledger/siem-standing.ts',
    text: '    next: standing.settled,\n    open: null,\n    failures,',
    without: '    next: confirmedOf(standing),\n    open: null,\n    failures,',
    tests: STANDING,
  },
  {
    stops: 'entries that count as settled before their reader has had time to write them',
    file: 'src/core/ledger/siem-standing.ts',
    text: 'const old = standing.marks.filter(({ at }) => now - at >= SETTLE)',
    without: 'const old = standing.marks.filter(({ at }) => now - at >= 0)',
    tests: STANDING,
  },
  {
    stops: 'a connection that carries more than may come twice',
    file: 'src/flows/forward.ts',
    text: 'from + Math.min(PAGE, roomOf(this.#standing)))',
    without: 'from + PAGE)',
    tests: FORWARD,
  },
  {
    stops: 'a receiver of the log that is put in the place of another without a trace',
    file: 'src/flows/forward.ts',
    text: '      if (before?.target === said) continue\n',
    without: '      if (before !== undefined) continue\n',
    tests: FORWARD,
  },
  {
    stops: 'a receiver that is taken away without a trace',
    file: 'src/flows/forward.ts',
    text: '    for (const [name, { target }] of known) events.push(event(name, [target], { removed: true }))\n',
    without: '',
    tests: FORWARD,
  },
  {
    stops: 'entries that are gone from the store, passed over without a word',
    file: 'src/flows/forward.ts',
    text: '    return this.#tellGap(line, from)\n',
    without: '    return to\n',
    tests: FORWARD,
  },
  {
    stops: 'a receiver that takes nothing, and nobody is told',
    file: 'src/flows/forward.ts',
    text: 'const lost = isLost(this.#standing, this.#now()) || (this.#row.lost && troubledSince !== null)',
    without: 'const lost = this.#row.lost && troubledSince !== null',
    tests: FORWARD,
  },
  {
    stops: 'a start that says that a lost receiver takes entries again',
    file: 'src/core/ledger/siem-standing.ts',
    text: '  troubledSince: lost ? now : null,\n',
    without: '  troubledSince: lost ? null : null,\n',
    tests: STANDING,
  },
  {
    stops: 'somebody who waits to know whether an entry arrived, and is forgotten',
    file: 'src/core/ledger/siem-standing.ts',
    text: 'standing.next < standing.hurried ? standing.hurried : null',
    without: 'standing.next < 0 ? standing.hurried : null',
    tests: STANDING,
  },
  {
    stops: 'a receiver with a certificate of another name',
    file: 'src/adapters/syslog-tls.ts',
    text: 'checkServerIdentity: (_, peer) => checkServerIdentity(expected, peer),',
    without: 'checkServerIdentity: () => undefined,',
    tests: TLS,
  },
  {
    stops: 'a receiver whose end says nothing of what it has read',
    file: 'src/adapters/syslog-tls.ts',
    text: "      else this.#fault ??= this.#gone('an end by the receiver')\n",
    without: '      else this.#hasEnded = true\n',
    tests: TLS,
  },
  {
    stops: 'an authority that is none, and a server that starts with it',
    file: 'src/adapters/syslog-tls.ts',
    text: "      for (const pem of [ca, cert]) if (typeof pem === 'string') new X509Certificate(pem)\n",
    without: '',
    tests: CONFIG,
  },
  {
    stops: 'a certificate without its key, of which nobody is told',
    file: 'src/apps/fleet/siem.ts',
    text: 'if ((one.cert === undefined) !== (one.key === undefined)) {',
    without: 'if (one.cert === one.name) {',
    tests: CONFIG,
  },
  {
    stops: 'a receiver that dies unnoticed between two connections',
    file: 'src/flows/forward.ts',
    text: 'this.#line = next\n',
    without: 'this.#line = (next.drop(), null)\n',
    tests: FORWARD,
  },
]
