// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const TRUST = 'tests/core/trust/*.test.ts'
const TIME = 'tests/flows/time.test.ts'
const SET = 'src/core/trust/trusted-set.ts'
const READ = 'src/core/trust/read-metadata.ts'

/** The guards of the verifier that stand beside those of guards-of-parts.ts, and of the time that a site judges by. */
export const TRUST_GUARDS: readonly Guard[] = [
  {
    stops: 'a file that the new root’s keys do not vouch for',
    file: SET,
    text: 'document === null || verifySigned(document, keys, roles[role], role, crypto) !== null ? null : document',
    without: 'document',
    tests: TRUST,
  },
  {
    stops: 'an older snapshot once the timestamp was lost',
    file: SET,
    text: "notBelow(snapshot.signed.version, set.snapshot?.signed.version ?? 0, subject, 'Uptane 2.1.0 §5.4.4.5') ??\n    ",
    without: '',
    tests: TRUST,
  },
  {
    stops: 'a digest that nobody compares',
    file: READ,
    text: 'object({ sha256: digestShape })',
    without: 'open({ sha256: digestShape })',
    tests: TRUST,
  },
  {
    stops: 'a timestamp that speaks of more than the snapshot',
    file: READ,
    text: "meta: object({ 'snapshot.json': meta })",
    without: "meta: open({ 'snapshot.json': meta })",
    tests: TRUST,
  },
  {
    stops: 'a delegated role that speaks of boards that it was not given',
    file: 'src/core/trust/find-target.ts',
    text: 'target !== undefined && withinScopes(target, next.scopes)',
    without: 'target !== undefined',
    tests: TRUST,
  },
  {
    stops: 'a wider scope below a narrow one',
    file: 'src/core/trust/find-target.ts',
    text: '[...above, role.hardware]',
    without: '[role.hardware]',
    tests: TRUST,
  },
  {
    stops: 'a clock that is set back',
    file: 'src/flows/time.ts',
    text: 'return instant(Math.max(clock, known.latest))',
    without: 'return clock',
    tests: TIME,
  },
  {
    stops: 'a clock that is set back while the gateway is off',
    file: 'src/flows/time.ts',
    text: 'Math.max(known.latest, kept.latest, seen)',
    without: 'Math.max(known.latest, seen)',
    tests: TIME,
  },
  {
    stops: 'a clock that was ahead once',
    file: 'src/flows/time.ts',
    text: 'const seen = Math.min(clock, kept.bound)',
    without: 'const seen = clock',
    tests: TIME,
  },
  {
    stops: 'a kept time that goes back',
    file: 'src/adapters/store-sqlite/gateway.ts',
    text: 'latest = max(latest, excluded.latest)',
    without: 'latest = excluded.latest',
    tests: TIME,
  },
  {
    stops: 'a controller of another site at the gateway’s door',
    file: 'src/apps/gateway/door.ts',
    text: 'if (site === own) return id',
    without: 'if (site !== null) return id',
    tests: 'tests/threats/tls-keys.test.ts',
  },
]
