import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { makeFolders, readConfig, readText, tryWriting, writeWhole } from '../../src/adapters/config-file.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import { AgentConfig, FIRST_AGENT_CONFIG } from '../../src/wire/agent-config.ts'
import { GatewayConfig, parseConfig } from '../../src/wire/config.ts'

const root = mkdtempSync(join(tmpdir(), 'voltseal-config-'))
const at = (name: string): string => join(root, name)

describe('config files', () => {
  after(() => rmSync(root, { recursive: true, force: true }))

  it('makes folders, and comes back from where none can be made', () => {
    makeFolders(at('one/two/three'), 0o700)
    makeFolders(at('one/two/three'), 0o700)
    assert.deepEqual(
      ['one', 'one/two', 'one/two/three'].map(name => statSync(at(name)).mode & 0o777),
      [0o700, 0o700, 0o700],
    )
    assert.throws(() => writeWhole('/proc/voltseal/a.json', 'x'), /ENOENT|EACCES|EPERM|EROFS/)
  })

  it('reads YAML and JSON', () => {
    writeFileSync(at('a.yaml'), 'kind: x\nnumbers: [1, 2]\n')
    writeFileSync(at('a.json'), '{"kind":"x","numbers":[1,2]}')
    for (const name of ['a.yaml', 'a.json']) assert.deepEqual(readConfig(at(name)), { kind: 'x', numbers: [1, 2] })
  })

  for (const [name, text, code] of [
    ['a key twice', 'a: 1\na: 2\n', 'config-malformed'],
    ['an alias, which could be a bomb', 'a: &a [x, x]\nb: [*a, *a]\n', 'config-malformed'],
    ['broken YAML', 'a: [1, 2\n', 'config-malformed'],
    ['two documents', 'a: 1\n---\nb: 2\n', 'config-malformed'],
    ['a key twice in two spellings', '1: a\n"1": b\n', 'config-malformed'],
    ['a version of YAML in which 010 is eight', '%YAML 1.1\n---\na: 010\n', 'config-malformed'],
    ['a tag that nobody knows', 'a: !!js/function "x"\n', 'config-malformed'],
    ['more levels than there is room for', '['.repeat(20_000), 'config-malformed'],
    ['more than a config ever is', `a: ${'x'.repeat(1 << 20)}`, 'file-too-large'],
  ] as const) {
    it(`attack: ${name}: ${code}`, () => {
      writeFileSync(at('bad.yaml'), text)
      const refusal = readConfig(at('bad.yaml'))
      assert.ok(isRefusal(refusal))
      const [place] = /:\d+:\d+$/.exec(refusal.subject) ?? ['']
      assert.deepEqual([refusal.code, refusal.subject], [code, `${at('bad.yaml')}${place}`])
      assert.equal(place === '', code === 'file-too-large', 'with line and column')
      assert.ok(!refusal.actual.includes('\n'))
    })
  }

  it('a file that is not there, and one that is a folder', () => {
    mkdirSync(at('folder'))
    for (const [name, code] of [
      ['nowhere', 'file-missing'],
      ['folder', 'file-unreadable'],
    ] as const) {
      const refusal = readText(at(name), 100)
      assert.ok(isRefusal(refusal) && refusal.code === code)
    }
  })

  it('writes a file whole, with its mode, and leaves nothing beside it', () => {
    for (const content of ['old', 'new and longer']) writeWhole(at('keys/secret'), content, 0o600)
    assert.equal(readFileSync(at('keys/secret'), 'utf8'), 'new and longer')
    assert.equal(statSync(at('keys/secret')).mode & 0o777, 0o600)
    assert.equal(statSync(at('keys')).mode & 0o777, 0o700)
    assert.deepEqual(readdirSync(at('keys')), ['secret'])
  })

  it('names the file that it was given when it cannot be written, and leaves nothing behind', () => {
    mkdirSync(at('places/folder'), { recursive: true })
    writeFileSync(at('places/file'), '')
    for (const write of [(path: string) => writeWhole(path, 'x'), tryWriting]) {
      for (const [name, code] of [
        ['places/folder', 'EISDIR'],
        ['places/file/inside', 'ENOTDIR'],
      ] as const) {
        assert.throws(() => write(at(name)), { code, path: at(name) })
      }
      assert.deepEqual(readdirSync(at('places')).sort(), ['file', 'folder'])
    }
    tryWriting(at('places/new'))
    tryWriting(at('places/file'))
    assert.deepEqual(readdirSync(at('places')).sort(), ['file', 'folder'])
  })

  const config = {
    kind: 'voltseal-gateway',
    site: 'quay',
    fleet: { url: 'https://127.0.0.1:8443' },
    listen: { host: '127.0.0.1', port: 8444 },
    pollMillis: 1000,
    maxRestarting: 1,
    log: 'info',
  }

  it('a config of the right form is itself', () => {
    assert.deepEqual(parseConfig<GatewayConfig>(GatewayConfig, config, 'gateway.yaml'), config)
  })

  for (const [name, change, where] of [
    ['an unknown field', { insecure: true }, /^only kind, site, .* in the file$/],
    ['a word where a number stands', { pollMillis: 'often' }, /pollMillis/],
    ['a port that is none', { listen: { host: 'x', port: 70_000 } }, /listen\/port/],
    ['a site with a path in its name', { site: '../reef' }, /site/],
    ['a plain address of the fleet', { fleet: { url: 'http://127.0.0.1' } }, /fleet\/url/],
    ['another kind of config', { kind: 'voltseal-fleet' }, /kind/],
  ] as const) {
    it(`${name} is named: config-malformed`, () => {
      const refusal = parseConfig<GatewayConfig>(GatewayConfig, { ...config, ...change }, 'gateway.yaml')
      assert.ok(isRefusal(refusal))
      assert.deepEqual([refusal.code, refusal.subject], ['config-malformed', 'gateway.yaml'])
      assert.match(refusal.expected, where)
    })
  }
})

