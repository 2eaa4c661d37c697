import { mkdirSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { systemClock } from '../../src/adapters/clock-system.ts'
import { writeWhole } from '../../src/adapters/config-file.ts'
import { isRefusal, sentence } from '../../src/core/refusal/refusal.ts'
import { Meters } from '../plant/conditions.ts'
import { Plant } from '../plant/plant.ts'
import { plantOf } from '../plant/unit.ts'
import { CLOCK_WARNING, FastClock } from './fast-clock.ts'
import { LIVES } from './plant/lives.ts'
import { readSiteFile } from './site/folder.ts'

/**
 * The process of a simulated plant: the EMS that a gateway asks for live values, and behind it the model of sim/plant.
 *
 *     plant.ts SITE.yaml FOLDER HOST PORT CLOCK.json
 *
 * It serves `GET /v1/conditions?points=a,b` over TLS with a certificate of its own authority, which it writes to
 * FOLDER/ca.pem. Lines of JSON on stdin say what happens to controllers: `{"away":ID}`, `{"back":ID}`. `{"bill":[IDS]}` asks
 * for the bill, and for what the same would have cost had all of these restarted at once when the first of them went.
 */
const [siteFile = '', folder = '', host = '', port = '', clockPath = ''] = process.argv.slice(2)

function fail(text: string): never {
  process.stderr.write(`${text}\n`)
  process.exit(64)
}

const read = readSiteFile(siteFile)
const site = isRefusal(read) ? fail(sentence(read)) : read
const opened = FastClock.open(clockPath)
const clock = isRefusal(opened) ? fail(sentence(opened)) : opened
const began = clock.now()
const life = (LIVES[site.site] ?? fail(`no life for ${site.site}`))(began)
const spec = plantOf(site, life.criticalLoad)
const plant = new Plant(spec, life.happenings, began, life.held)
const meters = new Meters(plant)
let firstAway: number | null = null

process.stderr.write(`${CLOCK_WARNING}\n`)
mkdirSync(folder, { recursive: true })
// A certificate is judged by the real time of whoever calls.
const authority = await createAuthority(`Plant of ${site.site}`, systemClock.now())
const identity = { kind: 'gateway', site: site.site } as const
const { cert, key } = await certifyNewKey(authority, { identity, hosts: [host] }, systemClock.now())
writeWhole(join(folder, 'ca.pem'), authority.cert)

const server = createServer({ cert, key, minVersion: 'TLSv1.3' }, (request, response) => {
  const url = new URL(request.url ?? '/', 'https://plant')
  if (request.method !== 'GET' || url.pathname !== '/v1/conditions') {
    response.writeHead(404).end()
    return
  }
  plant.advance(clock.now())
  const readings = meters.read((url.searchParams.get('points') ?? '').split(','))
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ readings }))
})
server.listen(Number(port), host, () => {
  process.stdout.write(`${JSON.stringify({ ready: true, ...Object(server.address()) })}\n`)
})

/** What the same plant would have paid, had all of these restarted together at an instant. */
function naively(ids: readonly string[], at: number) {
  const twin = new Plant(spec, life.happenings, began, life.held)
  twin.advance(at as typeof began)
  for (const id of ids) twin.restart(id)
  twin.advance((at + 3_600_000) as typeof began)
  return twin.bill.totals('update')
}

createInterface({ input: process.stdin }).on('line', line => {
  const { away, back, bill } = parsed(line)
  plant.advance(clock.now())
  if (typeof away === 'string') {
    firstAway ??= plant.now
    plant.take(away)
  } else if (typeof back === 'string') plant.give(back)
  else if (Array.isArray(bill)) {
    const naive = naively(bill as string[], firstAway ?? plant.now)
    const early = naively(bill as string[], began + 60_000)
    const told = { update: plant.bill.totals('update'), nature: plant.bill.totals('nature'), naive, early }
    const held = plant.stateOfCharge()
    process.stdout.write(
      `${JSON.stringify({ ...told, held, absences: plant.service.over, items: plant.bill.items })}\n`,
    )
  }
})

function parsed(line: string): { away?: unknown; back?: unknown; bill?: unknown } {
  try {
    return Object(JSON.parse(line)) as { away?: unknown }
  } catch {
    return {}
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0))
