// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const CEREMONY = 'tests/core/trust/ceremony.test.ts'
const DIFF = 'tests/core/trust/differences.test.ts'
const REHEARSAL = 'tests/core/trust/rehearsal.test.ts'
const BINS = 'tests/apps/cli/ceremony-bins.test.ts'
const CHAIN = 'tests/core/trust/root-chain.test.ts'
const CLOSE = 'tests/flows/close.test.ts'
const DESK = 'tests/apps/cli/ceremony.test.ts'
const REMEMBERED = 'tests/apps/cli/trusted-folder.test.ts'
const PEOPLE = 'tests/bad-input/people.test.ts'
const FILE = 'src/core/trust/ceremony.ts'

/** The guards of ceremonies: what may be signed, by whom, until when, and what of it counts. */
export const CEREMONY_GUARDS: readonly Guard[] = [
  {
    stops: 'a ceremony that is over, handed in as a publication',
    file: 'src/flows/publish.ts',
    text: '    if (signedAt !== undefined) {',
    without: '    if (signedAt === null) {',
    tests: CLOSE,
  },
  {
    stops: 'bins of another ceremony beside a root',
    file: FILE,
    text: '  if (strange !== null) return strange\n',
    without: '',
    tests: CLOSE,
  },
  {
    stops: 'a ceremony document that is changed between two signers, or signed in the name of another',
    file: FILE,
    text: '      if (stranger === undefined) continue',
    without: '      if (stranger?.keyid !== null) continue',
    tests: CEREMONY,
  },
  {
    stops: 'a ceremony that is closed after its deadline',
    file: FILE,
    text: '  if (now >= deadline) {',
    without: '  if (now < 0) {',
    tests: CEREMONY,
  },
  {
    stops: 'a ceremony whose document has expired',
    file: FILE,
    text: '    if (now >= expires) {',
    without: '    if (now < 0) {',
    tests: CEREMONY,
  },
  {
    stops: 'a ceremony below a threshold',
    file: FILE,
    text: '    if (short === undefined) continue',
    without: '    if (short === undefined || short.have > 0) continue',
    tests: CEREMONY,
  },
  {
    stops: 'a ceremony that only the holders of the old root, or of the new one, have signed',
    file: FILE,
    text: '    { by: `holders of root ${next.version}`, keys: next.keys, role: next.roles.root, owners: is },\n',
    without: '',
    tests: CEREMONY,
  },
  {
    stops: 'an old ceremony, replayed',
    file: FILE,
    text: '  if (next === before + 1) return null',
    without: '  if (next <= before + 1) return null',
    tests: CEREMONY,
  },
  {
    stops: 'a ceremony of one repository played to another',
    file: FILE,
    text: '  if (found.repository !== inForce.repository) {',
    without: '  if (found.name === inForce.repository) {',
    tests: CEREMONY,
  },
  {
    stops: 'a ceremony’s key under an id that is not its own',
    file: FILE,
    text: '    if (own !== keyid) return',
    without: '    if (own === null) return',
    tests: CEREMONY,
  },
  {
    stops: 'a target that is slipped into a ceremony',
    file: FILE,
    text: '    if (Object.hasOwn(was, path) && sameJson(was[path] as Json, target)) continue',
    without: '    if (Object.hasOwn(is, path)) continue',
    tests: CEREMONY,
  },
  {
    stops: 'a root that leaves targets without signatures',
    file: FILE,
    text: '  return left ?? { note, root: first, targets: second }',
    without:
      '  return left === first ? left ?? { note, root: first, targets: second } : { note, root: first, targets: second }',
    tests: CEREMONY,
  },
  {
    stops: 'a note of a ceremony with more in it than is shown',
    file: 'src/core/trust/ceremony-note.ts',
    text: '  const read = noteShape(written, NOTE)\n  if (read instanceof Misfit) {',
    without:
      '  const { name, repository, deadline, rehearsal: drill } = written as Record<string, string>\n' +
      '  const read = noteShape({ name, repository, deadline, rehearsal: drill }, NOTE)\n  if (read instanceof Misfit) {',
    tests: CEREMONY,
  },
  {
    stops: 'two keys of one person in a role',
    file: 'src/core/trust/key-change.ts',
    text: '      if (people.has(owner)) {',
    without: '      if (people.has(keyid)) {',
    tests: CEREMONY,
  },
  {
    stops: 'one key under two ids in a role',
    file: 'src/core/trust/key-change.ts',
    text: '      if (materials.has(material)) return twice',
    without: '      if (materials.has(keyid)) return twice',
    tests: CEREMONY,
  },
  {
    stops: 'a diff that hides a member that the program does not know',
    file: 'src/core/trust/differences.ts',
    text: '    if (step === undefined) say(walk, `member ${quote(name)}`, at(before, name), at(after, name), false)\n    else step(walk, at(before, name), at(after, name))',
    without: '    step?.(walk, at(before, name), at(after, name))',
    tests: DIFF,
  },
  {
    stops: 'a diff that hides a member of a key',
    file: 'src/core/trust/differences.ts',
    text: '  return Object.keys(unknown).length === 0 ? scheme : `${scheme}, with ${json(unknown)}`',
    without: '  return unknown === null ? json(key) : scheme',
    tests: DIFF,
  },
  {
    stops: 'a diff that hides a new order of priority',
    file: 'src/core/trust/differences.ts',
    text: "  if (left !== right) walk.out.push({ what: 'delegations, the order', before: left, after: right, known: true })",
    without: '  if (left === null) walk.out.length = 0',
    tests: DIFF,
  },
  {
    stops: 'the root of a rehearsal, signed with real keys',
    file: 'src/core/trust/trusted-set.ts',
    text: '  return checkNote(set, root.signed, subject) ?? underRoot(set, root, crypto)',
    without: '  return underRoot(set, root, crypto)',
    tests: REHEARSAL,
  },
  {
    stops: 'a root that is served as that of another repository of the same holders',
    file: 'src/core/trust/trusted-set.ts',
    text: '  if (meant === null || own === undefined || meant === own) return null',
    without: '  if (meant !== repo || own === undefined || meant === own) return null',
    tests: REHEARSAL,
  },
  {
    stops: 'targets of a rehearsal, signed with real keys',
    file: 'src/core/trust/trusted-set.ts',
    text: 'checkNoBin(read.signed, subject) : null) ??\n    checkNote(set, read.signed, subject)\n',
    without: 'checkNoBin(read.signed, subject) : null)\n',
    tests: REHEARSAL,
  },
  {
    stops: 'delegated targets of a rehearsal, signed with real keys',
    file: 'src/core/trust/trusted-set.ts',
    text: '    checkNote(set, targets.signed, subject) ??\n',
    without: '',
    tests: REHEARSAL,
  },
  {
    stops: 'a ceremony that is built on roots from before the trusted one',
    file: 'src/core/trust/root-chain.ts',
    text: '  if (last < version) return refuse',
    without: '  if (last < 0) return refuse',
    tests: CHAIN,
  },
  {
    stops: 'a ceremony that is built on another root than the trusted one',
    file: 'src/core/trust/root-chain.ts',
    text: '    if (!sameBytes(signableBytes(read.signed.raw), signableBytes(raw))) {',
    without: '    if (read.signed.version !== version) {',
    tests: CHAIN,
  },
  {
    stops: 'a server that hides a newer root from who has seen it',
    file: 'src/apps/cli/trusted-folder.ts',
    text: "([...BELOW, 'root'] as const) : BELOW",
    without: 'BELOW : BELOW',
    tests: DESK,
  },
  {
    stops: 'a timestamp that has expired at a machine that has seen a newer state',
    file: 'src/apps/cli/repository.ts',
    text: "const onlyTargets = refreshed.role === 'targets'",
    without: 'const onlyTargets = refreshed.set.snapshot !== null',
    tests: PEOPLE,
  },
  {
    stops: 'an older signed state that is shown to an approver or a publisher who has seen the newer one',
    file: 'src/apps/cli/repository.ts',
    text: 'drive(refresh(begun, now, cli.world.crypto), fetched)',
    without: 'drive(refresh(trusted, now, cli.world.crypto), fetched)',
    tests: REMEMBERED,
  },
  {
    stops: 'an older signed state at a machine that has forgotten what it saw',
    file: 'src/apps/cli/repository.ts',
    text: '  const unkept = session.trusted.keep(refreshed.set, trusted)\n',
    without: '  const unkept = null as null | Refusal\n',
    tests: REMEMBERED,
  },
  {
    stops: 'one of two commands at once that puts back what the other has seen',
    file: 'src/core/trust/stored-set.ts',
    text: 'later(newer.timestamp, below.timestamp)',
    without: 'newer.timestamp',
    tests: REMEMBERED,
  },
  {
    stops: 'a ceremony that is closed at the server without its signatures',
    file: 'src/flows/close.ts',
    text: 'checkTime(ceremony, now) ?? checkGiven(ceremony, world.crypto) ?? checkComplete(ceremony, world.crypto)',
    without: 'checkTime(ceremony, now) ?? checkGiven(ceremony, world.crypto)',
    tests: CLOSE,
  },
  {
    stops: 'a ceremony that is closed at the server after its deadline',
    file: 'src/flows/close.ts',
    text: 'checkTime(ceremony, now) ?? checkGiven',
    without: 'checkGiven',
    tests: CLOSE,
  },
  {
    stops: 'a target that is exchanged in a bin at a ceremony',
    file: 'src/core/trust/ceremony-bins.ts',
    text: '    if (published !== undefined && same(published, target)) continue',
    without: '    if (published !== undefined) continue',
    tests: BINS,
  },
  {
    stops: 'a bin of a ceremony that is not the next one',
    file: 'src/core/trust/ceremony-bins.ts',
    text: '  if (version !== old.version + 1) {',
    without: '  if (version < old.version) {',
    tests: BINS,
  },
  {
    stops: 'a bin of a ceremony that says more than it did, or has no note',
    file: 'src/core/trust/ceremony-bins.ts',
    text: '    !same(more as Json, other as Json) ||\n    said === undefined ||\n    !same(said, writeNote(note))\n',
    without: '    note === null\n',
    tests: BINS,
  },
  {
    stops: 'a ceremony that leaves a bin with the old key',
    file: 'src/core/trust/ceremony-bins.ts',
    text: '  return missing === undefined\n',
    without: '  return missing !== null\n',
    tests: BINS,
  },
  {
    stops: 'a signature file that is named for another key',
    file: 'src/apps/cli/ceremony/folder.ts',
    text: '    if (read.keyid !== own) return malformed',
    without: '    if (read.keyid === null) return malformed',
    tests: DESK,
  },
  {
    stops: 'signing a ceremony by a clock that has lost its time',
    file: 'src/apps/cli/ceremony/sign.ts',
    text: 'checkClock(clock.now()) ?? ',
    without: '',
    tests: DESK,
  },
  {
    stops: 'signing a ceremony that was altered',
    file: 'src/apps/cli/ceremony/sign.ts',
    text: ' ?? checkGiven(ceremony, crypto)\n',
    without: '\n',
    tests: DESK,
  },
  {
    stops: 'a named delegation that keeps the holder of the targets from publishing',
    file: 'src/apps/cli/commands/publish.ts',
    text: "return found.code === 'metadata-unlisted' ? false : found",
    without: 'return found',
    tests: DESK,
  },
  {
    stops: 'a root that is put above targets that have expired, which nobody takes',
    file: 'src/apps/cli/ceremony/start.ts',
    text: 'if (hasExpired(targets.signed, cli)) return false',
    without: 'if (hasExpired(targets.signed, cli)) cli.output.progress("")',
    tests: DESK,
  },
  {
    stops: 'a root that is put above bins that have expired',
    file: 'src/core/trust/ceremony-bins.ts',
    text: 'all || held.has(name) || bin.expires <= now',
    without: 'all || held.has(name) || Number.isNaN(now)',
    tests: BINS,
  },
]