describe('a slip of the pen in agent.yaml', () => {
  const http = { kind: 'http', url: 'http://localhost/', timeoutMillis: 1 }
  const rows: readonly (readonly [name: string, change: object, expected: string | RegExp, actual: string])[] = [
    ['another name', { probes: undefined, probe: {} }, 'probes in the file', 'a field probe'],
    [
      'a field too many',
      { probe: {} },
      'only kind, application, probes, trial, reportMillis, patches, watchdogMillis, watchdogDevice, runtime in the file',
      'a field probe',
    ],
    ['a field too few', { probes: undefined }, 'a field probes', 'none'],
    [
      'a kind of probe that there is not',
      { probes: { alive: { kind: 'heartbeet', withinMillis: 1 } } },
      'probes/alive/kind to be command, http, heartbeat, figure',
      'heartbeet',
    ],
    ['no kind', { probes: { alive: {} } }, 'probes/alive/kind to be command, http, heartbeat, figure', 'nothing'],
    [
      'another name in a probe',
      { probes: { alive: { kind: 'heartbeat', withinMilis: 1 } } },
      'withinMillis in probes/alive',
      'a field withinMilis',
    ],
    [
      'a word where a number stands in a probe',
      { probes: { alive: { kind: 'heartbeat', withinMillis: '5s' } } },
      'probes/alive/withinMillis to be integer',
      'a text',
    ],
    [
      'an address elsewhere',
      { probes: { web: { ...http, url: 'http://10.0.0.1/' } } },
      /^probes\/web\/url to /,
      'a text',
    ],
    [
      'a secret that is no text',
      { application: { ...FIRST_AGENT_CONFIG.application, environment: { TOKEN: ['secret'] } } },
      'application/environment/TOKEN to be string',
      'a list',
    ],
    ['another file', { kind: 'voltseal-fleet' }, 'kind to be equal to constant (voltseal-agent)', 'a text'],
  ]
  for (const [name, change, expected, actual] of rows) {
    it(`${name} is told where it stands`, () => {
      const refusal = parseConfig<AgentConfig>(AgentConfig, { ...FIRST_AGENT_CONFIG, ...change }, 'agent.yaml')
      assert.ok(isRefusal(refusal))
      if (typeof expected === 'string') assert.equal(refusal.expected, expected)
      else assert.match(refusal.expected, expected)
      assert.equal(refusal.actual, actual)
    })
  }
})
