import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { seeded } from '../../../../sim/clock/random.ts'
import { DEFAULT_GEOMETRY, type SimController } from '../../../../sim/controller/sim-controller.ts'
import { certifyNewKey, createAuthority } from '../../../../src/adapters/certificates.ts'
import { type ClientTls, HttpsClient } from '../../../../src/adapters/link-https/client.ts'
import type { Pace } from '../../../../src/adapters/link-https/ranged-body.ts'
import { BackOff } from '../../../../src/apps/agent/link/back-off.ts'
import { download, type Receiver } from '../../../../src/apps/agent/link/download.ts'
import type { LinkEvent } from '../../../../src/apps/agent/link/events.ts'
import { instant } from '../../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../../src/core/refusal/refusal.ts'
import type { Installation } from '../../../../src/flows/install.ts'
import type { Release } from '../../../../src/flows/release.ts'
import { bench, imageOf, release } from '../../../sim/bench-board.ts'
import { DroppingLine } from '../../../worlds/dropping-line.ts'

const KIB = 1024
const CHUNK = 4 * KIB
const SIZE = 3 * CHUNK + 100

/** What a gateway does with the image, transfer by transfer, counted from 1; `from` and `end` are what was asked for. */
type Serving = (response: ServerResponse, image: Uint8Array, from: number, end: number, transfer: number) => void

const honest: Serving = (response, image, from, end) => void response.end(image.subarray(from, end))
/** The image with one bit of one byte flipped, in the first so many transfers that hold it. */
const spoiling =
  (at: number, times: number): Serving =>
  (response, image, from, end, transfer) =>
    void response.end(transfer > times ? image.subarray(from, end) : image.with(at, image[at]! ^ 1).subarray(from, end))

