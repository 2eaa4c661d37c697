import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { World } from '../../sim/doors/world.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { loadSigner } from '../../src/adapters/signer-file.ts'
import { toBase64 } from '../../src/core/encoding/bytes.ts'
import { type Instant, instant } from '../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { changedRoot } from '../../src/core/trust/changed-document.ts'
import { readMetadata } from '../../src/core/trust/read-metadata.ts'
import { refreshSite } from '../../src/flows/relay.ts'
import type { AnchorsView } from '../../src/wire/fleet-views.ts'
import { forge, STOLEN, type Stolen, serving } from '../worlds/forged.ts'
import { ask, call, fleetUrl, log, tls, voltseal } from '../worlds/people.ts'
import { image, QUAY } from '../worlds/quay.ts'
import { sealedBy } from '../worlds/quiet-fleet.ts'
import { type Gateway, gatewayOf } from '../worlds/site-world.ts'
import { rest } from '../worlds/started.ts'
import { heldByThree, steal } from './holders.ts'
import { follow, Program } from './runbook.ts'

const DAY = 86_400_000
const soon = (days: number): Instant => instant(Math.ceil((Date.now() + days * DAY) / 1000) * 1000)

/** Each runbook on a fleet of its own; what it recovers from is done before, and what it must come to is asked after. */
let program: Program
before(async () => {
  program = await Program.start()
})
after(() => program?.stop())

/** A fleet server with an enrolled site; gateway and controllers rest until they are asked. */
async function fleetOf(reported = false): Promise<World> {
  const world = await World.start(QUAY)
  if (reported) await world.reported()
  await rest(world)
  return world
}

describe('root-rotation.md', () => {
  let world: World
  before(async () => {
    world = await fleetOf(true)
  })
  after(() => world?.stop())

  follow(
    'root-rotation.md',
    () => world,
    () => program,
  )

  it('leaves a server without root keys, and a gateway that slept through both rotations on root 3', async () => {
    assert.equal(existsSync(world.at('fleet', 'keys', 'image-root')), false)
    const gateway = await gatewayOf(world)
    try {
      assert.equal(await refreshSite(gateway.site), null)
      const root = orThrow(readMetadata('root', (await gateway.store.files('image')).get('root.json')!, 'root'))
      assert.equal(root.signed.version, 3)
    } finally {
      gateway.close()
    }
    assert.equal(JSON.parse(readFileSync(world.at('cho', 'trusted.json'), 'utf8')).signed.version, 2)
  })

  it('which the fleet sees: it trusts root 1 while it sleeps, and root 3 when its gateway has started', async () => {
    const image = async () => {
      const { roots } = await ask<AnchorsView>(world, '/v1/anchors')
      return roots.find(({ repository }) => repository === 'image')?.sites
    }
    assert.deepEqual(await image(), [{ site: 'quay', newest: 3, trusted: 1 }])
    await world.startGateway()
    await world.until('the gateway said that it trusts root 3', async () => (await image())?.[0]?.trusted === 3)
    await rest(world)
  })

  it('and bo signs nothing any more', async () => {
    const start = ['ceremony', 'start', world.at('again'), '--repository', 'image', '--renew', '--expires', '9d']
    assert.equal((await voltseal(world, start)).exit, 0)
    const signed = await voltseal(world, ['ceremony', 'sign', world.at('again'), '--key', world.at('bo', 'key')])
    assert.equal(signed.refusal?.code, 'signer-not-in-role')
  })

  it('and the log tells both ceremonies, with the names', async () => {
    const told = (await log(world)).filter(({ kind }) => kind === 'ceremony-closed')
    assert.deepEqual(
      told.map(({ detail }) => detail.ceremony),
      ['out-of-the-server', 'bo-to-dan'],
    )
    assert.match(JSON.stringify(told[1]?.detail), /"owner":"cho"/)
  })
})

/** A runbook, followed on a fleet that was prepared, and what is asked of it afterwards. */
function runbook(
  name: string,
  prepare: (world: World) => Promise<void>,
  asked: (world: () => World) => void,
  make: () => Promise<World> = () => fleetOf(),
): void {
  describe(name, () => {
    let world: World
    before(async () => {
      world = await make()
      await prepare(world)
    })
    after(() => world?.stop())
    follow(
      name,
      () => world,
      () => program,
    )
    asked(() => world)
  })
}

