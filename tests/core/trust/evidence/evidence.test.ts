import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { nodeCrypto } from '../../../../src/adapters/crypto-node.ts'
import { toBase64, utf8 } from '../../../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow } from '../../../../src/core/refusal/refusal.ts'
import {
  dsseSigners,
  MAX_DSSE_BYTES,
  MAX_DSSE_SIGNATURES,
  preAuthentication,
  readDsse,
} from '../../../../src/core/trust/evidence/dsse.ts'
import { judgeEvidence, NO_POLICY, type PublishPolicy } from '../../../../src/core/trust/evidence/judge.ts'
import { readProvenance, STATEMENT_PAYLOAD, writeProvenance } from '../../../../src/core/trust/evidence/provenance.ts'
import { MAX_SBOM_BYTES, MAX_SBOM_COMPONENTS, readSbom } from '../../../../src/core/trust/evidence/sbom.ts'
import { keyOf, NOW } from '../simulated-repository.ts'
import {
  BUILDER,
  bill,
  builderKey,
  by,
  component,
  DIGEST,
  foreign,
  json,
  OTHER,
  RELEASE,
  STRICT,
  sealed,
  sha256,
  statement,
  strangerKey,
} from './statements.ts'

const codeOf = (value: unknown): string => (isRefusal(value) ? `${value.code} (${value.actual})` : 'taken')

describe('a bill of materials', () => {
  test('is read: what it is of, how much it lists on all levels, which digests', () => {
    const inner = component('inner', {
      hashes: [...sha256(OTHER.toUpperCase()), { alg: 'MD5', content: 'ab'.repeat(16) }],
    })
    const read = orThrow(readSbom(json(bill({ components: [component('outer', { components: [inner] })] })), 'bill'))
    assert.deepEqual(read, {
      specVersion: '1.6',
      subject: { name: 'bms', version: '1.4.0', digests: new Set([DIGEST]) },
      components: 2,
      digests: new Set([OTHER]),
    })
  })

  test('of every version from 1.4 to 1.7, with fractions in what is not read, and without what may be left out', () => {
    for (const specVersion of ['1.4', '1.5', '1.6', '1.7']) {
      const scored = bill({ specVersion, vulnerabilities: [{ ratings: [{ score: 9.8 }, { score: 1e-3 }] }] })
      assert.equal(orThrow(readSbom(json(scored), 'bill')).specVersion, specVersion)
    }
    const bare = orThrow(readSbom(json({ bomFormat: 'CycloneDX', specVersion: '1.5' }), 'bill'))
    assert.deepEqual([bare.subject, bare.components], [null, 0])
  })

  test('as @cyclonedx/cyclonedx-library 10.3.0 writes it, in each version', () => {
    for (const version of ['1.4', '1.5', '1.6', '1.7']) {
      const bytes = readFileSync(join(import.meta.dirname, 'written-by-library', `${version}.cdx`))
      const read = orThrow(readSbom(new Uint8Array(bytes), version))
      assert.deepEqual([read.specVersion, read.components, read.digests.size], [version, 3, 0])
      assert.deepEqual([read.subject?.name, read.subject?.version, read.subject?.digests.size], ['bms', '1.4.0', 1])
    }
  })

  const nested = (levels: number): object =>
    Array.from({ length: levels }).reduce<object>(inner => component('c', { components: [inner] }), component('c'))
  const many = Array.from({ length: MAX_SBOM_COMPONENTS / 2 + 1 }, () => component('c'))
  const twice = '{"bomFormat":"CycloneDX","specVersion":"1.6","components":[],"components":[]}'
  const refused: readonly (readonly [name: string, bytes: Uint8Array, says: RegExp])[] = [
    ['attack: a bill that is too large', new Uint8Array(MAX_SBOM_BYTES + 1).fill(0x20), /16777217 bytes/],
    ['attack: a bill nested too deeply', json(bill({ components: [nested(20)] })), /levels/],
    ['attack: deep nesting where nothing is read', utf8(`{"x":${'['.repeat(1_000_000)}`), /levels/],
    ['attack: duplicate JSON keys in a bill', utf8(twice), /"components" twice/],
    [
      'attack: a component whose name steers the terminal',
      json(bill({ components: [component('zephyr\u001b[2J\u001b]0;root\u0007')] })),
      /zephyr/,
    ],
    [
      'attack: a subject whose version is two lines',
      json(bill({ metadata: { component: component('a', { version: '1\n2' }) } })),
      /1/,
    ],
    [
      'more components than are read',
      json(bill({ components: [component('c', { components: many }), ...many] })),
      /more/,
    ],
    ['a bill of another format', json(bill({ bomFormat: 'SPDX' })), /SPDX/],
    ['a version that is not known', json(bill({ specVersion: '1.3' })), /1\.3/],
    ['a component without a name', json(bill({ components: [{ type: 'library' }] })), /nothing/],
    ['a component that is none', json(bill({ components: [null] })), /null/],
    ['components that are no list', json(bill({ components: {} })), /object/],
    ['a serial number that is none', json(bill({ serialNumber: 'urn:uuid:7' })), /urn:uuid:7/],
    ['XML', utf8('<bom xmlns="http://cyclonedx.org/schema/bom/1.6"/>'), /not JSON/],
  ]
  for (const [name, bytes, says] of refused) {
    test(name, () => {
      const read = readSbom(bytes, 'bill')
      assert.ok(isRefusal(read) && read.code === 'sbom-malformed', codeOf(read))
      assert.match(read.actual, says)
    })
  }
})

