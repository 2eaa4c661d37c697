import type { KeyAlgorithm } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { parseEncryption, SEGMENT_LIMITS } from './encryption.ts'
import { CHUNK_LIMITS, MAX_COMPONENTS, parseChunks, parseComponents } from './payload.ts'
import type { Dependency, HealthSpec, ReleaseFacts, Transition } from './release-facts.ts'
import { COUNTER_NAME } from './suit-labels.ts'
import { compareVersions, parseVersion, type Version } from './version.ts'

/** Bounds of a release's facts: the same for who writes a manifest and for who reads one. */
export const LIMITS = {
  vendorLength: 128,
  nameLength: 64,
  componentLength: 32,
  hardware: 16,
  dependencies: 16,
  probes: 32,
  /** 2^32 - 1: sequence numbers, counters and bootloader versions are 32 bits in the boot record. */
  word: 0xffffffff,
  imageBytes: 64 * 1024 * 1024,
  /** A public key of a transition, in SubjectPublicKeyInfo: ML-DSA-65 takes 1974. */
  keyBytes: 2048,
  /** A day, in milliseconds. */
  windowMillis: 86_400_000,
} as const

const NAME = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i
const DNS_NAME = /^(?=.{1,128}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/
const DIGEST = /^[0-9a-f]{64}$/

type Fields = { readonly [Name in Exclude<keyof ReleaseFacts, 'encryption'>]: unknown } & {
  readonly encryption?: unknown
}

/**
 * Reads facts from untrusted fields: types, bounds, no repeated names, an ordered bootloader range. `subject` names what
 * they were read from. Refuses `release-fact-invalid` and `version-malformed`.
 */
export function parseFacts(fields: Fields, subject: string): ReleaseFacts | Refusal {
  const wrong = (name: string, expected: string, actual: unknown): Refusal =>
    refuse('release-fact-invalid', `${subject}, ${name}`, expected, show(actual))
  const { vendor, imageSize, imageDigest, sequence, counter } = fields
  if (typeof vendor !== 'string' || !DNS_NAME.test(vendor)) {
    return wrong('vendor', 'a lower-case DNS name such as voltworks.example', vendor)
  }
  if (!isName(fields.class)) return wrong('class', NAME_RULE, fields.class)
  if (!isNames(fields.hardware, 1, LIMITS.hardware)) {
    return wrong('hardware', `1 to ${LIMITS.hardware} different names of hardware revisions`, fields.hardware)
  }
  const version = parseVersion(fields.version, `${subject}, version`)
  if (isRefusal(version)) return version
  if (!isWhole(sequence, 1, LIMITS.word)) return wrong('sequence number', 'a whole number from 1 to 2^32-1', sequence)
  if (!isWhole(counter, 0, LIMITS.word)) return wrong('security counter', 'a whole number from 0 to 2^32-1', counter)
  if (!isWhole(imageSize, 1, LIMITS.imageBytes)) {
    return wrong('image size', `1 to ${LIMITS.imageBytes} bytes`, imageSize)
  }
  if (typeof imageDigest !== 'string' || !DIGEST.test(imageDigest)) {
    return wrong('image digest', 'a SHA-256 in lower-case hex', imageDigest)
  }
  const components = parseComponents(fields.components, imageSize, isComponentName)
  if (components === null) return wrong('components', COMPONENTS_RULE, fields.components)
  const chunks = parseChunks(fields.chunks, components)
  if (chunks === null) return wrong('chunks', CHUNKS_RULE, fields.chunks)
  const bootloader = parseBootloader(fields.bootloader)
  if (bootloader === null) return wrong('bootloader', 'a range of whole numbers, min not above max', fields.bootloader)
  const dependencies = parseDependencies(fields.dependencies, subject)
  if (isRefusal(dependencies)) return dependencies
  const health = parseHealth(fields.health)
  if (health === null) {
    return wrong('health', `a window of 1 to ${LIMITS.windowMillis} ms and different probe names`, fields.health)
  }
  const transition = parseTransition(fields.transition)
  if (transition === undefined) {
    return wrong('transition', 'a key to add, or the id of a key to retire', fields.transition)
  }
  const encryption = parseEncryption(fields.encryption)
  if (encryption === undefined) return wrong('encryption', ENCRYPTION_RULE, fields.encryption)
  return {
    vendor,
    class: fields.class,
    hardware: fields.hardware,
    version,
    sequence,
    counter,
    components,
    imageSize,
    imageDigest,
    chunks,
    bootloader,
    dependencies,
    health,
    transition,
    encryption,
  }
}

const NAME_RULE = `a name of 1 to ${LIMITS.nameLength} letters, digits, dots, hyphens and underscores`

const COMPONENTS_RULE = `1 to ${MAX_COMPONENTS} names of at most ${LIMITS.componentLength} characters, each once, not "${COUNTER_NAME}", with sizes that come to the image's`
const CHUNKS_RULE = `at most ${CHUNK_LIMITS.count} digests of 16 bytes, one for each chunk of a power of two of bytes`

const ENCRYPTION_RULE = `segments of a power of two from ${SEGMENT_LIMITS.minBytes} to ${SEGMENT_LIMITS.maxBytes} bytes, the digest of the ciphertext, the check of the key`

function parseBootloader(value: unknown): { min: number; max: number } | null {
  const { min, max } = members(value)
  return isWhole(min, 0, LIMITS.word) && isWhole(max, min, LIMITS.word) ? { min, max } : null
}

function parseDependencies(value: unknown, subject: string): readonly Dependency[] | Refusal {
  const wrong = (expected: string, actual: unknown): Refusal =>
    refuse('release-fact-invalid', `${subject}, dependencies`, expected, show(actual))
  if (!Array.isArray(value) || value.length > LIMITS.dependencies) {
    return wrong(`at most ${LIMITS.dependencies} dependencies`, value)
  }
  const out: Dependency[] = []
  for (const item of value) {
    const fields = members(item)
    const name = fields.class
    if (!isName(name) || out.some(other => other.class === name)) return wrong('each class once, by name', item)
    const min = parseVersion(fields.min, `${subject}, dependency on ${name}`)
    if (isRefusal(min)) return min
    let below: Version | undefined
    if (fields.below !== undefined) {
      const parsed = parseVersion(fields.below, `${subject}, dependency on ${name}`)
      if (isRefusal(parsed)) return parsed
      if (compareVersions(min, parsed) >= 0) return wrong('a minimum older than its upper bound', item)
      below = parsed
    }
    out.push(below === undefined ? { class: name, min } : { class: name, min, below })
  }
  return out
}

function parseHealth(value: unknown): HealthSpec | null {
  const { windowMillis, probes } = members(value)
  if (!isWhole(windowMillis, 1, LIMITS.windowMillis) || !isNames(probes, 0, LIMITS.probes)) return null
  return { windowMillis, probes }
}

const ALGORITHMS = ['ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ml-dsa-65'] as const satisfies readonly KeyAlgorithm[]

/** Null for none, undefined for one that cannot be read. */
function parseTransition(value: unknown): Transition | null | undefined {
  if (value === null || value === undefined) return null
  const { kind, kid, alg, spki } = members(value)
  if (!isKid(kid)) return undefined
  if (kind === 'retire') return { kind, kid }
  const known = ALGORITHMS.find(name => name === alg)
  if (kind !== 'add' || known === undefined || typeof spki !== 'string') return undefined
  if (spki.length > 2 * LIMITS.keyBytes || !/^(?:[0-9a-f]{2})+$/.test(spki)) return undefined
  return { kind, kid, alg: known, spki }
}

const isKid = (value: unknown): value is string => typeof value === 'string' && DIGEST.test(value)

const isComponentName = (value: unknown): value is string =>
  isName(value) && value.length <= LIMITS.componentLength && value !== COUNTER_NAME

function isWhole(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LIMITS.nameLength && NAME.test(value)
}

function isNames(value: unknown, min: number, max: number): value is readonly string[] {
  if (!Array.isArray(value) || value.length < min || value.length > max) return false
  return value.every(isName) && new Set(value).size === value.length
}

const members = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

const show = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 80)