/** What a gateway says that is given files somebody forged with stolen keys; null when it takes them. */
async function servedTo(world: World, repo: 'image' | 'director', stolen: Stolen): Promise<string | null> {
  const files = await forge(world, [], stolen, repo === 'director' ? 'quay' : null)
  const gateway = await gatewayOf(world, { link: serving(repo, files) })
  try {
    return (await refreshSite(gateway.site))?.code ?? null
  } finally {
    gateway.close()
  }
}

const inStolen = (stolen: Stolen): Stolen =>
  Object.fromEntries(Object.entries(stolen).map(([role, path]) => [role, `thief/${path}`])) as Stolen

const published = async (world: World, ...versions: readonly string[]): Promise<void> => {
  for (const [n, version] of versions.entries()) await world.publish(await world.release('bms', version, image(n + 2)))
}

runbook(
  'lost-root-key.md',
  world => heldByThree(world, 'image'),
  world => {
    it('attack: the lost key and one more sign a next root of the old chain: the server refuses it', async () => {
      const set = world().at('first-image', 'closed', 'root.json')
      const { signed } = orThrow(readMetadata('root', readFileSync(set), 'root 2'))
      const note = { name: 'theft', repository: 'image', deadline: soon(1), rehearsal: false } as const
      const raw = orThrow(changedRoot(signed, null, { expires: soon(100), note }, nodeCrypto))
      const signers = ['ana', 'bo'].map(name => orThrow(loadSigner(world().at(name, 'key'))))
      const body = { root: toBase64(await sealedBy(raw, signers)) }
      const answer = await call(fleetUrl(world()), tls.administrator(world()), 'POST', '/v1/ceremonies/image', body)
      assert.equal(isRefusal(answer) && answer.code, 'ceremony-not-next')
    })
  },
)

runbook(
  'stolen-release-key.md',
  async world => {
    await heldByThree(world, 'image')
    await published(world, '1.1.0', '6.6.6')
    await world.release('bms', '1.2.0', image(9))
    steal(world, 'keys/release', 'fleet/keys')
  },
  world => {
    it('attack: the thief signs the next targets: neither the server nor a gateway takes them', async () => {
      const files = await forge(world(), [], inStolen(STOLEN.image), null)
      const metadata = toBase64(files.get('900.targets.json')!)
      const answer = await call(fleetUrl(world()), tls.administrator(world()), 'POST', '/v1/releases', { metadata })
      assert.equal(isRefusal(answer) && answer.code, 'metadata-below-threshold')
      assert.equal(await servedTo(world(), 'image', inStolen(STOLEN.image)), 'metadata-below-threshold')
    })
  },
)

describe('stolen online keys, before and after the runbook', () => {
  let world: World
  let old: Gateway
  before(async () => {
    world = await fleetOf()
    await heldByThree(world, 'image', 'approval', 'director')
    steal(world, 'fleet/keys')
    old = await gatewayOf(world)
  })
  after(async () => {
    old?.close()
    await world?.stop()
  })

  it('attack: with the keys in force, the thief’s high version numbers are taken, and shut the honest server out', async () => {
    const files = await forge(world, [], inStolen(STOLEN.director), 'quay')
    const honest = old.site.fleet
    const rogue = { ...old.site, fleet: { ...honest, ...serving('director', files)(honest) } }
    await refreshSite(rogue)
    assert.equal((await refreshSite(old.site))?.code, 'metadata-rollback')
  })

  follow(
    'stolen-online-keys.md',
    () => world,
    () => program,
  )

  it('attack: afterwards nothing that the stolen keys sign is taken, and the gateway that was shut out is back', async () => {
    assert.equal(await refreshSite(old.site), null)
    assert.equal(await servedTo(world, 'director', inStolen(STOLEN.director)), 'metadata-below-threshold')
    const online = { ...inStolen(STOLEN.image), targets: 'keys/release' }
    assert.equal(await servedTo(world, 'image', online), 'metadata-below-threshold')
  })
})

