import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { inflateNode } from '../../../src/adapters/inflate-node.ts'
import { packZip } from '../../../src/adapters/zip-files.ts'
import { sameBytes, utf8 } from '../../../src/core/encoding/bytes.ts'
import { canonicalJson, type Json } from '../../../src/core/encoding/canonical-json.ts'
import { Misfit } from '../../../src/core/encoding/shape.ts'
import { readZip, unpack } from '../../../src/core/encoding/zip.ts'
import { noWitness } from '../../../src/core/ledger/log-policy.ts'
import { clausesJson, readClauses } from '../../../src/core/ledger/pack/clauses.ts'
import { eventsJson, MAX_EVENTS, readEvents } from '../../../src/core/ledger/pack/events.ts'
import { PACK_LIMITS, STATED } from '../../../src/core/ledger/pack/layout.ts'
import { manifestBytes, readManifest } from '../../../src/core/ledger/pack/manifest.ts'
import { select } from '../../../src/core/ledger/pack/selection.ts'
import { type PackVerdict, verifyPack } from '../../../src/core/ledger/pack/verify.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import { logKey } from '../../core/ledger/keys.ts'
import { campaignEntries, MADE, packOf, STANDARD, zipOf } from '../../worlds/evidence-log.ts'
import type { Draw } from '../draw.ts'
import type { Target } from '../input.ts'
import { hold, outcomeOf, TAKEN } from '../outcome.ts'

/** Evidence packs, which come from strangers: the ZIP file, what lies in it, and the whole verification. */

const ENTRIES = campaignEntries({ sites: 1, controllers: 1, months: 1 })
const CITED = select(
  {},
  ENTRIES.map((entry, index) => [index, entry] as const),
)
const PACK = await packOf({ entries: ENTRIES })

const zip: Target = {
  name: 'zip',
  form: { of: 'fields', grow: draw => packZip(new Map([['grown', utf8('x'.repeat(draw.below(400)))]]), MADE) },
  limit: PACK_LIMITS.bytes,
  share: 3,
  seeds: [
    packZip(
      new Map([
        ['one', utf8('1')],
        ['two.txt', utf8('2 '.repeat(50))],
      ]),
      MADE,
    ),
    packZip(new Map([['proofs/000000001.tlog-proof', utf8('')]]), MADE),
  ],
  words: ['PK\u0001\u0002', 'PK\u0003\u0004', 'PK\u0005\u0006', 'one', '../x'],
  read: bytes => {
    const read = readZip(bytes, PACK_LIMITS)
    if (!Array.isArray(read)) return `${read.why}: ${read.expected.replaceAll(/\d+/g, '#').slice(0, 50)}`
    const files = new Map(read.map(member => [member.name, unpack(member, inflateNode)]))
    hold(files.size === read.length, 'a second file of a name')
    for (const { name, size } of read) hold((files.get(name)?.length ?? size) === size, 'a file of another size')
    return [...files.values()].includes(null) ? 'not unpacked' : TAKEN
  },
}

const events: Target = {
  name: 'pack-events',
  form: { of: 'lines' },
  limit: MAX_EVENTS * 70_000,
  share: 2,
  seeds: [eventsJson(CITED.slice(0, 4)), eventsJson([])],
  words: ['{"entry":', '"index":0', '"why":"asked"', ',\n', '[\n', '\n]\n'],
  read: bytes => {
    const read = readEvents(bytes)
    if (isRefusal(read)) return outcomeOf(read)
    hold(read.length === 0 || sameBytes(eventsJson(read), bytes), 'events with a second spelling')
    return TAKEN
  },
}

const manifest: Target = {
  name: 'pack-manifest',
  form: { of: 'json', spelling: 'canonical' },
  limit: 4 * 1024 * 1024,
  share: 2,
  seeds: [PACK.get('pack.json') as Uint8Array],
  words: ['voltseal-evidence-pack', '2026-01-01T00:00:00Z', '-1', '9007199254740993', '__proto__'],
  read: bytes => {
    const read = readManifest(bytes)
    if (isRefusal(read)) return outcomeOf(read)
    hold(sameBytes(manifestBytes(read), bytes), 'a statement with a second spelling')
    return TAKEN
  },
}

const clauses: Target = {
  name: 'pack-clauses',
  form: { of: 'json', spelling: 'canonical' },
  limit: 8 * 1024 * 1024,
  share: 1,
  seeds: [canonicalJson(clausesJson([STANDARD], new Map()))],
  words: ['missing', 'shown', 'met', 'docs/x', 'tests/x'],
  read: bytes => {
    let value: unknown
    try {
      value = JSON.parse(new TextDecoder().decode(bytes))
    } catch {
      return 'no JSON'
    }
    const read = readClauses(value)
    if (read instanceof Misfit) return read.expected.replaceAll(/\d+/g, '#').slice(0, 50)
    const again = readClauses(clausesJson(read.standards, new Map()) as Json)
    hold(!(again instanceof Misfit), 'standards that are not read again')
    return TAKEN
  },
}

const WHOLE = zipOf(PACK)

/** A pack with a few other bytes, anywhere. */
function damaged(zip: Uint8Array, draw: Draw): Uint8Array {
  const bytes = zip.slice()
  for (let many = 1 + draw.below(3); many > 0; many -= 1) bytes[draw.below(bytes.length)] = draw.below(256)
  return bytes
}

const pack: Target = {
  name: 'pack',
  form: { of: 'fields', grow: draw => damaged(WHOLE, draw) },
  limit: PACK_LIMITS.bytes,
  share: 1,
  seeds: [WHOLE],
  words: ['PK\u0001\u0002', 'pack.json', 'events.json', 'seal.tlog-proof'],
  read: bytes => {
    const verifying = verifyPack(crypto, bytes, inflateNode, { policy: noWitness(logKey(1)), eventsOnly: false })
    let step = verifying.next()
    while (!step.done) step = verifying.next()
    const { sound, findings, proven, events: cited }: PackVerdict = step.value
    if (!sound) return findings.map(({ code }) => code)[0] ?? 'nothing found, and not sound'
    // The log sealed it: whatever was done to the bytes, what they hold is what was packed.
    const read = readZip(bytes, PACK_LIMITS)
    hold(Array.isArray(read), 'a pack that is no ZIP file')
    const files = new Map((Array.isArray(read) ? read : []).map(one => [one.name, unpack(one, inflateNode)]))
    for (const name of STATED) {
      const [was, is] = [PACK.get(name), files.get(name)]
      hold(was !== undefined && is !== undefined && is !== null && sameBytes(was, is), `another ${name}`)
    }
    hold(proven === cited.length && proven === ENTRIES.length, 'an event that is not proven')
    return TAKEN
  },
}

export const PACKS: readonly Target[] = [zip, events, manifest, clauses, pack]
