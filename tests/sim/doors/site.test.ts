import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import type { StampedEvent } from '../../../sim/doors/site/events.ts'
import { siteFiles } from '../../../sim/doors/site/folder.ts'
import { makeSite } from '../../../sim/doors/site/make.ts'
import { type ServedSite, serveSite } from '../../../sim/doors/site/serve.ts'
import { nodeCipher } from '../../../src/adapters/cipher-node.ts'
import { systemClock } from '../../../src/adapters/clock-system.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { writeRelease } from '../../../src/adapters/release-folder.ts'
import { generateKeyFile, publicKeyFile } from '../../../src/adapters/signer-file.ts'

import { concat, fromBase64 } from '../../../src/core/encoding/bytes.ts'
import { carriedBy } from '../../../src/core/firmware/encryption.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { keyId } from '../../../src/core/trust/keys.ts'
import type { Report } from '../../../src/core/trust/report.ts'
import type { EncryptTo } from '../../../src/flows/encrypt.ts'
import type { Signer } from '../../../src/flows/ports.ts'
import { createRelease, type Release } from '../../../src/flows/release.ts'
import { signEnvelope } from '../../../src/flows/sign.ts'
import type { DeviceRequest } from '../../../src/wire/fleet-api.ts'
import { memoryWrappingKey, p256Pair, wrapOf } from '../../worlds/wrapping.ts'
import { imageOf } from '../bench-board.ts'
import { TinyGateway, type Work } from './tiny-gateway.ts'

const SITE = `
site: quay
name: Quay
region: nl-west
zone: Europe/Amsterdam
vendor: voltworks.example
gateway: { id: quay-gateway }
links: [{ id: lan, kind: ethernet }]
classes:
  bms: { hardware: primehub, slot: 128KiB, bootloader: 1 }
controllers:
  - { id: bms-1, class: bms, link: lan }
`
const IMAGE_BYTES = 80 * 1024
const WINDOW = 160

const root = mkdtempSync(join(tmpdir(), 'voltseal-site-'))
const anchor = join(root, 'firmware.key')
const signer = orThrow(generateKeyFile(anchor, 'ecdsa-p256'))
let V1: Release
let V2: Release
let folders = 0

async function release(
  version: string,
  sequence: number,
  by: Signer | null = signer,
  encrypt?: EncryptTo,
): Promise<Release> {
  const facts = { vendor: 'voltworks.example', class: 'bms', hardware: ['primehub'], version, sequence }
  const health = { windowMillis: WINDOW, probes: ['ems-link', 'cell-voltages'] }
  const made = orThrow(
    createRelease(
      {
        image: imageOf(sequence, IMAGE_BYTES),
        facts: { ...facts, counter: sequence, health },
        ...(encrypt === undefined ? {} : { encrypt }),
      },
      { crypto: nodeCrypto },
    ),
  )
  if (by === null) return made
  const kid = keyId(by.key, nodeCrypto)
  return {
    ...made,
    envelope: orThrow(await signEnvelope(made.envelope, kid, { crypto: nodeCrypto, signer: by })).envelope,
  }
}

/** A site folder whose factory release is given; not enrolled yet. */
function makeWith(factory: Release, data = join(root, `site-${++folders}`)) {
  const folder = join(root, `factory-${++folders}.release`)
  assert.equal(writeRelease(folder, factory), null)
  const site = join(root, 'site.yaml')
  writeFileSync(site, SITE)
  const made = makeSite({ site, data, anchors: [publicKeyFile(anchor)], factory: { bms: folder } }, systemClock)
  return { data, made }
}

type Run = {
  readonly data: string
  readonly gateway: TinyGateway
  readonly request: DeviceRequest
  readonly events: StampedEvent[]
  readonly served: ServedSite
  stop(): Promise<void>
}

/** A made and enrolled site beside a tiny gateway that offers V2; `faults` as in faults.json. */
async function prepare(faults: object = {}): Promise<Pick<Run, 'data' | 'gateway' | 'request'>> {
  const { data, made } = makeWith(V1)
  const requests: DeviceRequest[] = orThrow(await made)
  const gateway = await TinyGateway.start()
  writeFileSync(siteFiles(data).issued, JSON.stringify(await gateway.enrol(requests)))
  writeFileSync(siteFiles(data).faults, JSON.stringify(faults))
  return { data, gateway, request: requests[0]! }
}

async function run(faults: object = {}): Promise<Run> {
  const { data, gateway, request } = await prepare(faults)
  const events: StampedEvent[] = []
  const stop = new AbortController()
  const served = orThrow(serveSite(data, systemClock, event => events.push(event), stop.signal))
  const end = async (): Promise<void> => {
    stop.abort()
    await served.ended
    await gateway.close()
  }
  return { data, gateway, request, events, served, stop: end }
}

