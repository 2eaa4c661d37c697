import { toHex } from '../../../src/core/encoding/bytes.ts'
import type { Json } from '../../../src/core/encoding/canonical-json.ts'
import { type Cbor, decodeCbor, describe, Tagged } from '../../../src/core/encoding/cbor.ts'
import { readOpenSign1 } from '../../../src/core/encoding/cose.ts'
import type { Crypto } from '../../../src/core/encoding/crypto.ts'
import { wrappedSha256 } from '../../../src/core/firmware/suit-author.ts'
import type { Command, Sequence } from './commands.ts'
import { type Outer, readDigest } from './envelope.ts'
import { ENVELOPE, PARAMETERS } from './labels.ts'
import { LIMITS } from './limits.ts'
import { keyOf, type Manifest } from './manifest.ts'
import { isRefused } from './refusal.ts'
import { readTexts } from './text.ts'

/**
 * An envelope for people and for scripts: everything that was read, by name, and by number where there is no name. Nothing
 * of it was verified, and it says so.
 */
export function showEnvelope(outer: Outer, manifest: Manifest, crypto: Crypto): { [name: string]: Json } {
  const measured = toHex(wrappedSha256(outer.manifest, crypto))
  const named = toHex(outer.digest.bytes)
  return {
    verified: false,
    tagged: outer.tagged,
    digest: { algorithm: algorithm(outer.digest.alg), value: named, holds: measured === named },
    signatures: outer.blocks.map(showBlock),
    sequenceNumber: manifest.sequenceNumber,
    ...(manifest.referenceUri === null ? {} : { referenceUri: manifest.referenceUri }),
    components: manifest.components.map(keyOf),
    ...(manifest.home === null ? {} : { manifestComponent: keyOf(manifest.home) }),
    sequences: showSequences(manifest),
    ...(manifest.text === null ? {} : { text: showText(manifest.text) }),
    payloads: [...outer.payloads].map(([uri, bytes]) => ({
      uri,
      bytes: bytes.length,
      sha256: toHex(crypto.sha256(bytes)),
    })),
    unknown: [...outer.strangers.map(label => `envelope ${ENVELOPE.get(label) ?? label}`), ...manifest.strangers],
  }
}

const algorithm = (label: number): string => (label === -16 ? 'sha-256' : String(label))

function showBlock(bytes: Uint8Array, index: number): Json {
  const block = readOpenSign1(bytes, `signature ${index + 1}`)
  if (isRefused(block)) return { unreadable: block.code, actual: block.actual, bytes: bytes.length }
  return {
    algorithm: block.alg,
    kid: block.kid === null ? null : toHex(block.kid),
    signature: showValue(block.signature),
  }
}

function showSequences(manifest: Manifest): { [name: string]: Json } {
  const out: { [name: string]: Json } = {}
  if (manifest.shared !== null) out.shared = showSequence(manifest.shared)
  for (const [name, part] of manifest.sequences) {
    out[name] = part.at === 'here' ? showSequence(part.part) : { severed: toHex(part.digest.bytes) }
  }
  return out
}

function showText(text: NonNullable<Manifest['text']>): Json {
  if (text.at === 'severed') return { severed: toHex(text.digest.bytes) }
  const texts = readTexts(text.part)
  return isRefused(texts) ? { unreadable: texts.code, actual: texts.actual } : (texts as Json)
}

const showSequence = ({ commands }: Sequence): Json => commands.map(showCommand)

function showCommand(command: Command): Json {
  switch (command.kind) {
    case 'unknown':
      return { command: showValue(command.label), unknown: true, argument: showValue(command.argument) }
    case 'condition':
    case 'directive':
      return { command: command.name, [command.kind]: true, policy: command.policy }
    case 'index':
      return { command: command.name, components: command.index === true ? 'all' : [...command.index] }
    case 'parameters': {
      const named = [...command.parameters].map(([label, value]) => {
        const known = typeof label === 'number' ? PARAMETERS.get(label) : undefined
        return [known?.name ?? String(label), known?.kind === 'digest' ? showDigest(value) : showValue(value)] as const
      })
      return { command: command.name, parameters: Object.fromEntries(named) }
    }
    case 'run-sequence':
      return { command: command.name, sequence: showSequence(command.sequence) }
    case 'try-each':
      return { command: command.name, ways: command.ways.map(way => (way === null ? null : showSequence(way))) }
  }
}

function showDigest(value: Cbor): Json {
  const item = value instanceof Uint8Array ? decodeCbor(value, LIMITS.manifestBytes) : null
  const digest = item instanceof Error ? null : readDigest(item)
  return digest === null ? showValue(value) : `${algorithm(digest.alg)} ${toHex(digest.bytes)}`
}

/** Long byte strings are cut: this is for reading, and the envelope itself is at hand. */
function showValue(value: Cbor): Json {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value
  if (value instanceof Uint8Array) {
    return value.length <= 64 ? toHex(value) : `${toHex(value.subarray(0, 32))}… (${value.length} bytes)`
  }
  if (value instanceof Tagged) return { tag: value.tag, value: showValue(value.value) }
  if (Array.isArray(value)) return (value as readonly Cbor[]).map(showValue)
  if (value instanceof Map) {
    return Object.fromEntries(
      [...(value as ReadonlyMap<number | string, Cbor>)].map(([k, v]) => [String(k), showValue(v)]),
    )
  }
  return describe(value)
}

/** A JSON value as indented lines: "name: value", lists with a dash, small items of a list on one line. */
export function lines(value: Json, indent = ''): string {
  if (typeof value !== 'object' || value === null) return `${plain(value)}\n`
  if (Array.isArray(value)) {
    if (value.length === 0) return 'none\n'
    const items = value.map(item => `${indent}- ${short(item) ?? lines(item, `${indent}  `).trimStart()}`)
    return `\n${items.join('')}`
  }
  const members = Object.entries(value)
  return members.length === 0 ? 'none\n' : `\n${members.map(([name, item]) => member(name, item, indent)).join('')}`
}

/** An item whose members are all plain, when it fits on a line. */
function short(item: Json): string | null {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return null
  const members = Object.entries(item)
  if (!members.every(([, value]) => typeof value !== 'object')) return null
  const line = members.map(([name, value]) => `${plain(name)}: ${plain(value as string)}`).join(', ')
  return line.length <= 110 ? `${line}\n` : null
}

const member = (name: string, item: Json, indent: string): string => {
  const inner = lines(item, `${indent}  `)
  return `${indent}${plain(name)}:${inner.startsWith('\n') ? '' : ' '}${inner}`
}

/** Text of another author goes to a terminal: no control characters, no line breaks. */
const plain = (value: string | number | boolean | null): string =>
  typeof value === 'string'
    ? value.replaceAll(/[\p{C}\u2028\u2029]/gu, sign => `\\u{${sign.codePointAt(0)?.toString(16)}}`)
    : String(value)