describe('a DSSE envelope', () => {
  const payload = json(statement())

  test('verifies with the example of the protocol, which others have signed', () => {
    const point = (decimal: string): string => BigInt(decimal).toString(16).padStart(64, '0')
    const spki = Uint8Array.fromHex(
      `3059301306072a8648ce3d020106082a8648ce3d03010703420004${point(
        '46950820868899156662930047687818585632848591499744589407958293238635476079160',
      )}${point('5640078356564379163099075877009565129882514886557779369047442380624545832820')}`,
    )
    const sig = 'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=='
    const type = 'http://example.com/HelloWorld'
    const message = preAuthentication(type, utf8('hello world'))
    assert.deepEqual(message, utf8('DSSEv1 29 http://example.com/HelloWorld 11 hello world'))
    const dsse = orThrow(readDsse(foreign(type, utf8('hello world'), [{ sig }]), 'example'))
    const keys = [{ kid: 'example', key: { alg: 'ecdsa-p256', spki } }] as const
    assert.deepEqual(dsseSigners(dsse, keys, nodeCrypto), ['example'])
  })

  test('counts a key once, whatever the hints say, in both forms of ECDSA, and in both alphabets of base64', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const key = keyOf(privateKey, 'ecdsa-p256')
    const message = preAuthentication(STATEMENT_PAYLOAD, payload)
    const forms = (['der', 'ieee-p1363'] as const).map(dsaEncoding => {
      const sig = sign('sha256', message, { key: privateKey, dsaEncoding }).toString('base64')
      return { keyid: 'somebody', sig: sig.replaceAll('+', '-').replaceAll('/', '_') }
    })
    for (const signatures of [forms.slice(0, 1), forms.slice(1), forms]) {
      const dsse = orThrow(readDsse(foreign(STATEMENT_PAYLOAD, payload, signatures), 'e'))
      assert.deepEqual(dsseSigners(dsse, [{ kid: 'ours', key: key.key }], nodeCrypto), ['ours'])
    }
  })

  test('attack: a signature over another payload type, or over the payload alone', () => {
    const keys = [{ kid: 'ours', key: builderKey.key }]
    const other = by(builderKey, payload, 'text/plain')
    const bare = { sig: toBase64(sign(null, payload, builderKey.secret)) }
    for (const signature of [{ sig: toBase64(other.sig) }, bare]) {
      const dsse = orThrow(readDsse(foreign(STATEMENT_PAYLOAD, payload, [signature]), 'e'))
      assert.deepEqual(dsseSigners(dsse, keys, nodeCrypto), [])
    }
  })

  const sig = { sig: 'AAAA' }
  const text = (members: string): Uint8Array => utf8(`{"payloadType":"a/b","payload":"",${members}}`)
  const refused: readonly (readonly [name: string, bytes: Uint8Array, says: RegExp])[] = [
    ['attack: an envelope that is too large', new Uint8Array(MAX_DSSE_BYTES + 1).fill(0x20), /1048577 bytes/],
    ['attack: duplicate JSON keys in an envelope', text('"signatures":[],"signatures":[]'), /twice/],
    [
      'attack: signatures without end',
      foreign('a/b', payload, new Array(MAX_DSSE_SIGNATURES + 1).fill(sig)),
      /list of 17/,
    ],
    ['base64 that another reader would read otherwise', text('"signatures":[{"sig":"AB=="}]'), /something else/],
    ['a type that is two lines', foreign('a\nb', payload, [sig]), /a/],
    ['no payload', json({ payloadType: 'a/b', signatures: [] }), /nothing/],
  ]
  for (const [name, bytes, says] of refused) {
    test(name, () => {
      const read = readDsse(bytes, 'envelope')
      assert.ok(isRefusal(read) && read.code === 'dsse-malformed', codeOf(read))
      assert.match(read.actual, says)
    })
  }
})

