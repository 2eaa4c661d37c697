// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const BLOBS = 'tests/adapters/blobs-disk.test.ts'
const STORES = 'tests/adapters/store-sqlite/stores.test.ts'
const DOORS = 'tests/apps/doors.test.ts'
const PUBLISH = 'tests/flows/publish.test.ts'
const RELAY = 'tests/flows/relay.test.ts'
const REPORT = 'tests/flows/report.test.ts'
const ORDERS = 'tests/flows/orders.test.ts'
const PEOPLE = 'tests/bad-input/people.test.ts'
const CLOCK = 'tests/apps/process/serve.test.ts'
const FOLDER = 'tests/apps/gateway/files.test.ts'

/** The guards between processes: publishing, caching, carrying, reporting, and who may come in. */
export const DOOR_GUARDS: readonly Guard[] = [
  // Publishing.
  {
    stops: 'publishing over somebody else',
    file: 'src/flows/publish.ts',
    text: 'if (version !== (before?.version ?? 0) + 1) {',
    without: 'if (version < 0) {',
    tests: PUBLISH,
  },
  {
    stops: 'publishing what has expired',
    file: 'src/flows/publish.ts',
    text: '    if (expires <= now) {',
    without: '    if (expires <= 0) {',
    tests: PUBLISH,
  },
  {
    stops: 'other bytes under a published name',
    file: 'src/flows/publish.ts',
    text: 'if (old !== null && !sameFile(old, target)) {',
    without: 'if (old === undefined) {',
    tests: PUBLISH,
  },
  {
    stops: 'other facts about a published release',
    file: 'src/flows/publish.ts',
    text: '    if (!same) changed.push(target)',
    without: '    if (old === null) changed.push(target)',
    tests: PUBLISH,
  },
  {
    stops: 'publishing a blob that is not here',
    file: 'src/flows/publish.ts',
    text: '      if (isRefusal(checked)) return checked\n      if (checked !== null)',
    without: '      if (checked !== null && !isRefusal(checked))',
    tests: PUBLISH,
  },
  {
    stops: 'an envelope whose payload is no target',
    file: 'src/flows/publish.ts',
    text: 'if (payload?.sha256 !== release.payload.sha256 || payload.length !== release.payload.length) {',
    without: 'if (release === null) {',
    tests: PUBLISH,
  },
  {
    stops: 'metadata that differs from the envelope',
    file: 'src/flows/publish.ts',
    text: '  if (disagreement !== null) return disagreement',
    without: '',
    tests: PUBLISH,
  },
  {
    stops: 'metadata that no client would take',
    file: 'src/flows/publish.ts',
    text: '    if (unfit !== null) return unfit\n',
    without: '',
    tests: PUBLISH,
  },
  {
    stops: 'a damaged blob that is kept for good',
    file: 'src/flows/publish.ts',
    text: '    if ((await world.blobs.verify(id)) === null) return null',
    without: '    if (id !== null) return null',
    tests: DOORS,
  },
  // The cache.
  {
    stops: 'changed bytes of a download',
    file: 'src/adapters/blobs-disk.ts',
    text: '      if (found !== id.sha256) {',
    without: "      if (found === '') {",
    tests: BLOBS,
  },
  {
    stops: 'endless data',
    file: 'src/adapters/blobs-disk.ts',
    text: 'if (at + chunk.length > id.length) {',
    without: 'if (at < 0) {',
    tests: BLOBS,
  },
  {
    stops: 'going on from bytes that cannot be right',
    file: 'src/adapters/blobs-disk.ts',
    text: "      if (refusal?.code === 'download-too-long') await rm(part, { force: true })\n",
    without: '',
    tests: BLOBS,
  },
  {
    stops: 'a changed blob on the disk',
    file: 'src/adapters/blobs-disk.ts',
    text: "  if (found !== sha256) return refuse('blob-digest-mismatch', `blob ${sha256}`, `SHA-256 ${sha256}`, found)\n",
    without: '',
    tests: BLOBS,
  },
  {
    stops: 'a length that the bytes do not have',
    file: 'src/adapters/blobs-disk.ts',
    text: '  if (size === length) return null',
    without: '  if (size > 0) return null',
    tests: BLOBS,
  },
  {
    stops: 'a name that climbs out of the cache',
    file: 'src/adapters/blobs-disk.ts',
    text: '  #path(id: BlobId): string {\n    if (!NAME.test(id.sha256)) throw new Error(`not a SHA-256 name: ${id.sha256}`)',
    without: '  #path(id: BlobId): string {',
    tests: BLOBS,
  },
  // The doors.
  {
    stops: 'certificates of another authority',
    file: 'src/adapters/http-server.ts',
    text: "rejectUnauthorized: certificate === 'required'",
    without: 'rejectUnauthorized: false',
    tests: DOORS,
  },
  {
    stops: 'TLS 1.2',
    file: 'src/adapters/http-server.ts',
    text: "minVersion: 'TLSv1.3'",
    without: "minVersion: 'TLSv1.2'",
    tests: DOORS,
  },
  {
    stops: 'one kind of identity at the doors of another',
    file: 'src/adapters/http-server.ts',
    text: 'if (identity?.kind === kind) return',
    without: 'if (identity !== null) return',
    tests: DOORS,
  },
  {
    stops: 'a body that is no stream',
    file: 'src/adapters/http-server.ts',
    text: 'if (request.body instanceof Readable) return request.body',
    without: 'if (request !== null) return request.body as AsyncIterable<Uint8Array>',
    tests: DOORS,
  },
  {
    stops: 'what the API does not describe',
    file: 'src/adapters/http-server.ts',
    text: '  ajv: { customOptions: { removeAdditional: false, coerceTypes: false } as const },\n',
    without: '',
    tests: DOORS,
  },
  {
    stops: 'another site’s director metadata',
    file: 'src/apps/fleet/api/gateways.ts',
    text: "if (repo === 'image' || repo === 'approval') return repo\n",
    without: "if (repo.includes('/') || repo === 'image' || repo === 'approval') return repo\n",
    tests: DOORS,
  },
  {
    stops: 'an upload that is too large',
    file: 'src/flows/publish.ts',
    text: 'if (id.length > maxBytes)',
    without: 'if (id.length < 0)',
    tests: DOORS,
  },
  {
    stops: 'an approver who is shown another draft',
    file: 'src/apps/cli/approval.ts',
    text: '  if (fault !== null) return fault\n',
    without: '',
    tests: DOORS,
  },
  {
    stops: 'a report that is too large',
    file: 'src/apps/gateway/door.ts',
    text: "    if (length > most) throw new RefusalError(refuse('request-malformed', subject, `at most ${most} bytes`, 'more'))\n",
    without: '',
    tests: DOORS,
  },
  // The gateway.
  {
    stops: 'a changed blob that is offered',
    file: 'src/flows/offer.ts',
    text: '    if (fault !== null) return fault\n  }\n  const envelope = await world.blobs.read',
    without: '  }\n  const envelope = await world.blobs.read',
    tests: RELAY,
  },
  {
    stops: 'a payload that is not the controller’s own',
    file: 'src/flows/stage.ts',
    text: 'assignment.payload.sha256 === sha256 ? assignment.payload : await patchFor(world, assignment, sha256)',
    without: 'assignment.payload',
    tests: RELAY,
  },
  // Reports and batches.
  {
    stops: 'a report that is not the controller’s own, at the gateway',
    file: 'src/flows/report.ts',
    text: '    if (isRefusal(report)) return rejected(world, id, report)\n',
    without: '    if (isRefusal(report)) return { accepted: 0 }\n',
    tests: REPORT,
  },
  {
    stops: 'a replayed report at the gateway',
    file: 'src/flows/report.ts',
    text: '    if (replayed !== null) return rejected(world, id, replayed)\n',
    without: '',
    tests: REPORT,
  },
  {
    stops: 'a replayed report at the fleet',
    file: 'src/flows/report.ts',
    text: '    if (replayed !== null) return replayed\n',
    without: '',
    tests: REPORT,
  },
  {
    stops: 'an entry in a foreign name',
    file: 'src/flows/report.ts',
    text: 'if (!isOwn || entry.origin !== undefined) {',
    without: 'if (entry.origin !== undefined) {',
    tests: REPORT,
  },
  {
    stops: 'an entry that only the fleet writes',
    file: 'src/flows/report.ts',
    text: 'if (!isGatewayKind(entry.kind)) {',
    without: "if (entry.site === '') {",
    tests: REPORT,
  },
  {
    stops: 'a batch that the gateway did not sign',
    file: 'src/flows/report.ts',
    text: '    if (isRefusal(opened)) return opened\n',
    without: '',
    tests: REPORT,
  },
  {
    stops: 'a gap in what a gateway says',
    file: 'src/flows/fold.ts',
    text: 'if (isAhead && !isLost) return refuse(',
    without: 'if (isAhead && !isLost && upstream < 0) return refuse(',
    tests: REPORT,
  },
  {
    stops: 'an acknowledgement of what was not sent',
    file: 'src/flows/hand-over.ts',
    text: 'if (acknowledged > last || acknowledged < first) {',
    without: 'if (acknowledged < first) {',
    tests: REPORT,
  },
  {
    stops: 'an outbox that is held up by its size',
    file: 'src/flows/hand-over.ts',
    text: '    return index > 0 && bytes > BATCH_BYTES',
    without: '    return index > 1e9 && bytes > BATCH_BYTES',
    tests: REPORT,
  },
  // People, and the machine.
  {
    stops: 'a clock before the build',
    file: 'src/apps/process/serve.ts',
    text: 'if (now >= BUILT_AT) return null',
    without: 'if (now >= 0) return null',
    tests: CLOCK,
  },
  {
    stops: 'one key for two devices',
    file: 'src/apps/fleet/enrolment.ts',
    text: '      if (twin !== undefined) return sharedKey(key, twin.id)\n',
    without: '',
    tests: PEOPLE,
  },
  {
    stops: 'one id for two devices',
    file: 'src/apps/fleet/enrolment.ts',
    text: "      if (rows.has(id)) return refuse('controller-duplicate', key, 'one device', 'two requests under the same id')\n",
    without: '',
    tests: PEOPLE,
  },
  {
    stops: 'another board under a known id',
    file: 'src/apps/fleet/enrolment.ts',
    text: 'if (isAnother && !replaced.has(id)) {',
    without: 'if (isAnother && replaced.size > 99) {',
    tests: PEOPLE,
  },
  {
    stops: 'another gateway under a known site',
    file: 'src/apps/fleet/enrolment.ts',
    text: 'if (known !== null && !sameBytes(known.gatewayKey, gatewayKey)) {',
    without: 'if (known === undefined) {',
    tests: PEOPLE,
  },
  {
    stops: 'a folder with files of two sites',
    file: 'src/apps/gateway/files.ts',
    text: '  if (names.size > 1) {',
    without: '  if (names.size > 9) {',
    tests: FOLDER,
  },
  {
    stops: 'names that climb out of their place',
    file: 'src/apps/cli/session.ts',
    text: 'if (names.every(name => NAME.test(name))) return null',
    without: 'if (names.length > 0) return null',
    tests: PEOPLE,
  },
  {
    stops: 'a newer data folder',
    file: 'src/adapters/store-sqlite/database.ts',
    text: 'if (found > schema.version) {',
    without: 'if (found > 1e6) {',
    tests: STORES,
  },
  {
    stops: 'a fork of the log',
    file: 'src/adapters/store-sqlite/fleet.ts',
    text: "addEntry: database.prepare('INSERT INTO entry",
    without: "addEntry: database.prepare('INSERT OR REPLACE INTO entry",
    tests: STORES,
  },
  // What a site does with its orders.
  {
    stops: 'orders that the fleet took back while something else was broken',
    file: 'src/flows/relay.ts',
    text: '  await world.store.exclusive(() => withdraw(world, ordered))\n',
    without: '',
    tests: ORDERS,
  },
  {
    stops: 'an order that rests on expired metadata (freeze)',
    file: 'src/flows/offer.ts',
    text: 'agreed?.id === assignment && (await siteTime(world)) < agreed.until ? agreed : null',
    without: 'agreed?.id === assignment ? agreed : null',
    tests: ORDERS,
  },
  {
    stops: 'items that the gateway did not sign for',
    file: 'src/flows/report.ts',
    text: 'if (opened.batch !== batch || ',
    without: 'if (',
    tests: REPORT,
  },
  {
    stops: 'a canary that falls back unseen in its soak',
    file: 'src/core/campaign/turn-result.ts',
    text: "hasRegressed(report, wanted) ? { result: 'reverted', cause: 'regressed' } : null",
    without: 'null',
    tests: ORDERS,
  },
  {
    stops: 'a release beside neighbours that are too old for it',
    file: 'src/core/campaign/draft-site.ts',
    text: 'findPath(site.site, all, shelf)',
    without: 'findPath(site.site, all.filter(one => one.goal !== null), shelf)',
    tests: 'tests/core/campaign/draft.test.ts',
  },
]
