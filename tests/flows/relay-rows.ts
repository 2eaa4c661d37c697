import assert from 'node:assert/strict'
import type { World } from '../../sim/doors/world.ts'
import { isRefusal, type Refusal } from '../../src/core/refusal/refusal.ts'
import { registry } from '../../src/core/refusal/registry.ts'
import { directorTarget, type Order } from '../../src/core/trust/director-target.ts'
import type { FileRef } from '../../src/core/trust/image-target.ts'
import type { Target } from '../../src/core/trust/metadata.ts'
import { offerFor } from '../../src/flows/offer.ts'
import type { FleetLink } from '../../src/flows/ports.ts'
import { assigned, refreshSite, workOf } from '../../src/flows/relay.ts'
import type { Row } from '../bad-input/rows.ts'
import { forge, type Repo, STOLEN, serving } from '../worlds/forged.ts'
import { ask } from '../worlds/people.ts'
import { image } from '../worlds/quay.ts'
import { type Gateway, gatewayOf, type Wiring } from '../worlds/site-world.ts'
import { rest } from '../worlds/started.ts'

/** A fleet that has ordered 1.1.0 for the canary bms-1, by the approved campaign `spring`; 1.2.0 is only published. */
export type Place = {
  readonly world: World
  readonly ordered: FileRef
  readonly other: FileRef
  readonly bytes: number
}

export const DAY = 86_400_000
export const order: Order = { class: 'bms', hardware: 'primehub', campaign: 'spring', attempt: 1 }
export const SHA = /[0-9a-f]{64}/

export async function fill(world: World): Promise<Place> {
  await world.reported()
  await rest(world)
  await world.publish(await world.release('bms', '1.1.0', image(2)), await world.release('bms', '1.2.0', image(3)))
  await world.campaign('spring', ['bms/1.1.0/envelope.suit'])
  const releases = await ask<FileRef[]>(world, '/v1/releases')
  const [ordered, other] = ['1.1.0', '1.2.0'].map(version => releases.find(({ path }) => path.includes(version)))
  return { world, ordered: ordered!, other: other!, bytes: image(2).length }
}

/** The assignments that a gateway has agreed on. */
export const agreed = async ({ site }: Gateway) => [...(await assigned(site)).values()]

export async function nothingOffered(site: Gateway['site']): Promise<void> {
  const offer = await offerFor(site, 'bms-1')
  assert.ok(offer === null || isRefusal(offer), 'nothing is offered')
}

/** What a refused refresh leaves: nothing is assigned, nobody works, and the log says why when it was no accident. */
export async function refusedBy({ world }: Place, wiring: Wiring): Promise<Refusal> {
  const gateway = await gatewayOf(world, wiring)
  try {
    const refusal = await refreshSite(gateway.site)
    assert.ok(isRefusal(refusal), 'the gateway refuses')
    const orders = await agreed(gateway)
    // Orders that hold wait for a payload that does not: nothing else leaves one in force.
    const waits = orders.some(({ payload }) => refusal.subject.includes(payload.sha256))
    if (!waits) assert.deepEqual(orders, [], 'nothing is assigned')
    for (const row of await gateway.store.controllers()) {
      assert.equal(workOf(row).at, waits && row.id === 'bms-1' ? 'staging' : 'idle', row.id)
    }
    await nothingOffered(gateway.site)
    const entries = (await gateway.entries()).filter(
      ({ kind }) => kind === 'assignment-refused' || kind === 'download-failed',
    )
    const told = registry[refusal.code].action === 'retry' ? [] : [refusal.code]
    assert.deepEqual(
      entries.map(({ code }) => code),
      told,
      'recorded when it is no accident',
    )
    return refusal
  } finally {
    gateway.close()
  }
}

/** A fleet server whose director says something else: its keys are stolen, all others are not. */
export const director =
  (targets: (place: Place) => readonly Target[], site = 'quay') =>
  async (place: Place) => {
    const files = await forge(place.world, targets(place), STOLEN.director, site)
    return refusedBy(place, { link: serving('director', files) })
  }

