import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { run } from '../../../src/apps/cli/program.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import type { ReleaseFacts } from '../../../src/core/firmware/release-facts.ts'
import { isRefusalCode, registry } from '../../../src/core/refusal/registry.ts'

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'voltseal-cli-'))
})
after(() => rmSync(folder, { recursive: true, force: true }))

type Ran = { exit: number; out: string; err: string }

async function voltseal(...argv: string[]): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []]
  const exit = await run(argv, {
    stdout: { write: text => out.push(text) },
    stderr: { write: text => err.push(text) },
    env: {},
    crypto: nodeCrypto,
    clock: { now: () => instant(0), quality: 'simulated' },
    onStop: () => new AbortController().signal,
  })
  return { exit, out: out.join(''), err: err.join('') }
}

const at = (name: string): string => join(folder, name)
const facts = (image: string, out: string, version = '1.4.0'): string[] => [
  'release',
  'create',
  ...['--image', at(image), '--vendor', 'voltworks.example', '--class', 'bms', '--hardware', 'r1,r2'],
  ...['--version', version, '--sequence', '12', '--out', at(out)],
]

/** Runs with --json and reads the one document that stdout must then hold. */
async function json(...argv: string[]): Promise<{ exit: number; value: Record<string, unknown>; err: string }> {
  const { exit, out, err } = await voltseal(...argv, '--json')
  assert.equal(out.trimEnd().split('\n').length, 1, `one line of JSON:\n${out}`)
  return { exit, value: JSON.parse(out), err }
}

describe('a release by hand', () => {
  before(async () => {
    writeFileSync(at('empty.bin'), '')
    writeFileSync(at('firmware.bin'), new Uint8Array(3000).fill(7))
    assert.equal((await voltseal('key', 'generate', at('alice.key'))).exit, 0)
    assert.equal((await voltseal('key', 'generate', at('bob.key'), '--algorithm', 'ed25519')).exit, 0)
    assert.equal((await voltseal(...facts('firmware.bin', 'a.release'))).exit, 0)
  })

  test('key generate: id and files on stdout, a loud label on stderr', async () => {
    const { exit, value, err } = await json('key', 'generate', at('carol.key'))
    assert.equal(exit, 0)
    assert.match(String(value.kid), /^[0-9a-f]{64}$/)
    assert.equal(value.private, at('carol.key'))
    assert.match(err, /^DEVELOPMENT KEY/)
    const shown = await json('key', 'show', at('carol.key.pub'))
    assert.deepEqual([shown.value.kid, shown.value.spki], [value.kid, value.spki])
  })

  test('create, sign by two, verify with a threshold of two', async () => {
    assert.equal((await voltseal(...facts('firmware.bin', 'two.release'))).exit, 0)
    const keys = ['--key', at('alice.key.pub'), '--key', at('bob.key.pub')]
    for (const [who, exit] of [
      ['alice', 20],
      ['bob', 0],
    ] as const) {
      assert.equal((await voltseal('sign', at('two.release'), '--key', at(`${who}.key`))).exit, 0)
      assert.equal((await voltseal('verify', at('two.release'), ...keys, '--threshold', '2')).exit, exit)
    }
    const { value } = await json('verify', at('two.release'), ...keys)
    assert.equal(value.verified, true)
    assert.equal((value.signers as string[]).length, 2)
  })

  test('inspect says that it does not verify', async () => {
    const { value, err } = await json('release', 'inspect', at('a.release'))
    assert.equal(value.verified, false)
    assert.match(err, /Not verified/)
  })

  test('every option of create reaches the manifest', async () => {
    const more = ['--counter', '3', '--bootloader', '2-5', '--needs', 'pcs@1.2.0..2.0.0', '--needs', 'ems@1.0.0']
    const health = ['--health-window', '2min', '--probe', 'cells,contactors']
    const parts = ['--component', 'main', '--also', `afe=${at('firmware.bin')}`, '--chunk', '1024']
    const keys = ['--retire-anchor', at('bob.key.pub')]
    await voltseal(...facts('firmware.bin', 'full.release'), ...more, ...health, ...parts, ...keys)
    const bob = await json('key', 'show', at('bob.key.pub'))
    const { value } = await json('release', 'inspect', at('full.release'))
    const {
      hardware,
      counter,
      bootloader,
      dependencies,
      components,
      chunks,
      transition,
      health: window,
    } = value.facts as ReleaseFacts
    const told = { hardware, counter, bootloader, dependencies, components, transition, window }
    assert.equal(`${chunks.bytes} ${chunks.digests.length}`, '1024 6')
    assert.deepEqual(told, {
      hardware: ['r1', 'r2'],
      counter: 3,
      bootloader: { min: 2, max: 5 },
      dependencies: [
        { class: 'pcs', min: '1.2.0', below: '2.0.0' },
        { class: 'ems', min: '1.0.0' },
      ],
      components: [
        { name: 'main', size: 3000 },
        { name: 'afe', size: 3000 },
      ],
      transition: { kind: 'retire', kid: bob.value.kid },
      window: { windowMillis: 120_000, probes: ['cells', 'contactors'] },
    })
  })

  test('a release adds a key, with the key itself', async () => {
    await voltseal(...facts('firmware.bin', 'adds.release'), '--add-anchor', at('bob.key.pub'))
    const { value } = await json('release', 'inspect', at('adds.release'))
    const bob = (await json('key', 'show', at('bob.key.pub'))).value
    const spki = Buffer.from(bob.spki as string, 'base64').toString('hex')
    const added = { kind: 'add', kid: bob.kid, alg: 'ed25519', spki }
    assert.deepEqual((value.facts as ReleaseFacts).transition, added)
  })

  const refused: [name: string, argv: () => string[], code: string][] = [
    ['a missing image', () => facts('none.bin', 'x.release'), 'file-missing'],
    ['a folder as image', () => facts('a.release', 'x.release'), 'file-unreadable'],
    ['an empty image', () => facts('empty.bin', 'x.release'), 'image-empty'],
    ['a version that is none', () => facts('firmware.bin', 'x.release', 'v1'), 'version-malformed'],
    ['a release that exists', () => facts('firmware.bin', 'a.release'), 'release-exists'],
    ['a key that exists', () => ['key', 'generate', at('alice.key')], 'key-exists'],
    ['no such release', () => ['verify', at('none.release'), '--key', at('alice.key.pub')], 'file-missing'],
    ['an unsigned release', () => ['verify', at('a.release'), '--key', at('alice.key.pub')], 'envelope-unsigned'],
    ['a private key to verify with', () => ['verify', at('a.release'), '--key', at('alice.key')], 'key-malformed'],
    ['a public key to sign with', () => ['sign', at('a.release'), '--key', at('alice.key.pub')], 'key-malformed'],
    ['a threshold above the keys', () => ['verify', 'x', '--key', 'k', '--threshold', '2'], 'usage-error'],
    ['a threshold of none', () => ['verify', 'x', '--key', 'k', '--threshold', '0'], 'usage-error'],
    ['an unknown command', () => ['release', 'destroy'], 'usage-error'],
    ['an unknown noun', () => ['frobnicate'], 'usage-error'],
    ['an unknown option', () => ['explain', '--loud'], 'usage-error'],
    ['a missing option', () => ['sign', at('a.release')], 'usage-error'],
    ['a number that is none', () => [...facts('firmware.bin', 'x.release'), '--counter', 'two'], 'usage-error'],
    ['a duration without unit', () => [...facts('firmware.bin', 'x.release'), '--health-window', '9'], 'usage-error'],
    [
      'a further image without a name',
      () => [...facts('firmware.bin', 'x.release'), '--also', 'afe.bin'],
      'usage-error',
    ],
    [
      'two changes of keys',
      () => [...facts('firmware.bin', 'x.release'), '--add-anchor', at('bob.key.pub'), '--retire-anchor', 'x'],
      'usage-error',
    ],
    ['an unknown code', () => ['explain', 'no-such-code'], 'code-unknown'],
  ]
  for (const [name, argv, code] of refused) {
    test(`refused: ${name}`, async () => {
      const { exit, value, err } = await json(...argv())
      assert.equal(value.code, code)
      assert.ok(isRefusalCode(code))
      assert.equal(exit, registry[code].exit)
      assert.match(err, new RegExp(`^Refused: .*\\n.*voltseal explain ${code}\\n`, 's'))
      const plain = await voltseal(...argv())
      assert.equal(plain.out, '', 'without --json a refusal leaves stdout empty')
      assert.equal(plain.exit, exit)
      assert.equal(existsSync(at('x.release')), false, 'nothing half made')
    })
  }

  test('signing twice with one key is refused and changes nothing', async () => {
    assert.equal((await voltseal(...facts('firmware.bin', 'once.release'))).exit, 0)
    assert.equal((await voltseal('sign', at('once.release'), '--key', at('alice.key'))).exit, 0)
    const before = readFileSync(at('once.release/envelope.suit'))
    const { value } = await json('sign', at('once.release'), '--key', at('alice.key'))
    assert.equal(value.code, 'envelope-already-signed')
    assert.deepEqual(readFileSync(at('once.release/envelope.suit')), before)
  })

  test('attack: a payload that was exchanged is neither signed nor verified', async () => {
    assert.equal((await voltseal(...facts('firmware.bin', 'swapped.release'))).exit, 0)
    writeFileSync(at('swapped.release/payload.bin'), new Uint8Array(3000).fill(8))
    const signed = await json('sign', at('swapped.release'), '--key', at('alice.key'))
    assert.equal(signed.value.code, 'image-digest-mismatch')
  })
})

