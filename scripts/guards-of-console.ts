import type { Guard } from './guard.ts'

const CONSOLE_DOOR = 'tests/apps/fleet/console-door.test.ts'

const PLACE = 'src/apps/process/console-place.ts'
const SERVER = 'src/apps/process/console-server.ts'
const GATE = 'src/apps/fleet/gate.ts'

/** The guards of the console's door: what other pages, other names and a browser's own memory cannot do. */
export const CONSOLE_GUARDS: readonly Guard[] = [
  {
    stops: 'a console that the network reaches without TLS',
    file: PLACE,
    text: 'if (tls === null && !isLoopback(config.host))',
    without: "if (tls === null && config.host === '')",
    tests: 'tests/apps/process/console-place.test.ts',
  },
  {
    stops: 'a page that points its own name at the console',
    file: SERVER,
    text: "if (place.names.has((host ?? '').toLowerCase())) return",
    without: 'if (place.names.size > 0) return',
    tests: CONSOLE_DOOR,
  },
  {
    stops: 'a request to the console with another name in its target',
    file: SERVER,
    text: "if (!request.originalUrl.startsWith('/'))",
    without: "if (request.originalUrl === '')",
    tests: CONSOLE_DOOR,
  },
  {
    stops: 'another page that frames the console',
    file: SERVER,
    text: "if (from === undefined || from === 'same-origin' || from === 'none' || opened) return",
    without: 'if (from !== opened) return',
    tests: CONSOLE_DOOR,
  },
  {
    stops: 'what keeps the console’s page to itself, left out of answers',
    file: SERVER,
    text: 'for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)',
    without: 'response.setHeader("x-none", "")',
    tests: CONSOLE_DOOR,
  },
  {
    stops: 'a gateway’s route at the console',
    file: 'src/apps/fleet/api/serve-route.ts',
    text: "if (spec.access.for === 'gateways' && isForBrowsers(server)) return",
    without: '',
    tests: CONSOLE_DOOR,
  },
  {
    stops: 'a token at the console of a fleet that takes certificates only',
    file: GATE,
    text: 'if (!bearers)',
    without: "if (authorization === '')",
    tests: CONSOLE_DOOR,
  },
  {
    stops: 'a page elsewhere that fills the log by knocking at the console',
    file: GATE,
    text: 'if (rules.pagesOnly && isKnock(request, refusal, rules.origins, COOKIE)) return',
    without: '',
    tests: CONSOLE_DOOR,
  },
  {
    stops: 'a page elsewhere that signs its visitor in as somebody else',
    file: GATE,
    text: 'const forged = isRead(request) ? null : refuseForged(request, rules.origins, rules.pagesOnly)',
    without: 'const forged = null as Refusal | null',
    tests: CONSOLE_DOOR,
  },
  // Sessions.
  {
    stops: 'session fixation: a session that another host of the same domain has planted',
    file: 'src/apps/fleet/session-cookie.ts',
    text: "export const COOKIE = '__Host-voltseal'",
    without: "export const COOKIE = 'voltseal'",
    tests: 'tests/apps/fleet/accounts.test.ts',
  },
  {
    stops: 'CSRF: another page that changes something with the session of its visitor',
    file: GATE,
    text: "const forged = presented.by === 'cookie' ? refuseForged(request, rules.origins, true) : null",
    without: 'const forged = null as Refusal | null',
    tests: CONSOLE_DOOR,
  },
  {
    stops: 'what was shown to somebody, kept by the browser for whoever comes next',
    file: SERVER,
    text: "'cache-control': 'no-store',",
    without: "'cache-control': 'private',",
    tests: CONSOLE_DOOR,
  },
  {
    stops: 'somebody who is led back to plain HTTP',
    file: SERVER,
    text: "place.url.startsWith('https:')",
    without: "place.url === ''",
    tests: CONSOLE_DOOR,
  },
  // The headers by which browsers keep the page to itself, one by one.
  ...[
    ['a script that is no file of the console', '"script-src \'self\'"', "\"script-src 'self' 'unsafe-inline'\""],
    ['a style that is no file of the console', '"style-src \'self\'"', "\"style-src 'self' 'unsafe-inline'\""],
    ['what the policy forgets to name', '"default-src \'none\'"', '"default-src \'self\'"'],
    ['a picture that tells another host who looks', '"img-src \'self\'"', '"img-src *"'],
    ['a script that sends what it found to another host', '"connect-src \'self\'"', '"connect-src *"'],
    ['stored markup that turns the page’s own addresses elsewhere', '  "base-uri \'none\'",\n', ''],
    ['stored markup with a form that sends what is typed elsewhere', '  "form-action \'none\'",\n', ''],
    ['another page that frames the console, by its policy', '  "frame-ancestors \'none\'",\n', ''],
    ['a text that is made markup by a script of the console', '  "require-trusted-types-for \'script\'",\n', ''],
    ['a script that makes itself a policy of trusted types', '  "trusted-types \'none\'",\n', ''],
    ['another page that frames the console, in browsers without the policy', "  'x-frame-options': 'DENY',\n", ''],
    ['a file that a browser takes for another kind', "  'x-content-type-options': 'nosniff',\n", ''],
    [
      'another host that is told what somebody looked at',
      "'referrer-policy': 'no-referrer'",
      "'referrer-policy': 'unsafe-url'",
    ],
    ['a window that another page opened and holds on to', "  'cross-origin-opener-policy': 'same-origin',\n", ''],
    ['another page that takes an answer for its own', "  'cross-origin-resource-policy': 'same-origin',\n", ''],
  ].map(([stops = '', text = '', without = '']) => ({ stops, file: SERVER, text, without, tests: CONSOLE_DOOR })),
  // Files, and what is no HTTP.
  {
    stops: 'an answer to what is no HTTP, without the headers',
    file: SERVER,
    text: "browserServer(place.tls, log, lines.join(''))",
    without: "browserServer(place.tls, log, '')",
    tests: CONSOLE_DOOR,
  },
  {
    stops: 'a file of the folder that is none of the page',
    file: 'src/adapters/page-files.ts',
    text: 'if (type === undefined) continue',
    without: "if (type === undefined && entry === '') continue",
    tests: CONSOLE_DOOR,
  },
]