export const orders = (envelope: FileRef, ...of: readonly (readonly [string, Partial<Order>])[]): Target =>
  directorTarget(envelope, new Map(of.map(([id, change]) => [id, { ...order, ...change }])))

/** A fleet server that changes files of a repository on their way. */
export const changing =
  (repo: Repo | 'sheets', role: RegExp, change: (file: Uint8Array) => Uint8Array | null) =>
  (honest: FleetLink): Partial<FleetLink> => ({
    file: async (asked, path, max) => {
      const file = await honest.file(asked, path, max)
      return file instanceof Uint8Array && asked === repo && role.test(path) ? change(file) : file
    },
  })

/** A fleet server that changes the sheets of plans. */
const sheets = (change: (text: string) => string) =>
  changing('sheets', /^spring\.json$/, file => new TextEncoder().encode(change(Buffer.from(file).toString())))

export const flipped = (bytes: Uint8Array, at = bytes.length >> 1): Uint8Array => {
  const copy = new Uint8Array(bytes)
  copy[at] = copy[at]! ^ 0x01
  return copy
}

/** Flips a digit of the first version number: the file stays JSON of the right form, and is no longer what was signed. */
export const otherVersion = (file: Uint8Array): Uint8Array => {
  const text = Buffer.from(file).toString()
  return new TextEncoder().encode(text.replace(/"version":(\d+)/, (_, version) => `"version":${Number(version) + 1}`))
}

export async function whole(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part)
  return new Uint8Array(Buffer.concat(parts))
}

/** A fleet server that changes the bytes of a blob. */
export const blobs = (change: (bytes: Uint8Array, sha256: string) => Uint8Array) => (honest: FleetLink) => ({
  blob: async (...asked: Parameters<FleetLink['blob']>) => {
    const body = await honest.blob(...asked)
    if (isRefusal(body)) return body
    const bytes = change(await whole(body), asked[0].sha256)
    return (async function* () {
      yield bytes
    })()
  },
})