const offer = (wanted: Release, activate: boolean, assignment = 'campaign-1/bms-1'): Work => ({
  assignment,
  envelope: wanted.envelope,
  image: wanted.payload,
  sha256: carriedBy(wanted.facts).sha256,
  activate,
})

/** Grants the restart as soon as the controller says that it is staged; takes the work away when it has ended. */
function grantWhenStaged(gateway: TinyGateway): void {
  gateway.onReport = report => {
    const work = gateway.work.get(report.controller)
    if (report.event === 'staged' && work !== undefined) work.activate = true
    if (['confirmed', 'reverted', 'refused'].includes(report.event)) gateway.work.delete(report.controller)
  }
}

const is =
  (event: Report['event']) =>
  (report: Report): boolean =>
    report.event === event

describe('the process of a simulated site', () => {
  before(async () => {
    V1 = await release('1.0.0', 1)
    V2 = await release('2.0.0', 2)
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  it('manufactures each controller once, and writes what the fleet needs', async () => {
    const { data, made } = makeWith(V1)
    const requests = orThrow(await made)
    assert.deepEqual(
      requests.map(({ id }) => id),
      ['bms-1'],
    )
    assert.match(requests[0]?.csr ?? '', /BEGIN CERTIFICATE REQUEST/)
    const again = await makeWith(V1, data).made
    assert.equal(isRefusal(again) && again.code, 'folder-not-empty')
  })

  it('attack: an unsigned factory image leaves no factory, and no half-made site', async () => {
    const { data, made } = makeWith(await release('1.0.0', 1, null))
    const refusal = await made
    assert.equal(isRefusal(refusal) && refusal.code, 'envelope-unsigned')
    orThrow(await makeWith(V1, data).made)
  })

  it('refuses a class without a factory release, and a site that is not enrolled', async () => {
    const site = join(root, 'site.yaml')
    const anchors = [publicKeyFile(anchor)]
    const none = await makeSite({ site, data: join(root, 'none'), anchors, factory: {} }, systemClock)
    assert.equal(isRefusal(none) && none.code, 'usage-error')
    const { data, made } = makeWith(V1)
    orThrow(await made)
    const served = serveSite(data, systemClock, () => {}, new AbortController().signal)
    assert.equal(isRefusal(served) && served.code, 'gateway-not-enrolled')
  })

  it('refuses faults that it does not understand, and a folder that is served already', async () => {
    const on = await run()
    const second = serveSite(on.data, systemClock, () => {}, new AbortController().signal)
    assert.equal(isRefusal(second) && second.code, 'data-folder-in-use')
    await on.stop()
    writeFileSync(siteFiles(on.data).faults, '{"cuts":[{"controller":"bms-1","during":"lunch","darkMillis":1}]}')
    const third = serveSite(on.data, systemClock, () => {}, new AbortController().signal)
    assert.equal(isRefusal(third) && third.code, 'config-malformed')
  })

  it('updates a controller when the gateway gives its word, and not before', async () => {
    const on = await run()
    const { gateway } = on
    await gateway.next(is('boot'))
    gateway.work.set('bms-1', offer(V2, false))
    const staged = await gateway.next(is('staged'))
    assert.equal(staged.assignment, 'campaign-1/bms-1')
    assert.equal(staged.staged?.version, '2.0.0')
    const again = await gateway.next(is('staged'))
    assert.equal(again.running.version, '1.0.0', 'offered again, it is told again, and nothing restarts')
    assert.equal(gateway.asked.length, 1, 'and nothing is downloaded again')
    const work = gateway.work.get('bms-1') as Work
    Object.assign(work, { activate: true, within: 0 })
    await gateway.offered(3)
    assert.deepEqual(
      gateway.reports.filter(({ state }) => state === 'trial'),
      [],
      'a turn that is over when it comes is none',
    )
    Object.assign(work, { activate: false, within: undefined })
    grantWhenStaged(gateway)
    const confirmed = await gateway.next(is('confirmed'))
    assert.equal(confirmed.running.version, '2.0.0')
    assert.equal(confirmed.counter, 2)
    assert.equal(confirmed.assignment, 'campaign-1/bms-1')
    assert.equal(gateway.reports.find(report => report.state === 'trial')?.event, 'boot')
    await on.stop()
  })

  it('takes a broken download up again at the next byte', async () => {
    const on = await run()
    const { gateway } = on
    grantWhenStaged(gateway)
    gateway.breakAfter = ({ from }) => (from < 50_000 ? 20_000 : null)
    gateway.work.set('bms-1', offer(V2, false))
    await gateway.next(is('confirmed'))
    assert.deepEqual(
      gateway.asked.map(({ from }) => from),
      [0, 20_000, 40_000, 60_000],
    )
    await on.stop()
  })

  it('says a report again, under a new number, when the answer was lost', async () => {
    const on = await run()
    const { gateway } = on
    grantWhenStaged(gateway)
    const lost = new Set<string>()
    gateway.loseAnswer = ({ event }) => lost.size < lost.add(event).size
    gateway.work.set('bms-1', offer(V2, false))
    await gateway.next(is('confirmed'))
    await gateway.next(is('confirmed'))
    const told = gateway.reports.map(report => report.sequence)
    assert.deepEqual(
      told,
      [...new Set(told)].sort((a, b) => a - b),
      'each number once, in order',
    )
    await on.stop()
  })

  it('loses its power inside the image and inside the trial record, once each, and still ends confirmed', async () => {
    const cuts = [
      { controller: 'bms-1', during: 'write', darkMillis: 1 },
      { controller: 'bms-1', during: 'boot', darkMillis: 1 },
    ]
    const on = await run({ cuts })
    const { gateway, events } = on
    grantWhenStaged(gateway)
    gateway.work.set('bms-1', offer(V2, false))
    const confirmed = await gateway.next(is('confirmed'))
    assert.equal(confirmed.running.version, '2.0.0')
    assert.deepEqual(
      events.flatMap(event => (event.event === 'power-lost' ? [event.where.replace(/ \d.*$/, '')] : [])),
      ['power lost inside program', 'power lost inside program'],
    )
    assert.equal(gateway.asked.length, 2)
    assert.ok((gateway.asked[1]?.from ?? 0) > 0, 'what was in flash is kept')
    await on.stop()
  })

  it('reverts an image that does not work, tells it again when asked again, and never downloads it again', async () => {
    const on = await run({ unhealthy: { [V2.facts.imageDigest]: { is: 'unhealthy', probe: 'ems-link' } } })
    const { gateway } = on
    gateway.onReport = report => {
      const work = gateway.work.get(report.controller)
      if (report.event === 'staged' && work !== undefined) work.activate = true
    }
    gateway.work.set('bms-1', offer(V2, false))
    const reverted = await gateway.next(is('reverted'))
    assert.equal(reverted.running.version, '1.0.0')
    assert.equal(reverted.attempts[0]?.cause, 'probe-failed ems-link')
    await gateway.next(is('reverted'))
    assert.equal(gateway.asked.length, 1)
    gateway.work.set('bms-1', offer(V2, false, 'campaign-2/bms-1'))
    const refused = await gateway.next(is('refused'))
    assert.equal(refused.refusal?.code, 'version-failed-before')
    assert.equal(refused.assignment, 'campaign-2/bms-1')
    await on.stop()
  })

  it('attack: bytes that the envelope does not sign are fetched again, then refused, and never run', async () => {
    const on = await run()
    const { gateway } = on
    const image = V2.image.slice()
    image[1000] = (image[1000] as number) ^ 1
    gateway.work.set('bms-1', { ...offer(V2, true), image })
    const refused = await gateway.next(is('refused'))
    assert.equal(refused.refusal?.code, 'blob-digest-mismatch')
    assert.equal(refused.running.version, '1.0.0')
    assert.equal(gateway.asked.filter(({ from }) => from === 0).length, 3)
    assert.ok(!on.events.some(event => event.event === 'activating'))
    await on.stop()
  })

  describe('with an encrypted release', () => {
    const holder = memoryWrappingKey()
    let secret: Release
    before(async () => {
      secret = await release('2.0.0', 2, signer, { keys: [holder.spki], cipher: nodeCipher })
    })
    const own = ({ decryption }: DeviceRequest): Promise<Uint8Array> =>
      wrapOf(secret, holder, fromBase64(decryption?.key ?? '') as Uint8Array)

    it('loses its power inside the image, and its line again and again, and still ends confirmed', async () => {
      const on = await run({ cuts: [{ controller: 'bms-1', during: 'write', darkMillis: 1 }] })
      const { gateway } = on
      grantWhenStaged(gateway)
      gateway.breakAfter = ({ from }) => (from < 60_000 ? 25_000 : null)
      gateway.work.set('bms-1', { ...offer(secret, false), wrap: await own(on.request) })
      const confirmed = await gateway.next(is('confirmed'))
      assert.equal(confirmed.running.digest, secret.facts.imageDigest)
      assert.ok(gateway.asked.filter(({ from }) => from > 0).length >= 3, 'what was in flash is kept')
      await on.stop()
    })

    it('attack: a gateway that exchanges the wrap is refused before a byte is asked for, and named in the report', async () => {
      const on = await run()
      const { gateway, request } = on
      const others = await wrapOf(secret, holder, p256Pair().spki)
      const next = await release('2.1.0', 3, signer, { keys: [holder.spki], cipher: nodeCipher })
      const older = await wrapOf(next, holder, fromBase64(request.decryption?.key ?? '') as Uint8Array)
      const rows = [
        [undefined, 'wrap-missing'],
        [others, 'wrap-for-another-key'],
        [older, 'content-key-mismatch'],
      ] as const
      for (const [at, [wrap, code]] of rows.entries()) {
        const refused = gateway.next(
          report => report.event === 'refused' && report.assignment === `campaign-${at}/bms-1`,
        )
        gateway.work.set('bms-1', {
          ...offer(secret, true, `campaign-${at}/bms-1`),
          ...(wrap === undefined ? {} : { wrap }),
        })
        const { refusal, running } = await refused
        assert.deepEqual([refusal?.code, running.version], [code, '1.0.0'])
      }
      assert.deepEqual(gateway.asked, [], 'nothing was downloaded')
      await on.stop()
    })

    it('attack: a ciphertext whose segments are exchanged is fetched again, then refused, and never run', async () => {
      const on = await run()
      const { gateway } = on
      const whole = 16 * 1024 + 16
      const { payload } = secret
      const image = concat(payload.subarray(whole, 2 * whole), payload.subarray(0, whole), payload.subarray(2 * whole))
      gateway.work.set('bms-1', { ...offer(secret, true), image, wrap: await own(on.request) })
      const refused = await gateway.next(is('refused'))
      assert.deepEqual([refused.refusal?.code, refused.running.version], ['blob-digest-mismatch', '1.0.0'])
      assert.ok(!on.events.some(({ event }) => event === 'activating'))
      await on.stop()
    })
  })

  it('attack: a slot tampered with by a debug probe, with an armed record of the device, is refused at boot', async () => {
    const on = await run()
    const { gateway, events, served } = on
    await gateway.next(is('boot'))
    const told = gateway.next(is('boot'))
    assert.equal(served.attack('bms-1'), true)
    const report = await told
    assert.equal(report.state, 'stable')
    assert.match(report.attempts.at(-1)?.cause ?? '', /^slot-image-damaged/)
    const answer = events.find(event => event.event === 'attack')
    assert.equal(answer?.event === 'attack' && answer.outcome, 'refused')
    assert.equal(answer?.event === 'attack' && answer.running, 'a 1.0.0')
    assert.equal(served.attack('bms-9'), false)
    await on.stop()
  })

  it('goes on after kill -9 in the middle of a download, and of a trial', async () => {
    const { data, gateway } = await prepare()
    const program = join(import.meta.dirname, '../../../sim/doors/site.ts')
    const children: ChildProcess[] = []
    const start = (): ChildProcess => {
      const child = spawn(process.execPath, [program, 'serve', data], { stdio: ['pipe', 'pipe', 'inherit'] })
      children.push(child)
      return child
    }
    const downloaded = (child: ChildProcess, bytes: number): Promise<void> =>
      new Promise(resolve => {
        createInterface({ input: child.stdout! }).on('line', line => {
          if (((JSON.parse(line) as { received?: number }).received ?? 0) >= bytes) resolve()
        })
      })
    const kill = async (child: ChildProcess): Promise<void> => {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
    try {
      grantWhenStaged(gateway)
      gateway.breakAfter = ({ from }) => Math.max(0, 50_000 - from)
      gateway.work.set('bms-1', offer(V2, false))
      const first = start()
      await downloaded(first, 50_000)
      await kill(first)
      gateway.breakAfter = () => null
      const before = gateway.asked.length
      const second = start()
      await gateway.next(report => report.state === 'trial')
      await kill(second)
      assert.ok((gateway.asked[before]?.from ?? 0) >= 40_960, 'what was in flash is kept, by whole sectors')
      const third = start()
      await gateway.next(report => report.state === 'stable' && report.running.version === '2.0.0')
      assert.equal(gateway.asked.length, before + 1)
      const ended = once(third, 'exit')
      third.kill('SIGTERM')
      assert.deepEqual(await ended, [0, null])
    } finally {
      for (const child of children) child.kill('SIGKILL')
      await gateway.close()
    }
  })
})
