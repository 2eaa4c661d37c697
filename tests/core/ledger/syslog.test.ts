import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { fromUtf8, utf8 } from '../../../src/core/encoding/bytes.ts'
import { canonicalJson } from '../../../src/core/encoding/canonical-json.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { type AuditEntry, entryBytes } from '../../../src/core/ledger/entry.ts'
import { type EntryKind, entryKinds } from '../../../src/core/ledger/entry-kinds.ts'
import { numberOf, SEVERITIES, SEVERITY_OF_KIND, severityOf } from '../../../src/core/ledger/severity.ts'
import {
  EXAMPLE_ENTERPRISE,
  entryMessage,
  frame,
  gapMessage,
  LEAST_MAX_BYTES,
  type SyslogFormat,
} from '../../../src/core/ledger/syslog.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { type RefusalCode, registry } from '../../../src/core/refusal/registry.ts'
import { FrameReader, type Heard, readMessage } from '../../worlds/syslog-reader.ts'
import { ENTRY } from './entry-sample.ts'

const FORMAT: SyslogFormat = {
  log: 'quay.example/fleet',
  host: 'fleet.example',
  enterprise: EXAMPLE_ENTERPRISE,
  maxBytes: 8192,
}
const OURS = `voltseal@${EXAMPLE_ENTERPRISE}`
const KINDS = Object.keys(entryKinds) as EntryKind[]

const bytesOf = (entry: AuditEntry): Uint8Array => orThrow(entryBytes(entry))
const heardOf = (entry: AuditEntry, index = 7, format = FORMAT): Heard =>
  readMessage(entryMessage(crypto, format, index, bytesOf(entry)))
const ours = (heard: Heard): ReadonlyMap<string, string> => heard.data.get(OURS)!
/** Written out, and not with our own code. */
const leafOf = (bytes: Uint8Array): string =>
  createHash('sha256')
    .update(Buffer.from([0]))
    .update(bytes)
    .digest('hex')

const ENDS = { kind: 'entry', item: 'ab'.repeat(32), head: 'cd'.repeat(32) } as const