/** What a fleet server may serve, by malice or by mistake, and what its gateway says of it. */
export const ROWS: readonly Row<Place>[] = [
  {
    name: 'attack: director keys stolen alone, a release that nobody approved',
    code: 'assignment-not-approved',
    exit: 20,
    subject: /^campaign ghost$/,
    expected: /^the approval of ghost$/,
    actual: /^none$/,
    meet: director(({ other }) => [orders(other, ['bms-1', { campaign: 'ghost' }])]),
  },
  {
    name: 'attack: director keys stolen alone, another release under an approved campaign',
    code: 'assignment-not-planned',
    exit: 20,
    subject: /^quay\/bms-1: bms\/1\.2\.0\/envelope\.suit$/,
    expected: /^bms\/1\.1\.0\/envelope\.suit, \d+ bytes, [0-9a-f]{64}$/,
    actual: /^bms\/1\.2\.0\/envelope\.suit, /,
    meet: director(({ other }) => [orders(other, ['bms-1', {}])]),
  },
  {
    name: 'an order for an unknown controller',
    code: 'assignment-controller-unknown',
    exit: 20,
    subject: /^quay\/bms-9: bms\/1\.1\.0\//,
    expected: /^a controller of the site$/,
    actual: /^bms-9$/,
    meet: director(({ ordered }) => [orders(ordered, ['bms-1', {}], ['bms-9', {}])]),
  },
  {
    name: 'two controllers with one id in director metadata',
    code: 'assignment-controller-twice',
    exit: 20,
    subject: /^quay\/bms-1: bms\/1\.2\.0\//,
    expected: /^one release$/,
    actual: /^two$/,
    meet: director(({ ordered, other }) => [orders(ordered, ['bms-1', {}]), orders(other, ['bms-1', {}])]),
  },
  {
    name: 'an order of the wrong class',
    code: 'assignment-wrong-class',
    exit: 20,
    subject: /^quay\/bms-1: /,
    expected: /^bms$/,
    actual: /^pcs$/,
    meet: director(({ ordered }) => [orders(ordered, ['bms-1', { class: 'pcs' }])]),
  },
  {
    name: 'an order of the wrong hardware revision',
    code: 'assignment-wrong-hardware',
    exit: 20,
    subject: /^quay\/bms-1: /,
    expected: /^primehub$/,
    actual: /^essentialhub$/,
    meet: director(({ ordered }) => [orders(ordered, ['bms-1', { hardware: 'essentialhub' }])]),
  },
  {
    name: 'attack: metadata of the wrong site',
    code: 'metadata-wrong-site',
    exit: 20,
    subject: /^director: timestamp$/,
    expected: /quay/,
    actual: /reef/,
    meet: director(({ ordered }) => [orders(ordered, ['bms-1', {}])], 'reef'),
  },
  {
    name: 'attack: arbitrary software, which the image repository does not have',
    code: 'assignment-target-missing',
    exit: 20,
    subject: /bms\/6\.6\.6\/envelope\.suit/,
    expected: /in the image repository$/,
    actual: /^nothing$/,
    meet: director(({ ordered }) => [orders({ ...ordered, path: 'bms/6.6.6/envelope.suit' }, ['bms-1', {}])]),
  },
  {
    name: 'attack: other bytes under the name of a release',
    code: 'assignment-target-disagrees',
    exit: 20,
    subject: /bms\/1\.1\.0\/envelope\.suit/,
    expected: SHA,
    actual: /^\d+ bytes, 0{64}$/,
    meet: director(({ ordered }) => [orders({ ...ordered, sha256: '0'.repeat(64) }, ['bms-1', {}])]),
  },
  {
    name: 'attack: release, image and director keys stolen, but not the approvers’',
    code: 'assignment-not-planned',
    exit: 20,
    subject: /^quay\/bms-1: bms\/1\.1\.0\/envelope\.suit$/,
    expected: SHA,
    actual: /b{64}$/,
    meet: async place => {
      const { world, ordered } = place
      const payload = { path: 'bms/1.1.0/payload.bin', length: 40_000, sha256: 'a'.repeat(64) }
      const custom = { class: 'bms', hardware: ['primehub'], version: '1.1.0', sequence: 1, counter: 0, payload }
      const envelope = { ...ordered, sha256: 'b'.repeat(64) }
      const targets = [
        { ...envelope, custom },
        { ...payload, custom: null },
      ]
      const files = await forge(world, targets, STOLEN.image, null)
      const directed = await forge(world, [orders(envelope, ['bms-1', {}])], STOLEN.director, 'quay')
      const link = (honest: FleetLink) =>
        serving('image', files)({ ...honest, ...serving('director', directed)(honest) })
      return refusedBy(place, { link })
    },
  },
  {
    name: 'attack: freeze, metadata that has expired',
    code: 'metadata-expired',
    exit: 20,
    subject: /^director: timestamp$/,
    expected: /./,
    actual: /^20\d\d-/,
    meet: place => refusedBy(place, { skew: 2 * DAY }),
  },
  {
    name: 'metadata below its threshold',
    code: 'metadata-below-threshold',
    exit: 20,
    subject: /^director: timestamp$/,
    expected: /^valid signatures by 1 of the keys of the role$/,
    actual: /^0$/,
    meet: async place => {
      const stolen = { ...STOLEN.director, timestamp: 'keys/release' }
      const files = await forge(place.world, [orders(place.ordered, ['bms-1', {}])], stolen, 'quay')
      return refusedBy(place, { link: serving('director', files) })
    },
  },
  {
    name: 'a changed byte in a timestamp',
    code: 'metadata-below-threshold',
    exit: 20,
    subject: /^image: timestamp$/,
    expected: /^valid signatures by 1 of the keys of the role$/,
    actual: /^0$/,
    meet: place => refusedBy(place, { link: changing('image', /^timestamp/, otherVersion) }),
  },
  {
    name: 'a changed byte in a snapshot',
    code: 'metadata-digest-mismatch',
    exit: 20,
    subject: /^approval: snapshot \d+$/,
    expected: SHA,
    actual: SHA,
    meet: place => refusedBy(place, { link: changing('approval', /snapshot/, flipped) }),
  },
  {
    name: 'a changed byte in targets',
    code: 'metadata-digest-mismatch',
    exit: 20,
    subject: /^director: targets \d+$/,
    expected: SHA,
    actual: SHA,
    meet: place => refusedBy(place, { link: changing('director', /targets/, flipped) }),
  },
  {
    name: 'attack: endless metadata',
    code: 'metadata-too-large',
    exit: 20,
    subject: /timestamp\.json$/,
    expected: /^at most \d+ bytes$/,
    actual: /^\d+$/,
    meet: place => refusedBy(place, { link: changing('image', /^timestamp/, () => new Uint8Array(1 << 22)) }),
  },
  {
    name: 'attack: an approved plan, altered by the fleet server',
    code: 'blob-digest-mismatch',
    exit: 20,
    subject: /^blob [0-9a-f]{64}$/,
    expected: /^SHA-256 [0-9a-f]{64}$/,
    actual: SHA,
    meet: async place => {
      const altered = blobs(bytes => {
        const text = Buffer.from(bytes).toString()
        return text.includes('voltseal-plan')
          ? new TextEncoder().encode(text.replace('"priority":50', '"priority":51'))
          : bytes
      })
      return refusedBy(place, { link: altered })
    },
  },
  {
    name: 'attack: a sheet of the approved plan, altered by the fleet server',
    code: 'sheet-not-approved',
    exit: 20,
    subject: /^the sheet of quay in spring$/,
    expected: /^a sheet under [0-9a-f]{64}$/,
    actual: /^a proof that does not lead there$/,
    meet: place => refusedBy(place, { link: sheets(text => text.replace('"wave":1', '"wave":0')) }),
  },
  {
    name: 'attack: the sheet of another site in the place of this one',
    code: 'sheet-foreign',
    exit: 20,
    subject: /^the sheet of quay in spring$/,
    expected: /^quay in spring$/,
    actual: /^reef in spring$/,
    meet: place => refusedBy(place, { link: sheets(text => text.replace('"site":"quay"', '"site":"reef"')) }),
  },
  {
    name: 'attack: a sheet without its end',
    code: 'sheet-malformed',
    exit: 65,
    subject: /^the sheet of quay in spring$/,
    expected: /^a sheet in JSON$/,
    actual: /at character/,
    meet: place => refusedBy(place, { link: sheets(text => text.slice(0, -9)) }),
  },
  {
    name: 'a fleet server that has lost the sheet',
    code: 'sheet-missing',
    exit: 75,
    subject: /^campaign spring$/,
    expected: /^the sheet of quay$/,
    actual: /^none$/,
    meet: place => refusedBy(place, { link: changing('sheets', /./, () => null) }),
  },
  {
    name: 'attack: a changed byte in an envelope on its way',
    code: 'blob-digest-mismatch',
    exit: 20,
    subject: /^blob [0-9a-f]{64}$/,
    expected: /^SHA-256 /,
    actual: SHA,
    meet: place =>
      refusedBy(place, { link: blobs((bytes, sha) => (sha === place.ordered.sha256 ? flipped(bytes) : bytes)) }),
  },
  {
    name: 'attack: a changed byte in a payload on its way',
    code: 'blob-digest-mismatch',
    exit: 20,
    subject: /^blob [0-9a-f]{64} from the fleet server$/,
    expected: /^bytes \d+ to \d+ with SHA-256 [0-9a-f]{32}…$/,
    actual: SHA,
    meet: place => {
      let payload = ''
      // The last byte, also of what is asked for again from the middle on.
      const altered = blobs((bytes, sha) => {
        if (bytes.length === place.bytes) payload = sha
        return sha === payload ? flipped(bytes, bytes.length - 1) : bytes
      })
      return refusedBy(place, { link: altered })
    },
  },
  {
    name: 'attack: endless data behind a payload',
    code: 'download-too-long',
    exit: 20,
    subject: /^blob [0-9a-f]{64}$/,
    expected: /^40000 bytes$/,
    actual: /^more$/,
    meet: place => {
      const longer = (bytes: Uint8Array): Uint8Array => Uint8Array.from([...bytes, ...new Uint8Array(20_000)])
      return refusedBy(place, { link: blobs(bytes => (bytes.length === place.bytes ? longer(bytes) : bytes)) })
    },
  },
]
