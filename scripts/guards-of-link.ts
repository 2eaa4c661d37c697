// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const HTTPS = 'src/adapters/link-https/client.ts'
const BODY = 'src/adapters/link-https/ranged-body.ts'
const AGENT = 'src/adapters/link-https/resuming-agent.ts'
const DOWNLOAD = 'src/apps/agent/link/download.ts'
const CONTROLLER = 'tests/apps/agent/link/download.test.ts'
const BAD_INPUT = 'tests/sim/bad-input.test.ts'
const DUMP = 'tests/core/slot/dump.test.ts'
const FETCH = 'src/flows/fetch.ts'
const CLIENT = 'tests/adapters/link-https/client.test.ts'
const LINE = 'tests/adapters/link-https/ranged-body.test.ts'
const DAMAGE = 'tests/flows/damaged-chunk.test.ts'
const BLOBS = 'tests/adapters/blobs-disk.test.ts'
const DOORS = 'tests/apps/doors.test.ts'

/** The guards of what passes over a line: between gateway and fleet, and between a controller and its gateway. */
export const LINK_GUARDS: readonly Guard[] = [
  // Downloads.
  {
    stops: 'slow retrieval',
    file: BODY,
    text: '    if (received < pace.bytesPerWindow) return true\n',
    without: '',
    tests: CLIENT,
  },
  {
    stops: 'slow retrieval after a fast beginning',
    file: BODY,
    text: '    began = performance.now()\n    received = 0\n',
    without: '',
    tests: CLIENT,
  },
  {
    stops: 'an endless answer',
    file: HTTPS,
    text: '        if (length > limit) {',
    without: '        if (length < 0) {',
    tests: CLIENT,
  },
  {
    stops: 'the whole instead of the rest',
    file: HTTPS,
    text: 'if (from === 0 && status === 200)',
    without: 'if (status === 200)',
    tests: CLIENT,
  },
  {
    stops: 'another part than was asked for',
    file: HTTPS,
    text: 'if (ranged && status === 206 && range.startsWith(`bytes ${from}-`))',
    without: 'if (ranged && status === 206)',
    tests: CLIENT,
  },
  {
    stops: 'a server of another authority',
    file: AGENT,
    text: "minVersion: 'TLSv1.3', rejectUnauthorized: true",
    without: "minVersion: 'TLSv1.3', rejectUnauthorized: false",
    tests: DOORS,
  },
  {
    stops: 'slow retrieval over many short connections',
    file: BODY,
    text: '  const tooSlow = judgeOf(pace)\n  let at = from\n  for (let response = first; ; ) {\n',
    without: '  let at = from\n  for (let response = first; ; ) {\n    const tooSlow = judgeOf(pace)\n',
    tests: LINE,
  },
  {
    stops: 'endless data behind the signed length',
    file: BODY,
    text: 'chunk.subarray(0, length - at)',
    without: 'chunk',
    tests: LINE,
  },
  {
    stops: 'a line that breaks within each record of TLS',
    file: BODY,
    text: 'this.#bytes = Math.max(LAST_STRIDE, (this.#bytes ?? FIRST_STRIDE * 4) / 4)',
    without: 'this.#bytes = null',
    tests: LINE,
  },
  {
    stops: 'a line that breaks within each whole handshake',
    file: AGENT,
    text: 'const session = this.#session === null ? {} : { session: this.#session }',
    without: 'const session = {}',
    tests: LINE,
  },
  {
    stops: 'a client that was closed and goes on',
    file: HTTPS,
    text: 'if (this.#closed)',
    without: 'if (this.origin === null)',
    tests: LINE,
  },
  // A controller's download.
  {
    stops: 'a damaged chunk that ends a download at once',
    file: DOWNLOAD,
    text: 'if (!SPOILT.has(refusal.code)) return refusal',
    without: 'if (refusal.code !== null) return refusal',
    tests: CONTROLLER,
  },
  {
    stops: 'a source that keeps sending damaged chunks to a controller',
    file: DOWNLOAD,
    text: 'attempts = receiver.offset === spoilt ? attempts + 1 : 1',
    without: 'attempts = 1',
    tests: CONTROLLER,
  },
  {
    stops: 'a damaged chunk in flash',
    file: 'src/flows/install.ts',
    text: 'if (!this.#holds(chunk)) return this.#goBack(chunk)',
    without: 'if (chunk === null) return this.#goBack(chunk)',
    tests: CONTROLLER,
  },
  // A secure element that does not answer.
  {
    stops: 'a boot without a floor: the counter cannot be read',
    file: 'src/flows/boot.ts',
    text: "    if (floor === null) return refuse('counter-unreadable', `slot ${slot}`, 'the security counter', 'no answer')\n",
    without: '',
    tests: BAD_INPUT,
  },
  {
    stops: 'an update without a floor: the counter cannot be read',
    file: 'src/flows/fit.ts',
    text: "  if (counter === null) return refuse('counter-unreadable', subject, 'the security counter', 'no answer')\n",
    without: '',
    tests: BAD_INPUT,
  },
  // The dump of a flash.
  {
    stops: 'a forged record or history in a dump, under the key',
    file: 'src/core/slot/dump-view.ts',
    text: 'find.authentic !== false',
    without: 'find.authentic !== undefined',
    tests: DUMP,
  },
  {
    stops: 'the key of another device for a dump',
    file: 'src/core/slot/dump-view.ts',
    text: 'if (authenticated && claimed > 0 && good.length + told.length === 0) {',
    without: 'if (claimed < 0) {',
    tests: DUMP,
  },
  {
    stops: 'a dump that is full of forgeries',
    file: 'src/core/slot/dump.ts',
    text: 'if (list.length >= limit || (find.authentic === false && this.#wrong > KEPT.wrong)) this.#unlisted += 1',
    without: 'if (limit < 0) this.#unlisted += 1',
    tests: DUMP,
  },
  // The gateway's own download, chunk by chunk.
  {
    stops: 'a damaged chunk on its way to the gateway',
    file: FETCH,
    text: 'if (!isChunk(facts, chunk, found)) {',
    without: 'if (found === null) {',
    tests: DAMAGE,
  },
  {
    stops: 'a source that keeps sending damaged chunks',
    file: FETCH,
    text: 'attempts = at === last ? attempts + 1 : 1',
    without: 'attempts = 1',
    tests: DAMAGE,
  },
  {
    stops: 'damage in the part of a chunk that came before the line broke',
    file: FETCH,
    text: '  for await (const part of world.blobs.unfinished(blob, chunk?.at ?? from, from)) hash.update(part)\n',
    without: '',
    tests: 'tests/flows/torn-download.test.ts',
  },
  {
    stops: 'old bytes behind the place where a download goes on',
    file: 'src/adapters/blobs-disk.ts',
    text: '      if (from > 0) await file.truncate(from)\n',
    without: '',
    tests: BLOBS,
  },
]