describe('an entry as a syslog message', () => {
  test('says what it is, when, and how grave, where every receiver looks for it', () => {
    const text = fromUtf8(entryMessage(crypto, FORMAT, 1041, bytesOf(ENTRY)))
    const leaf = leafOf(bytesOf(ENTRY))
    assert.equal(
      text,
      '<110>1 2026-09-21T14:13:20.000Z fleet.example voltseal - controller-confirmed ' +
        `[voltseal@32473 log="quay.example/fleet" index="1041" leaf="${leaf}" actorKind="controller" ` +
        `actor="harbour/bms-1" key="0a1b2c3d" site="harbour" controller="bms-1" campaign="spring" ` +
        `release="${'ab'.repeat(32)}" changeRequest="CHG-1042" clock="synchronised"]` +
        `[timeQuality tzKnown="1" isSynced="1"] \ufeff${fromUtf8(bytesOf(ENTRY))}`,
    )
  })

  test('its text is the entry as the log has it, byte for byte, and its leaf is that of the log', () => {
    const heard = heardOf(ENTRY)
    assert.deepEqual(Buffer.from(heard.msg!), Buffer.from(bytesOf(ENTRY)))
    assert.equal(ours(heard).get('leaf'), leafOf(heard.msg!))
    assert.equal(ours(heard).has('bytes'), false)
  })

  test('says where an entry of a gateway was written first, and what its clock was worth', () => {
    const origin = { ...ENDS, gateway: 'quay-gateway', sequence: 12 }
    const heard = heardOf({ ...ENTRY, origin, clock: 'free' })
    assert.deepEqual([ours(heard).get('gateway'), ours(heard).get('sequence')], ['quay-gateway', '12'])
    assert.equal(ours(heard).get('clock'), 'free')
    assert.equal(heard.data.get('timeQuality')?.get('isSynced'), '0')
  })

  test('times: fractions, the epoch, the last one that can be written, and one that cannot', () => {
    for (const [at, said] of [
      [0, '1970-01-01T00:00:00.000Z'],
      [1_790_000_000_007, '2026-09-21T14:13:20.007Z'],
      [Date.UTC(9999, 11, 31, 23, 59, 59, 999), '9999-12-31T23:59:59.999Z'],
      [Date.UTC(10_000, 0), '-'],
    ] as const) {
      assert.equal(heardOf({ ...ENTRY, at: instant(at) }).timestamp, said)
    }
  })

  test('every kind of entry, with every code, is a message that can be read', () => {
    for (const kind of KINDS) assert.equal(heardOf({ ...ENTRY, kind }).msgid, kind, 'MSGID holds the kind, whole')
    for (const code of Object.keys(registry) as RefusalCode[])
      assert.equal(ours(heardOf({ ...ENTRY, code })).get('code'), code)
  })

  test('what was drawn comes back out, whatever stands in it, and never longer than it may be', () => {
    const line = (most: number) =>
      fc
        .string({
          unit: fc.constantFrom('a', '"', '\\', ']', '[', ' ', '=', 'é', '漢', '😀', '\ufeff', '<', '>'),
          minLength: 1,
        })
        .map(text => text.slice(0, most).toWellFormed())
    const entries = fc.record({
      kind: fc.constantFrom(...KINDS),
      site: line(128),
      controller: line(128),
      campaign: line(128),
      changeRequest: line(120),
      actor: line(128),
      texts: fc.array(line(4000), { maxLength: 4 }),
      repeat: fc.integer({ min: 0, max: 3 }),
    })
    const limits = fc.constantFrom(LEAST_MAX_BYTES, 3000, 8192, 131_072)
    fc.assert(
      fc.property(entries, limits, fc.nat(), (drawn, maxBytes, index) => {
        const { kind, site, controller, campaign, changeRequest, actor, texts, repeat } = drawn
        const detail = {
          texts: texts.map(text =>
            text
              .repeat(40 ** repeat)
              .slice(0, 4000)
              .toWellFormed(),
          ),
        }
        const entry: AuditEntry = {
          ...ENTRY,
          ...{ kind, site, controller, campaign, changeRequest, detail },
          actor: { kind: 'oem', id: actor },
        }
        const bytes = bytesOf(entry)
        const message = entryMessage(crypto, { ...FORMAT, maxBytes }, index, bytes)
        assert.ok(message.length <= maxBytes, `${message.length} bytes`)
        const heard = readMessage(message)
        assert.deepEqual([...heard.data.keys()], [OURS, 'timeQuality'])
        assert.equal(ours(heard).get('index'), String(index))
        assert.equal(ours(heard).get('leaf'), leafOf(bytes))
        const whole = heard.msg !== null && Buffer.from(bytes).equals(heard.msg)
        assert.equal(ours(heard).get('bytes'), whole ? undefined : String(bytes.length))
        if (ours(heard).has('site')) {
          assert.deepEqual([ours(heard).get('site'), ours(heard).get('actor')], [site, actor])
        } else assert.equal(heard.msg, null)
      }),
      { seed: 6, numRuns: 300 },
    )
  })

  test('one that is too long comes without its details, and one of which even that is too long, as its place and hash', () => {
    const detail = { list: Array.from({ length: 14 }, () => 'x'.repeat(4000)) }
    const entry = { ...ENTRY, detail }
    const bytes = bytesOf(entry)
    const cut = heardOf(entry)
    const { detail: _, ...rest } = JSON.parse(Buffer.from(bytes).toString()) as AuditEntry
    assert.deepEqual(JSON.parse(cut.msg!.toString()), rest)
    assert.equal(ours(cut).get('bytes'), String(bytes.length))
    assert.equal(ours(cut).get('leaf'), leafOf(bytes), 'of the entry, not of what is left of it')

    const wide = '漢'.repeat(128)
    const wider = { controller: wide, campaign: wide, origin: { ...ENDS, gateway: wide, sequence: 1 } }
    const head = { ...entry, ...wider, site: wide, actor: { kind: 'oem', id: wide } } as const
    const no = heardOf(head, 7, { ...FORMAT, maxBytes: 3000 })
    assert.deepEqual([no.msg, ours(no).get('site')], [null, wide])
    const least = heardOf(head, 7, { ...FORMAT, maxBytes: LEAST_MAX_BYTES })
    assert.equal(least.msg, null)
    assert.deepEqual([...ours(least).keys()], ['log', 'index', 'leaf', 'bytes'])
    // A receiver that takes everything is given everything.
    assert.deepEqual(heardOf(head, 7, { ...FORMAT, maxBytes: 131_072 }).msg, Buffer.from(bytesOf(head)))
  })

  const BREAKS = [
    '"] [evil@1 x="y',
    ']\n<0>1 - - - - - forged',
    '\\',
    '\\"',
    '\\]',
    'a"b]c\\d',
    '5 <0>1 ',
    '\u0000\u0007\u001b[31m',
    '\r\n',
    '\u2028\u2029\u0085',
    '\ufeff',
    '\u202e',
  ]

  test('attack: words in an entry that end the structured data or begin another message', () => {
    for (const words of BREAKS) {
      // No entry can hold a control character outside of its details, and there it is made a space.
      const name = words.replaceAll(/\p{Cc}|[\u2028\u2029]/gu, '') || 'x'
      const entry: AuditEntry = {
        ...ENTRY,
        site: name,
        controller: name,
        campaign: name,
        changeRequest: name,
        code: name,
        actor: { kind: 'oem', id: name },
        origin: { ...ENDS, gateway: name, sequence: 1 },
        detail: { [words]: words, deep: [{ words }] },
      }
      const message = entryMessage(crypto, FORMAT, 7, bytesOf(entry))
      const heard = readMessage(message)
      assert.deepEqual([...heard.data.keys()], [OURS, 'timeQuality'], words)
      for (const key of ['site', 'controller', 'campaign', 'changeRequest', 'code', 'actor', 'gateway']) {
        assert.equal(ours(heard).get(key), name, `${key}: ${words}`)
      }
      assert.equal(heard.severity, 4)
      // Nowhere a byte at which a receiver that goes by lines would begin another one.
      assert.ok(!message.some(byte => byte < 0x20 || byte === 0x7f), words)
      const reader = new FrameReader()
      reader.take(frame(message))
      assert.deepEqual(reader.messages, [Buffer.from(message)])
    }
  })

  test('attack: the name of the log or the host ends what it stands in', () => {
    for (const words of BREAKS) {
      const format = { ...FORMAT, log: words, host: words }
      const heard = heardOf(ENTRY, 7, format)
      assert.equal(ours(heard).get('log'), words.replaceAll(/\p{Cc}|[\u2028\u2029]/gu, ' '))
      assert.equal(heard.msgid, 'controller-confirmed')
      assert.equal(readMessage(gapMessage(format, 1, 2, instant(0))).msgid, 'siem-gap')
    }
  })

  test('attack: an entry that cannot be read, with another message inside', () => {
    const forged = '\n<104>1 - - - - intrusion-signal [voltseal@32473 index="9"]'
    const bytes = [
      utf8(forged),
      new Uint8Array([0xff, 0xfe]),
      new Uint8Array(0),
      canonicalJson({ v: 1, kind: 'of-tomorrow', forged }),
      utf8(`{"v":1,"kind":"log-opened","detail":{"a":"${forged}"}}`),
      new Uint8Array(200_000).fill(10),
    ]
    for (const one of bytes) {
      const message = entryMessage(crypto, FORMAT, 9, one)
      const heard = readMessage(message)
      assert.deepEqual([heard.msgid, heard.severity, heard.timestamp], ['entry-unreadable', 2, '-'])
      assert.equal(ours(heard).get('leaf'), leafOf(one), 'it can be found in the log')
      assert.equal(ours(heard).get('index'), '9')
      assert.match(ours(heard).get('code') ?? '', /^entry-/)
      assert.ok(message.length < LEAST_MAX_BYTES && !message.includes(10))
    }
  })

  test('a gap is told from where to where', () => {
    const heard = readMessage(gapMessage(FORMAT, 10, 4019, instant(0)))
    assert.deepEqual(
      [...ours(heard)],
      [
        ['log', FORMAT.log],
        ['first', '10'],
        ['last', '4019'],
      ],
    )
    assert.equal(heard.severity, 3)
  })

  test('frames are read back, however the stream is cut', () => {
    const entries = [ENTRY, { ...ENTRY, detail: { text: '漢😀'.repeat(300) } }, { ...ENTRY, site: 'é' }]
    const messages = entries.map((entry, index) => entryMessage(crypto, FORMAT, index, bytesOf(entry)))
    const stream = Buffer.concat(messages.map(frame))
    for (const size of [1, 7, 64, stream.length]) {
      const reader = new FrameReader()
      for (let at = 0; at < stream.length; at += size) reader.take(stream.subarray(at, at + size))
      assert.deepEqual(
        reader.messages,
        messages.map(message => Buffer.from(message)),
      )
    }
  })
})

describe('severities', () => {
  test('every kind has one, and nothing else has', () => {
    assert.deepEqual(Object.keys(SEVERITY_OF_KIND).sort(), KINDS.toSorted())
    for (const severity of Object.values(SEVERITY_OF_KIND)) assert.ok(SEVERITIES.includes(severity))
  })

  test('a code makes an entry graver by what one does about it, and never lighter', () => {
    for (const kind of KINDS) {
      const own = numberOf(severityOf({ kind }))
      for (const code of Object.keys(registry) as RefusalCode[]) {
        const added = { retry: 6, refuse: 4, halt: 2 }[registry[code].action]
        assert.equal(numberOf(severityOf({ kind, code })), Math.min(own, added), `${kind} ${code}`)
      }
      assert.equal(numberOf(severityOf({ kind, code: 'code-of-tomorrow' })), Math.min(own, 4))
    }
  })

  test('numbers are those of RFC 5424', () => {
    assert.deepEqual(SEVERITIES.map(numberOf), [0, 1, 2, 3, 4, 5, 6, 7])
    assert.equal(numberOf('alert'), 1)
  })
})