describe('a provenance statement', () => {
  const read = (written: unknown, type = STATEMENT_PAYLOAD) => {
    const payload = written instanceof Uint8Array ? written : json(written)
    return readProvenance({ payloadType: type, payload, signatures: [] }, 'statement')
  }

  test('that is written here comes out as it went in, and says no more than is known', () => {
    const payload = writeProvenance({
      subjects: [{ name: 'bms/1.4.0/payload.bin', sha256: DIGEST }],
      inputs: [{ name: 'bms.bin', sha256: OTHER }],
      parameters: { class: 'bms' },
      builder: BUILDER,
      at: NOW,
    })
    assert.deepEqual(orThrow(read(payload)), {
      subjects: ['bms/1.4.0/payload.bin'],
      digests: new Set([DIGEST]),
      builder: BUILDER,
      buildType: 'urn:voltseal:build:release-create:1',
    })
    assert.deepEqual(Object.keys(JSON.parse(new TextDecoder().decode(payload)).predicate.runDetails.metadata), [
      'finishedOn',
    ])
  })

  const predicate = statement().predicate as object
  const refused: readonly (readonly [name: string, written: unknown, says: RegExp, type?: string])[] = [
    ['of another type', statement(), /text\/plain/, 'text/plain'],
    ['of an older kind', statement({ _type: 'https://in-toto.io/Statement/v0.1' }), /v0\.1/],
    ['with another predicate', statement({ predicateType: 'https://slsa.dev/provenance/v0.2' }), /v0\.2/],
    ['about nothing', statement({ subject: [] }), /list of 0/],
    ['with a digest that is none', statement({ subject: [{ digest: { sha256: 'ab' } }] }), /ab/],
    ['by nobody', statement({ predicate: { ...predicate, runDetails: { builder: {} } } }), /nothing/],
    [
      'attack: a builder that looks like another',
      statement({
        predicate: { ...predicate, runDetails: { builder: { id: 'https://build.voltworks\u200b.example' } } },
      }),
      /build\.voltworks/,
    ],
    ['attack: duplicate JSON keys in a statement', utf8('{"subject":[],"subject":[]}'), /twice/],
  ]
  for (const [name, written, says, type] of refused) {
    test(`${name}: provenance-malformed`, () => {
      const answer = read(written, type)
      assert.ok(isRefusal(answer) && answer.code === 'provenance-malformed', codeOf(answer))
      assert.match(answer.actual, says)
    })
  }
})

