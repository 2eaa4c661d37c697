import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { instant } from '../../../src/core/encoding/units.ts'
import type { Clock } from '../../../src/flows/ports.ts'
import { commandLine } from '../../worlds/command-line.ts'
import { image } from '../../worlds/quay.ts'
import { PIN, SoftToken } from '../../worlds/soft-token.ts'

const clock: Clock = { now: () => instant(Date.UTC(2030, 0, 1)), quality: 'simulated' }
const launcher = join(import.meta.dirname, '../../../bin/voltseal')

describe('keys in a token, on the command line', () => {
  let token: SoftToken
  const at = (name: string): string => join(token.folder, name)
  const key = (path = 'token=Release;object=release'): string => token.uri(path)

  /** Runs a command in this process; what it printed is kept, so that it can be searched for a PIN. */
  const printed: string[] = []
  async function voltseal(...argv: string[]) {
    const { exit, out, err: said } = await commandLine([...argv, '--json'], { clock })
    printed.push(out, said)
    return { exit, json: out === '' ? null : JSON.parse(out), said }
  }
  const must = async (...argv: string[]) => {
    const ran = await voltseal(...argv)
    assert.equal(ran.exit, 0, `${argv.join(' ')}: ${ran.said}`)
    return ran
  }

  before(async () => {
    token = new SoftToken()
    token.use()
    await must('key', 'generate', key(), '--public', at('release.pub'))
    writeFileSync(at('image.bin'), image(3))
  })
  after(() => token.end())

  const create = (version: string, ...more: string[]) =>
    must(
      ...['release', 'create', '--image', at('image.bin'), '--vendor', 'voltworks.example', '--class', 'bms'],
      ...['--hardware', 'r1', '--version', version, '--sequence', '1', '--out', at(`${version}.release`), ...more],
    )

  test('a release is signed, and nothing is labelled a development signature', async () => {
    await create('1.0.0')
    const { json, said } = await must('sign', at('1.0.0.release'), '--key', key())
    assert.equal(json.development, false)
    assert.doesNotMatch(said, /DEVELOPMENT/)
    const verified = await must('verify', at('1.0.0.release'), '--key', at('release.pub'))
    assert.deepEqual(verified.json.signers, [json.kid])
    const shown = await must('key', 'show', key())
    assert.equal(shown.json.kid, json.kid)
  })

  test('an image for MCUboot is signed', async () => {
    const { json } = await create('1.1.0', '--format', 'mcuboot', '--mcuboot-key', key())
    assert.equal(json.facts.version, '1.1.0')
    const inspected = await must('release', 'inspect', at('1.1.0.release'))
    assert.equal(inspected.json.mcuboot.version.minor, 1)
  })

  test('a fleet is founded by keys in a token, two of them with one login', async () => {
    await must('key', 'generate', key('token=Release;object=approver'), '-a', 'ed25519')
    const { json } = await must(
      ...['fleet', 'init', at('fleet'), '--firmware-key', at('release.pub'), '--release-key', key()],
      ...['--approver-key', key('token=Release;object=approver')],
    )
    const approver = await must('key', 'show', key('token=Release;object=approver'))
    const root = readFileSync(join(json.folder, 'roots', 'approval.root.json'), 'utf8')
    assert.ok(root.includes(approver.json.kid))
  })

  test('RSA signs metadata, and is refused for envelopes', async () => {
    await must('key', 'generate', key('token=Release;object=rsa'), '-a', 'rsa-pss')
    await create('1.2.0')
    const refused = await voltseal('sign', at('1.2.0.release'), '--key', key('token=Release;object=rsa'))
    assert.equal(refused.json.code, 'signature-algorithm-unknown')
  })

  test('kinds that live in the other place only', async () => {
    const inFile = await voltseal('key', 'generate', at('file'), '-a', 'rsa-pss')
    const inToken = await voltseal('key', 'generate', key('token=Release;object=new'), '-a', 'ml-dsa-65')
    assert.deepEqual([inFile.json.code, inToken.json.code], Array(2).fill('key-algorithm-unsupported'))
  })

  test('the public half is written once, and never over another file', async () => {
    const again = await voltseal('key', 'show', key(), '--public', at('release.pub'))
    assert.equal(again.json.code, 'key-exists')
  })

  test('lists tokens, and the keys of one', async () => {
    const tokens = await must('key', 'list', token.uri(''))
    assert.deepEqual(
      tokens.json.map(({ label }: { label: string }) => label),
      ['Release'],
    )
    const keys = await must('key', 'list', key('token=Release'))
    assert.deepEqual(
      keys.json.map(({ label, stays }: { label: string; stays: boolean }) => [label, stays]),
      [
        ['approver', true],
        ['release', true],
        ['rsa', true],
      ],
    )
    const bad = await voltseal('key', 'list', 'pkcs11:token=Release')
    assert.equal(bad.json.code, 'key-uri-malformed')
  })

  test('attack: the PIN in what a command prints', async () => {
    writeFileSync(at('wrong'), '31313131', { mode: 0o600 })
    await voltseal('key', 'show', token.uri('token=Release;object=release', at('wrong')))
    await voltseal('key', 'show', `${token.uri('token=Release;object=release', null)}&pin-value=${PIN}`)
    await voltseal('key', 'show', `pkcs11:token=Release;pin=${PIN}?pin=${PIN}`)
    assert.ok(printed.length > 20)
    for (const text of printed) assert.doesNotMatch(text, new RegExp(`${PIN}|31313131`))
  })

  test('without pkcs11js the command says what to install, and keys in files work', () => {
    const hook = [
      "import { registerHooks } from 'node:module'",
      'registerHooks({ resolve(name, context, next) {',
      "  if (name === 'pkcs11js') throw Object.assign(new Error('not there'), { code: 'MODULE_NOT_FOUND' })",
      '  return next(name, context)',
      '} })',
    ].join('\n')
    const start = (...argv: string[]) =>
      spawnSync(launcher, [...argv, '--json'], {
        encoding: 'utf8',
        env: { ...process.env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` },
      })
    const refused = start('key', 'show', key())
    assert.equal(JSON.parse(refused.stdout).code, 'pkcs11-support-missing', refused.stderr)
    assert.match(refused.stderr, /compiler, make and python3/)
    assert.equal(start('key', 'generate', at('plain')).status, 0)
  })

  test('at a terminal the PIN is asked for, and what is typed is not shown', async () => {
    const reference = token.uri('token=Release;object=release', null)
    const command = `'${launcher}' key show '${reference}' --json`
    // script gives the program a terminal of its own, and hands over what the terminal shows.
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'])
    let shown = ''
    child.stdout.setEncoding('utf8').on('data', part => {
      const asked = shown.includes('PIN of token Release: ')
      shown += part
      if (!asked && shown.includes('PIN of token Release: ')) child.stdin.write(`x\x7f${PIN}\r`)
    })
    const exit = await new Promise(resolve => child.on('close', resolve))
    assert.equal(exit, 0, shown)
    assert.match(shown, /"alg":"ecdsa-p256"/)
    assert.doesNotMatch(shown, new RegExp(PIN))
  })

  test('nobody at the terminal, or somebody who gives up', async () => {
    const reference = token.uri('token=Release;object=release', null)
    const { json } = await voltseal('key', 'show', reference)
    assert.equal(json.code, 'token-pin-needed')
    const child = spawn('script', [
      '--quiet',
      '--return',
      '--command',
      `'${launcher}' key show '${reference}'`,
      '/dev/null',
    ])
    let shown = ''
    child.stdout.setEncoding('utf8').on('data', part => {
      shown += part
      if (shown.endsWith('PIN of token Release: ')) child.stdin.write('12\x03')
    })
    assert.equal(await new Promise(resolve => child.on('close', resolve)), 77, shown)
    assert.match(shown, /wants a PIN and none was given/)
  })
})