describe('a download into a controller', () => {
  let server: Server
  let line: DroppingLine
  let tls: ClientTls
  let wanted: Release
  let serving: Serving = honest
  let froms: number[] = []
  const clients: HttpsClient[] = []

  before(async () => {
    wanted = await release('2.0.0', 20, { image: imageOf(20, SIZE), chunkBytes: CHUNK })
    const now = instant(Date.now())
    const authority = await createAuthority('site', now)
    const own = await certifyNewKey(
      authority,
      { identity: { kind: 'gateway', site: 'quay' }, hosts: ['127.0.0.1'] },
      now,
    )
    const me = await certifyNewKey(authority, { identity: { kind: 'controller', site: 'quay', id: 'bms-1' } }, now)
    tls = { ...me, ca: authority.cert }
    server = createServer({ ...own, ca: authority.cert, requestCert: true, minVersion: 'TLSv1.3' }, answer)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    line = await DroppingLine.to((server.address() as AddressInfo).port)
  })
  after(async () => {
    for (const client of clients) client.close()
    await line.close()
    server.closeAllConnections()
    server.close()
  })

  function answer(request: IncomingMessage, response: ServerResponse): void {
    if (!request.url?.startsWith('/v1/blobs/')) return void response.end()
    const [, first = '0', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
    const [from, end] = [Number(first), last === '' ? SIZE : Number(last) + 1]
    froms.push(from)
    const ranged = request.headers.range !== undefined
    response.writeHead(ranged ? 206 : 200, ranged ? { 'content-range': `bytes ${from}-${end - 1}/${SIZE}` } : {})
    serving(response, wanted.image, from, end, froms.length)
  }

  /** Puts everything back, and has a session established over the line as long as it is whole. */
  async function open(how: Serving, pace?: Pace): Promise<HttpsClient> {
    serving = how
    line.budget = () => null
    const client = new HttpsClient(`https://127.0.0.1:${line.port}`, tls, 2, pace)
    clients.push(client)
    orThrow(await client.call('GET', '/'))
    froms = []
    return client
  }

  const board = (): SimController => bench({ geometry: DEFAULT_GEOMETRY }).controller
  const begin = (controller: SimController): Installation =>
    orThrow(controller.begin({ envelope: wanted.envelope, update: 'u' }))

  type Told = { readonly events: LinkEvent[]; readonly stop: AbortController }
  const told = (): Told => ({ events: [], stop: new AbortController() })

  function fetchInto(client: HttpsClient, receiver: Receiver, { events, stop }: Told) {
    return download({ client, backOff: new BackOff(seeded(3)) }, receiver, wanted.facts.imageDigest, {
      stop: stop.signal,
      going: () => !stop.signal.aborted,
      note: event => events.push(event),
    })
  }
  /** Takes so many bytes, and not one more: then the power goes. */
  const upTo = (installation: Installation, reached: number, { stop }: Told): Receiver => ({
    total: installation.total,
    get offset() {
      return installation.offset
    },
    write: (offset, piece) => {
      const part = piece.subarray(0, reached - offset)
      if (offset + part.length === reached) stop.abort()
      return installation.write(offset, part)
    },
  })
  const damages = ({ events }: Told): number =>
    events.filter(event => event.event === 'waiting' && event.code === 'install-chunk-damaged').length

  it('finishes over a line that drops every 2 to 3 KiB, though no connection brings a chunk of 4 KiB', async () => {
    const client = await open(honest)
    const controller = board()
    const random = seeded(21)
    line.budget = () => {
      line.drop = random() < 0.5 ? 'fin' : 'rst'
      return Math.floor(2 * KIB + random() * KIB)
    }
    line.dropped = 0
    line.cut()
    const installation = begin(controller)
    assert.equal(installation.facts.chunks.bytes, CHUNK)
    assert.equal(await fetchInto(client, installation, told()), 'written')
    assert.ok(line.dropped > SIZE / (3 * KIB), `${line.dropped} drops`)
    orThrow(controller.finish())
  })

  it('keeps whole chunks over a loss of power, and asks for nothing of them again', async () => {
    // A chunk counts once the next one has begun in flash, which takes whole units of 256 bytes.
    for (const [reached, kept] of [
      [1, 0],
      [CHUNK - 1, 0],
      [CHUNK + 1000, CHUNK],
      [2 * CHUNK + 10, CHUNK],
      [2 * CHUNK + 300, 2 * CHUNK],
    ] as const) {
      const client = await open(honest)
      const controller = board()
      const first = begin(controller)
      const seen = told()
      await fetchInto(client, upTo(first, reached, seen), seen)
      assert.equal(first.offset, reached)
      controller.powerCut()
      controller.powerUp('power-loss')
      const again = begin(controller)
      assert.equal(again.offset, kept, `cut at ${reached}`)
      froms = []
      assert.equal(await fetchInto(client, again, told()), 'written')
      assert.deepEqual(froms, [kept])
      orThrow(controller.finish())
    }
  })

  it('attack: corrupted chunk: it comes again from where it starts, and the rest once', async () => {
    for (const at of [0, CHUNK - 1, CHUNK, 2 * CHUNK + 5, SIZE - 1]) {
      const client = await open(spoiling(at, 2))
      const controller = board()
      const seen = told()
      assert.equal(await fetchInto(client, begin(controller), seen), 'written', `byte ${at}`)
      const start = at - (at % CHUNK)
      assert.deepEqual(froms, [0, start, start], `byte ${at}`)
      assert.equal(damages(seen), 2)
      orThrow(controller.finish())
    }
  })

  it('attack: a chunk that keeps coming corrupted is refused by the name of its source, after three times', async () => {
    const client = await open(spoiling(CHUNK + 5, Number.POSITIVE_INFINITY))
    const controller = board()
    const installation = begin(controller)
    const ended = await fetchInto(client, installation, told())
    assert.ok(isRefusal(ended))
    assert.equal(ended.code, 'blob-digest-mismatch')
    assert.equal(ended.subject, `blob ${wanted.facts.imageDigest} from https://127.0.0.1:${line.port}`)
    assert.match(ended.expected, /^slot b, chunk 2 of 4 with SHA-256 [0-9a-f]{32}\.\.\. over 4096 bytes$/)
    assert.deepEqual(froms, [0, CHUNK, CHUNK])
    assert.equal(installation.offset, CHUNK, 'what came before it is kept')
  })

  it('attack: endless data is cut off at the signed length', async () => {
    const client = await open((response, image, from) => {
      response.write(image.subarray(from))
      const more = (): void => {
        while (!response.destroyed && response.write(new Uint8Array(CHUNK)));
      }
      response.on('drain', more)
      more()
    })
    const controller = board()
    assert.equal(await fetchInto(client, begin(controller), told()), 'written')
    orThrow(controller.finish())
  })

  it('attack: slow retrieval is given up by rule, and gone on with from the byte that it reached', async () => {
    const rule = { idleMillis: 5000, windowMillis: 60, bytesPerWindow: 2000 }
    const slow: Serving = (response, image, from) => {
      let at = from
      const timer = setInterval(() => response.write(image.subarray(at, ++at)), 5)
      response.on('close', () => clearInterval(timer))
    }
    const client = await open((...asked) => (asked[4] <= 2 ? slow : honest)(...asked), rule)
    const controller = board()
    assert.equal(await fetchInto(client, begin(controller), told()), 'written')
    const [first, second, third] = froms as [number, number, number]
    assert.ok(first === 0 && second > first && third > second && third < 500, JSON.stringify(froms))
    orThrow(controller.finish())
  })
})
