import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import type { JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import type { Target, Targets } from '../../src/core/trust/metadata.ts'
import { fleetInit } from '../bad-input/place.ts'
import { bill, component, json } from '../core/trust/evidence/statements.ts'
import { commandLine } from '../worlds/command-line.ts'
import { BUILDER, billOf, digestOf, fill, good, provenanceOf, setConfig, setPolicy } from '../worlds/evidence.ts'
import { configOf, log, standing, voltseal } from '../worlds/people.ts'
import { type Post, postTargets, upload } from '../worlds/publisher.ts'
import { image, QUAY } from '../worlds/quay.ts'
import { started } from '../worlds/started.ts'

const publish = (world: World, folder: string) =>
  voltseal(world, ['publish', folder, '--key', world.at('keys', 'release')])

describe('the evidence of a release', () => {
  let world: World
  before(async () => {
    world = await started(QUAY, fill)
  })
  after(() => world?.stop())

  it('is published beside the envelope, is in the log, and is shown verified', async () => {
    const shown = (await world.must('release', 'show', 'bms/1.9.0')) as { evidence: Record<string, JsonObject> }
    assert.deepEqual(
      [shown.evidence.sbom?.match, shown.evidence.sbom?.components, shown.evidence.provenance?.builder],
      ['digest', 2, BUILDER],
    )
    const entry = (await log(world)).findLast(({ kind }) => kind === 'release-published')
    const { demanded, sbom, provenance } = entry!.detail.evidence as Record<string, JsonObject>
    const of = (name: string): string => digestOf(readFileSync(world.at('bms-1.9.0.release', name)))
    assert.deepEqual(demanded, ['sbom', 'provenance'])
    assert.deepEqual(sbom, { sha256: of('sbom.cdx.json'), components: 2, match: 'digest' })
    const { kid } = (await world.must('key', 'show', world.at('keys', 'builder.pub'))) as JsonObject
    assert.deepEqual(provenance, { sha256: of('provenance.intoto.json'), builder: BUILDER, signers: [kid] })
  })

  it('is made here for a maker without a build system, signed, and verified with the key', async () => {
    const key = ['--provenance-key', world.at('keys', 'builder')]
    const folder = await world.release('bms', '1.8.0', image(8), '--make-provenance', ...key, '--builder', BUILDER)
    const verify = (by: string) =>
      voltseal(world, [
        'verify',
        folder,
        '--key',
        world.at('keys', 'firmware.pub'),
        '--provenance-key',
        world.at('keys', by),
      ])
    const verified = (await verify('builder.pub')).json as { evidence: { provenance: JsonObject } }
    assert.equal(verified.evidence.provenance.builder, BUILDER)
    assert.equal((verified.evidence.provenance.signers as string[]).length, 1)
    assert.equal((await verify('stranger.pub')).refusal?.code, 'provenance-signers-unknown')
    const read = JSON.parse(readFileSync(`${folder}/provenance.intoto.json`, 'utf8'))
    const { predicate } = JSON.parse(Buffer.from(read.payload, 'base64').toString())
    assert.deepEqual(predicate.buildDefinition.resolvedDependencies, [
      { name: 'bms-1.8.0.bin', digest: { sha256: digestOf(image(8)) } },
    ])
  })

  it('of an image that was wrapped for MCUboot may name what the build put out', async () => {
    const bytes = image(7)
    const evidence = ['--sbom', billOf(world, bytes), '--provenance', await provenanceOf(world, bytes, 'builder')]
    const wrapped = ['--format', 'mcuboot', '--mcuboot-key', world.at('keys', 'builder')]
    const folder = await world.release('bms', '1.7.0', bytes, ...evidence, ...wrapped)
    assert.equal((await publish(world, folder)).refusal, null)
    const shown = (await world.must('release', 'show', 'bms/1.7.0')) as { evidence: Record<string, JsonObject> }
    assert.equal(shown.evidence.sbom?.match, 'digest')
  })

  it('attack: a component name that steers the terminal is refused, and one that turns the writing is shown harmless', async () => {
    const create = (name: string) => {
      const file = billOf(world, image(6), {
        components: [],
        metadata: { component: component(name, { version: '1.6.0' }) },
      })
      const argv = [
        'release',
        'create',
        '--image',
        world.at('i.bin'),
        '--vendor',
        'voltworks.example',
        '--class',
        'bms',
      ]
      writeFileSync(world.at('i.bin'), image(6))
      const more = [
        '--hardware',
        'primehub',
        '--version',
        '1.6.0',
        '--sequence',
        '6',
        '--out',
        world.at('steer.release'),
      ]
      return voltseal(world, [...argv, ...more, '--sbom', file])
    }
    const steering = await create('bms\u001b[1A\u001b[2Kverified')
    assert.equal(steering.refusal?.code, 'sbom-malformed')
    assert.ok(!steering.said.includes('\u001b'))
    assert.equal((await create('bms\u202efirmware')).refusal, null)
    const { out } = await commandLine(['release', 'inspect', world.at('steer.release')])
    assert.match(out, /SBOM names +bms\ufffdfirmware 1\.6\.0/)
  })

  describe('told early, by the command line', () => {
    const rows: readonly (readonly [name: string, code: string, folder: () => Promise<string>])[] = [
      [
        'attack: a demand that is met by leaving both out',
        'evidence-missing',
        () => world.release('bms', '1.2.0', image(3)),
      ],
      [
        'attack: provenance by a foreign key',
        'provenance-signers-unknown',
        async () =>
          world.release(
            'bms',
            '1.2.1',
            image(4),
            '--sbom',
            billOf(world, image(4)),
            '--provenance',
            await provenanceOf(world, image(4), 'stranger'),
          ),
      ],
      [
        'a builder that the fleet does not take',
        'provenance-builder-unknown',
        async () =>
          world.release(
            'bms',
            '1.2.2',
            image(5),
            '--sbom',
            billOf(world, image(5)),
            '--provenance',
            await provenanceOf(world, image(5), 'builder', 'https://desk.example/'),
          ),
      ],
      [
        'attack: evidence in the folder that was changed after the release was made',
        'sbom-wrong-subject',
        async () => {
          const folder = await good(world, '1.2.3', image(12))
          cpSync(world.at('bms-1.9.0.release', 'sbom.cdx.json'), `${folder}/sbom.cdx.json`)
          return folder
        },
      ],
    ]
    for (const [name, code, make] of rows) {
      it(`${name}: ${code}, nothing uploaded`, async () => {
        const folder = await make()
        const was = await standing(world)
        const { refusal, said } = await publish(world, folder)
        assert.equal(refusal?.code, code, said)
        assert.doesNotMatch(said, /Uploading/)
        assert.deepEqual(await standing(world), was)
        rmSync(folder, { recursive: true })
      })
    }

    it('provenance of another image is refused where the release is made', async () => {
      const [bytes, other] = [image(13), image(14)]
      writeFileSync(world.at('bms-13.bin'), bytes)
      const argv = ['release', 'create', '--image', world.at('bms-13.bin'), '--vendor', 'voltworks.example']
      const facts = ['--class', 'bms', '--hardware', 'primehub', '--version', '1.3.0', '--sequence', '13']
      const out = ['--out', world.at('thirteen.release'), '--provenance', await provenanceOf(world, other, 'builder')]
      assert.equal((await voltseal(world, [...argv, ...facts, ...out])).refusal?.code, 'provenance-wrong-subject')
    })
  })

  describe('judged by the server, whatever the publisher’s own tools let through', () => {
    const PATH = 'bms/1.9.0/envelope.suit'
    type Files = Readonly<Record<string, Uint8Array>>
    const published = (before: Targets, path = PATH): Target => before.targets.get(path) as Target
    const custom = (target: Target): JsonObject => target.custom as JsonObject

    /** A release as a publisher would post it who asks no policy: its folder’s files, some of them others. */
    async function posted(version: string, change: (files: Files) => Files): Promise<Post> {
      const folder = await good(world, version, image(20 + Number(version.split('.')[2])))
      const names = ['envelope.suit', 'payload.bin', 'sbom.cdx.json', 'provenance.intoto.json']
      const files = change(Object.fromEntries(names.map(name => [name, readFileSync(`${folder}/${name}`)])))
      const { facts } = (await world.must('release', 'inspect', folder)) as { facts: JsonObject }
      rmSync(folder, { recursive: true })
      const base = `bms/${version}`
      const add: Target[] = []
      for (const [name, bytes] of Object.entries(files)) {
        add.push({ path: `${base}/${name}`, ...(await upload(world, new Uint8Array(bytes))), custom: null })
      }
      const named = (name: string) => {
        const found = add.find(({ path }) => path === `${base}/${name}`)
        return found === undefined ? undefined : { path: found.path, sha256: found.sha256, length: found.length }
      }
      const said = {
        ...Object.fromEntries(['class', 'hardware', 'version', 'sequence', 'counter'].map(name => [name, facts[name]])),
        payload: named('payload.bin'),
        ...(named('sbom.cdx.json') === undefined ? {} : { sbom: named('sbom.cdx.json') }),
        ...(named('provenance.intoto.json') === undefined ? {} : { provenance: named('provenance.intoto.json') }),
      } as unknown as JsonObject
      const whole = add.map(target => (target.path.endsWith('.suit') ? { ...target, custom: said } : target))
      return { targets: () => ({ add: whole }) }
    }
    const without = (files: Files, ...names: string[]): Files =>
      Object.fromEntries(Object.entries(files).filter(([name]) => !names.includes(name)))
    const file = (path: string): Uint8Array => new Uint8Array(readFileSync(path))

    const rows: readonly (readonly [name: string, code: string, post: () => Promise<Post> | Post])[] = [
      [
        'attack: the demand by-passed by leaving the statement out',
        'evidence-missing',
        () => posted('1.4.1', files => without(files, 'provenance.intoto.json')),
      ],
      [
        'attack: the demand by-passed by leaving the bill out',
        'evidence-missing',
        () => posted('1.4.2', files => without(files, 'sbom.cdx.json')),
      ],
      [
        'attack: provenance of another image',
        'provenance-wrong-subject',
        () =>
          posted('1.4.3', files => ({
            ...files,
            'provenance.intoto.json': file(world.at('bms-1.9.0.release', 'provenance.intoto.json')),
          })),
      ],
      [
        'attack: a bill of another image',
        'sbom-wrong-subject',
        () =>
          posted('1.4.4', files => ({
            ...files,
            'sbom.cdx.json': file(world.at('bms-1.9.0.release', 'sbom.cdx.json')),
          })),
      ],
      [
        'attack: a bill nested too deeply',
        'sbom-malformed',
        () =>
          posted('1.4.5', files => ({
            ...files,
            'sbom.cdx.json': new TextEncoder().encode(`{"x":${'['.repeat(100_000)}`),
          })),
      ],
      [
        'attack: a bill larger than is read',
        'blob-too-large',
        () =>
          posted('1.4.6', files => ({ ...files, 'sbom.cdx.json': new Uint8Array(16 * 1024 * 1024 + 1).fill(0x20) })),
      ],
      [
        'attack: evidence of another release, named from its own place',
        'evidence-target-disagrees',
        async () => {
          const post = await posted('1.4.7', files => files)
          return {
            targets: before => {
              const { add = [] } = post.targets?.(before) ?? {}
              // The same bytes lie in both places: what is wrong is the place that is named.
              const elsewhere = (said: JsonObject) => ({
                ...(said.sbom as JsonObject),
                path: 'bms/1.9.0/sbom.cdx.json',
              })
              return {
                add: add.map(target =>
                  target.path.endsWith('.suit')
                    ? { ...target, custom: { ...custom(target), sbom: elsewhere(custom(target)) } }
                    : target,
                ),
              }
            },
          }
        },
      ],
      [
        'attack: the bill swapped after publication, under its name',
        'target-conflict',
        async () => {
          const other = await upload(world, json(bill({ metadata: {} })))
          return { targets: () => ({ add: [{ path: 'bms/1.9.0/sbom.cdx.json', ...other, custom: null }] }) }
        },
      ],
      [
        'attack: the bill swapped after publication, name and all that names it',
        'target-conflict',
        async () => {
          const other = { path: 'bms/1.9.0/sbom.cdx.json', ...(await upload(world, json(bill({ metadata: {} })))) }
          return {
            targets: before => {
              const target = published(before)
              const said = { ...custom(target), sbom: other } as unknown as JsonObject
              return {
                add: [
                  { ...target, custom: said },
                  { ...other, custom: null },
                ],
              }
            },
          }
        },
      ],
      [
        'attack: a published release that no longer names its bill',
        'evidence-changed',
        () => ({
          targets: before => {
            const { sbom: _, ...said } = custom(published(before))
            return { add: [{ ...published(before), custom: said as JsonObject }] }
          },
        }),
      ],
      [
        'attack: a published bill that is taken away from under its release',
        'evidence-changed',
        () => ({ targets: () => ({ remove: ['bms/1.9.0/sbom.cdx.json'] }) }),
      ],
    ]
    for (const [name, code, post] of rows) {
      it(`${name}: ${code}, nothing half published`, async () => {
        const what = await post()
        const [was, entries] = [await standing(world), (await log(world)).length]
        const answer = await postTargets(world, what)
        assert.ok(
          isRefusal(answer) && answer.code === code,
          isRefusal(answer) ? `${answer.code}: ${answer.actual}` : 'taken',
        )
        assert.deepEqual(await standing(world), was)
        const more = (await log(world)).slice(entries)
        assert.deepEqual(
          more.map(({ kind, code: of }) => [kind, of]),
          [['access-refused', code]],
        )
      })
    }

    it('attack: other bytes at the server under the digest of a published bill: blob-digest-mismatch', async () => {
      const bytes = readFileSync(world.at('bms-1.9.0.release', 'sbom.cdx.json'))
      const path = world.at('fleet', 'blobs', digestOf(bytes).slice(0, 2), digestOf(bytes))
      const changed = Buffer.from(bytes.toString().replace('mbedtls', 'openssl'))
      assert.equal(changed.length, bytes.length)
      writeFileSync(path, changed)
      const { refusal } = await voltseal(world, ['release', 'show', 'bms/1.9.0'])
      writeFileSync(path, bytes)
      assert.equal(refusal?.code, 'blob-digest-mismatch')
      assert.equal((await voltseal(world, ['release', 'show', 'bms/1.9.0'])).refusal, null)
    })
  })

  describe('the policy', () => {
    it('is no law for what was published before it: that is shown, signed anew, and may be given its evidence', async () => {
      const shown = (await world.must('release', 'show', 'bms/1.1.0')) as { evidence: object }
      assert.deepEqual(shown.evidence, { sbom: null, provenance: null })
      assert.equal(isRefusal(await postTargets(world, {})), false)
    })

    it('stands in the log from when it was changed, once', async () => {
      const changes = async () => (await log(world)).filter(({ kind }) => kind === 'policy-changed')
      const [first, ...more] = await changes()
      assert.deepEqual([first?.detail.demand, more.length], [['sbom', 'provenance'], 0])
      await world.fleet?.close()
      await world.startFleet()
      assert.equal((await changes()).length, 1)
      const before = configOf(world.at('fleet', 'fleet.yaml')).publish
      await setPolicy(world, { demand: [], builders: [], provenanceKeys: [] })
      assert.deepEqual((await changes()).at(-1)?.detail.demand, [])
      await setPolicy(world, before)
      assert.equal((await changes()).length, 3)
      // As everything does that the config says of who may do what.
      const { governance } = configOf(world.at('fleet', 'fleet.yaml'))
      await setConfig(world, { governance: { separateOrganisations: false, changeRequest: ['safety'] } })
      await setConfig(world, { governance })
      const others = (await changes())
        .slice(3)
        .map(({ detail }) => [detail.policy, detail.setting, detail.changeRequest])
      const said = (changeRequest: string[]) => ['server', 'governance', changeRequest]
      assert.deepEqual(others, [said(['safety']), said([])])
    })

    it('is not taken when it demands provenance that anybody could have written', async () => {
      const made = await fleetInit(world, 'third', '--demand', 'sbom,provenance')
      assert.equal(made.refusal?.code, 'config-malformed')
      assert.match(made.refusal?.expected ?? '', /provenanceKeys/)
      const key = ['--provenance-key', world.at('keys', 'builder.pub'), '--builder', BUILDER]
      assert.equal((await fleetInit(world, 'third', '--demand', 'sbom,provenance', ...key)).exit, 0)
      const { publish } = configOf(world.at('third', 'fleet.yaml')) as { publish: JsonObject }
      assert.deepEqual([publish.demand, publish.builders], [['sbom', 'provenance'], [BUILDER]])
    })
  })
})