runbook(
  'stolen-director-keys.md',
  async world => {
    await heldByThree(world, 'director')
    steal(world, 'fleet/keys')
  },
  world => {
    it('attack: orders that the stolen keys sign are refused', async () => {
      assert.equal(await servedTo(world(), 'director', inStolen(STOLEN.director)), 'metadata-below-threshold')
    })
  },
)

runbook(
  'approver-leaves.md',
  async world => {
    await heldByThree(world, 'approval')
    await published(world, '1.1.0')
    await world.campaign('spring', ['bms/1.1.0/envelope.suit'], '--controller', 'quay/bms-1')
    await world.must('campaign', 'halt', 'spring', '--reason', 'a test')
  },
  world => {
    it('leaves the approvals that were given, signed by those who approve now', async () => {
      const gateway = await gatewayOf(world())
      try {
        assert.equal(await refreshSite(gateway.site), null)
        const files = await gateway.store.files('approval')
        const targets = orThrow(readMetadata('targets', files.get('targets.json')!, 'targets'))
        assert.deepEqual([...targets.signed.targets.keys()].sort(), ['campaigns/next.json', 'campaigns/spring.json'])
      } finally {
        gateway.close()
      }
    })
  },
  () => fleetOf(true),
)

runbook(
  'lost-token.md',
  async world => {
    await heldByThree(world, 'image')
    await world.release('bms', '1.2.0', image(9))
  },
  world => {
    it('the key of the lost token signs no targets any more', async () => {
      const folder = await world().release('bms', '1.3.0', image(10))
      const { refusal } = await voltseal(world(), ['publish', folder, '--key', world().at('keys', 'release')])
      assert.equal(refusal?.code, 'signer-not-in-role')
    })
  },
)

runbook(
  'stolen-log-key.md',
  async () => {},
  world => {
    it('exports what verifies, and nothing else', async () => {
      const folder = world().at('log-today')
      const name = readdirSync(join(folder, 'tile', 'entries'), { recursive: true }).find(one => /\d$/.test(`${one}`))
      const bundle = join(folder, 'tile', 'entries', `${name}`)
      writeFileSync(bundle, readFileSync(bundle).subarray(0, -1))
      const { exit } = await voltseal(world(), ['audit', 'verify', folder])
      assert.notEqual(exit, 0)
    })
  },
)

runbook(
  'fork-drill.md',
  async world => {
    await world.startGateway()
  },
  world => {
    it('the gateway signs again what continues the log that it knows', async () => {
      const over = async (): Promise<boolean> => {
        const { json } = await voltseal(world(), ['gateway', 'status', world().at('gateway')])
        const { log } = json as { log: { trouble: { until: number | null } | null } }
        return log.trouble?.until !== null
      }
      await world().gateway?.close()
      await world().startGateway()
      await world().until('the alarm is over', over)
    })
  },
)

runbook(
  'site-keys.md',
  async world => {
    await published(world, '1.1.0')
    await world.campaign('spring', ['bms/1.1.0/envelope.suit'])
  },
  world => {
    it('nothing is ordered at the site any more', async () => {
      const gateway = await gatewayOf(world())
      try {
        assert.equal(await refreshSite(gateway.site), null)
        assert.equal(Buffer.from((await gateway.store.assignments()) ?? '[]').toString(), '[]')
      } finally {
        gateway.close()
      }
    })
  },
  () => fleetOf(true),
)

runbook(
  'stolen-firmware-key.md',
  async world => {
    writeFileSync(world.at('firmware.bin'), image(5))
    await world.reported()
  },
  world => {
    it('attack: a release that only the old key signed is refused by every controller', async () => {
      const view = await ask<AnchorsView>(world(), '/v1/anchors')
      assert.deepEqual(
        view.anchors.filter(({ acceptedBy }) => acceptedBy > 0).map(({ acceptedBy, lacking }) => [acceptedBy, lacking]),
        [[2, []]],
        'one key, and all of them accept it',
      )
      const folder = await world().release('bms', '3.0.0', image(6), '--counter', '3')
      const path = 'bms/3.0.0/envelope.suit'
      await voltseal(world(), ['publish', folder, '--key', world().at('keys', 'release')])
      const { refusal } = await voltseal(world(), ['campaign', 'create', '--id', 'theft', '--release', path])
      assert.equal(refusal?.code, 'plan-key-path-missing')
    })
  },
  () => World.start(QUAY),
)