describe('the judgement', () => {
  const good = { sbom: json(bill()), provenance: sealed(statement(), builderKey) }
  const ask = (change: Partial<typeof good | Record<keyof typeof good, null>>, policy = STRICT, release = RELEASE) =>
    judgeEvidence({ ...good, ...change }, release, policy, nodeCrypto)

  test('of good evidence: how it belongs to the image, who built it, who signed', () => {
    const { sbom, provenance } = orThrow(ask({}))
    assert.deepEqual([sbom?.match, sbom?.components], ['digest', 2])
    assert.deepEqual([provenance?.builder, provenance?.signers], [BUILDER, ['b'.repeat(64)]])
    assert.deepEqual(provenance?.claimed, ['a key without a name'])
  })

  const of = (subject: object): Uint8Array => json(bill({ metadata: { component: subject } }))
  const lax: PublishPolicy = { ...STRICT, demand: [] }
  const rows: readonly (readonly [string, string, Parameters<typeof ask>[0], PublishPolicy?])[] = [
    ['attack: a demand that is met by leaving the bill out', 'evidence-missing', { sbom: null }],
    ['attack: a demand that is met by leaving the statement out', 'evidence-missing', { provenance: null }],
    [
      'attack: a bill of another image',
      'sbom-wrong-subject',
      { sbom: of(component('bms', { version: '1.4.0', hashes: sha256(OTHER) })) },
    ],
    [
      'attack: a bill of another image, nobody having demanded one',
      'sbom-wrong-subject',
      { sbom: of(component('bms', { hashes: sha256(OTHER) })) },
      lax,
    ],
    ['a bill of another version', 'sbom-wrong-subject', { sbom: of(component('bms', { version: '1.3.0' })) }],
    ['a bill that does not say what it is of', 'sbom-subject-unstated', { sbom: of(component('bms')) }],
    ['a bill that is of nothing at all', 'sbom-subject-unstated', { sbom: json(bill({ metadata: {} })) }],
    [
      'attack: provenance of another image',
      'provenance-wrong-subject',
      { provenance: sealed(statement({ subject: [{ digest: { sha256: OTHER } }] }), builderKey) },
    ],
    [
      'attack: provenance with the image’s digest under another algorithm',
      'provenance-wrong-subject',
      { provenance: sealed(statement({ subject: [{ digest: { sha512: DIGEST } }] }), builderKey) },
    ],
    ['attack: provenance that nobody has signed', 'provenance-unsigned', { provenance: sealed(statement()) }],
    [
      'attack: provenance that nobody has signed, nobody having demanded it',
      'provenance-unsigned',
      { provenance: sealed(statement()) },
      lax,
    ],
    [
      'attack: provenance signed by a foreign key',
      'provenance-signers-unknown',
      { provenance: sealed(statement(), strangerKey) },
    ],
    [
      'attack: provenance signed by a foreign key, nobody having demanded it',
      'provenance-signers-unknown',
      { provenance: sealed(statement(), strangerKey) },
      lax,
    ],
    [
      'attack: a statement changed after it was signed',
      'provenance-signers-unknown',
      {
        provenance: foreign(STATEMENT_PAYLOAD, json(statement({ extra: 1 })), [
          { sig: toBase64(by(builderKey, json(statement())).sig) },
        ]),
      },
    ],
    [
      'a builder that the fleet does not take',
      'provenance-builder-unknown',
      {
        provenance: sealed(
          statement({
            predicate: { buildDefinition: { buildType: 'a:b' }, runDetails: { builder: { id: `${BUILDER}/x` } } },
          }),
          builderKey,
        ),
      },
    ],
    [
      'attack: an unknown signer’s statement is not read',
      'provenance-signers-unknown',
      { provenance: sealed({ nonsense: 1 }, strangerKey) },
    ],
  ]
  for (const [name, code, change, policy] of rows) {
    test(`${name}: ${code}`, () => {
      const answer = ask(change, policy)
      assert.ok(isRefusal(answer) && answer.code === code, codeOf(answer))
      assert.match(answer.subject, /^bms\/1\.4\.0\/envelope\.suit/)
    })
  }

  test('without a policy nothing has to be there, and a bill may leave its subject out', () => {
    assert.deepEqual(orThrow(ask({ sbom: null, provenance: null }, NO_POLICY)), { sbom: null, provenance: null })
    assert.equal(orThrow(ask({ sbom: json(bill({ metadata: {} })) }, NO_POLICY)).sbom?.match, 'unstated')
    assert.deepEqual(orThrow(ask({ provenance: sealed(statement(), strangerKey) }, NO_POLICY)).provenance?.signers, [])
  })

  test('a bill by its version alone: as most tools make it, build metadata aside', () => {
    for (const version of ['1.4.0', '1.4.0+g1a2b3c'])
      assert.equal(orThrow(ask({ sbom: of(component('bms', { version })) })).sbom?.match, 'version')
  })

  describe('of images that move together', () => {
    const [app, afe, inner] = ['a1', 'a2', 'a3'].map(byte => byte.repeat(32)) as [string, string, string]
    const group = {
      ...RELEASE,
      digests: {
        whole: DIGEST,
        parts: [
          { name: 'app', digests: [app, inner] },
          { name: 'afe', digests: [afe] },
        ],
      },
    }
    const about = (...digests: string[]) =>
      sealed(statement({ subject: digests.map(sha256 => ({ digest: { sha256 } })) }), builderKey)
    const listing = (...digests: string[]) =>
      json(bill({ metadata: {}, components: digests.map(digest => component('c', { hashes: sha256(digest) })) }))

    test('a statement names the whole, or every one: also what lies inside a wrapped image', () => {
      for (const provenance of [about(DIGEST), about(app, afe), about(inner, afe, OTHER)])
        assert.ok(!isRefusal(ask({ sbom: json(bill()), provenance }, STRICT, group)))
    })

    test('attack: a statement about all but one of them: provenance-wrong-subject', () => {
      for (const provenance of [about(app), about(afe), about(inner, OTHER)]) {
        const answer = ask({ sbom: json(bill()), provenance }, STRICT, group)
        assert.ok(isRefusal(answer) && answer.code === 'provenance-wrong-subject', codeOf(answer))
      }
    })

    test('a bill lists every one among its components, or does not say what it is of', () => {
      const provenance = about(DIGEST)
      assert.equal(orThrow(ask({ sbom: listing(app, afe), provenance }, STRICT, group)).sbom?.match, 'digest')
      assert.equal(
        codeOf(ask({ sbom: listing(app), provenance }, STRICT, group)).split(' ')[0],
        'sbom-subject-unstated',
      )
    })

    test('a payload that nobody can look into is named whole', () => {
      const sealedPayload = { ...group, digests: { whole: DIGEST, parts: [] } }
      assert.equal(
        codeOf(ask({ sbom: json(bill()), provenance: about() }, STRICT, sealedPayload)).split(' ')[0],
        'provenance-malformed',
      )
      assert.equal(
        codeOf(ask({ sbom: json(bill()), provenance: about(app, afe) }, STRICT, sealedPayload)).split(' ')[0],
        'provenance-wrong-subject',
      )
      assert.ok(!isRefusal(ask({ provenance: about(DIGEST) }, STRICT, sealedPayload)))
    })
  })
})