describe('help and explain', () => {
  test('help shows a default as it would be written, and none where there is none', async () => {
    const create = await voltseal('release', 'create', '--help')
    assert.match(create.out, /\(default:\s+1min\)/)
    assert.doesNotMatch(create.out, /\[\]|\{/)
    assert.match((await voltseal('agent', 'init', '--help')).out, /\(default:\s+32MiB\)[\s\S]*\(default:\s+0\)/)
  })

  test('a file in the place of a release folder is told as that', async () => {
    writeFileSync(at('lone.bin'), 'x')
    const { exit, err } = await voltseal('release', 'inspect', at('lone.bin'))
    assert.equal(exit, 66)
    assert.match(err, /expected a release: a folder with this file in it; got a file/)
  })

  test('help goes to stdout when it is asked for, to stderr when it is not', async () => {
    const asked = await voltseal('--help')
    assert.deepEqual([asked.exit, asked.err], [0, ''])
    assert.match(asked.out, /Usage: voltseal/)
    const bare = await voltseal()
    assert.deepEqual([bare.exit, bare.out], [64, ''])
    assert.match(bare.err, /Usage: voltseal/)
    assert.match((await voltseal('key')).err, /Usage: voltseal key/)
  })
  test('the version, alone on stdout', async () => {
    for (const word of ['--version', '-V']) assert.match((await voltseal(word)).out, /^\d+\.\d+\.\d+\n$/)
  })
  test('explain knows every code', async () => {
    const { out } = await voltseal('explain')
    for (const code of Object.keys(registry)) {
      assert.ok(out.includes(`\n${code} `), code)
      assert.equal((await voltseal('explain', code)).exit, 0)
    }
  })
  test('explain suggests what was meant', async () => {
    assert.match((await voltseal('explain', 'envelop-unsigned')).err, /envelope-unsigned/)
  })
})
