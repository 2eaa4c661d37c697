import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { World } from '../../sim/doors/world.ts'
import { type Authority, createAuthority } from '../../src/adapters/certificates.ts'
import type { Answer } from '../../src/adapters/link-https/client.ts'
import { openFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { fleetFiles } from '../../src/apps/fleet/files.ts'
import { fromUtf8 } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { image, quay } from './quay.ts'
import { rest } from './started.ts'

export const API_SITE = { site: quay(12), factory: { bms: image(1) }, approvers: 2, approvalThreshold: 2, signIn: true }

export const API_ORIGIN = 'https://fleet.example:8443'

/** A world for the API's tests, with the authority that vouches for receivers of webhooks. */
export type Filled = { readonly world: World; readonly receivers: Authority }

/** Releases and plans of several kinds, and a site that is silent: the server changes only when it is asked to. */
export async function fill(world: World): Promise<Filled> {
  await world.reported()
  await rest(world)
  await world.publish(...(await Promise.all([2, 3, 4].map(n => world.release('bms', `1.${n}.0`, image(n))))))
  // A server without the wrapping key: a person brings the wraps.
  await world.fleet?.close()
  renameSync(world.at('fleet', 'keys', 'wrapping'), world.at('keys', 'holder'))
  const receivers = await webhooks(world)
  await world.startFleet()
  const holder = world.at('fleet', 'keys', 'wrapping.pub')
  const secret = await world.release('bms', '2.0.0', image(9), '--encrypt-to', holder)
  await world.publish(secret)
  const create = (id: string, version: string, ...controllers: string[]) => {
    const who = controllers.flatMap(one => ['--controller', one])
    return world.must('campaign', 'create', '--id', id, '--release', `bms/${version}/envelope.suit`, ...who)
  }
  await create('alder', '1.2.0', 'quay/bms-1')
  await create('birch', '1.2.0', 'quay/bms-2')
  await create('cedar', '1.2.0', 'quay/bms-3')
  await create('dark', '2.0.0', 'quay/bms-4', 'quay/bms-5')
  return { world, receivers }
}

/** Receivers may be on this machine, and one of them has not been reached for long. */
async function webhooks(world: World): Promise<Authority> {
  const receivers = await createAuthority('receivers', instant(Date.now()))
  writeFileSync(world.at('fleet', 'receivers.pem'), receivers.cert)
  const file = fleetFiles(world.at('fleet'))
  // Nobody listens there: who is forwarded the log is never reached.
  const siem = 'siem:\n  - { name: soc, host: 127.0.0.1, port: 1 }\n'
  const more = `webhooks:\n  allow: [127.0.0.0/8]\n  ca: receivers.pem\n${siem}`
  // Passkeys belong to a name, and worlds have addresses: it is what people would type.
  const named = readFileSync(file.config, 'utf8').replace(/^url: .*$/m, `url: ${API_ORIGIN}`)
  writeFileSync(file.config, `${named}${more}`)
  const store = orThrow(openFleetStore(file.database))
  const never = instant(Number.MAX_SAFE_INTEGER)
  const row = { events: [], site: null, secret: new Uint8Array(32), by: 'administrator', since: instant(0), next: 9 }
  const stuck = { id: 'stuck', url: 'https://stuck.example/', ...row, failures: 0, due: never, fault: null }
  const letter = { webhook: 'stuck', at: instant(0), fault: 'nobody there', again: false }
  await store.commit({ webhooks: [stuck], letters: [3, 5].map(index => ({ ...letter, index })) })
  store.close()
  return receivers
}

/** The JSON of an answer; throws a refusal. */
export const json = <T>(answer: Answer | Refusal): T => JSON.parse(fromUtf8(orThrow(answer).body) ?? '') as T
/** What a call came to: the code of its refusal, or the status. */
export const outcome = (answer: Answer | Refusal): string | number => (isRefusal(answer) ? answer.code : answer.status)

/** A plan for the controller of this number, that no other plan is for. */
export const plan = (id: string, number: number, change: object = {}): object => ({
  plan: {
    id,
    title: 'by the API',
    criticality: 'feature',
    releases: ['bms/1.2.0/envelope.suit'],
    select: { controllers: [`quay/bms-${number}`] },
    waves: [{ name: 'all', take: 'rest' }],
    validFor: '1d',
    retry: { retries: 0 },
    ...change,
  },
  dryRun: false,
})
