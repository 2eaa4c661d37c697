import { type Cbor, describe, Tagged } from '../../../src/core/encoding/cbor.ts'
import { refuse } from '../../../src/core/refusal/refusal.ts'
import { type Command, malformed, readWrapped, type Sequence } from './commands.ts'
import { readDigest } from './envelope.ts'
import { COMMANDS, PARAMETER, PARAMETERS, type ParameterKind, SHA256_ALG } from './labels.ts'
import { LIMITS } from './limits.ts'
import type { Manifest } from './manifest.ts'
import { isRefused, type Refused, stop } from './refusal.ts'

/**
 * What may run. The whole manifest is judged before its first command runs, also the ways that will not be taken: a device
 * that finds out in the middle that it does not know a command has already done half of them.
 */

const CLAUSE = 'draft-ietf-suit-manifest-34 §6'
const SET_PARAMETERS = 19

/**
 * Whether all of a manifest is on the allowlist, with arguments of the right shape. Refuses `manifest-member-not-allowed`,
 * `manifest-command-not-allowed`, `manifest-parameter-not-allowed`, `manifest-malformed`, `manifest-ambiguous`,
 * `suit-parameter-misplaced` and `suit-digest-unknown`.
 */
export function allowed(manifest: Manifest): Refused | null {
  if (manifest.strangers.length > 0) {
    const actual = manifest.strangers.join(', ').slice(0, 80)
    return refuse('manifest-member-not-allowed', 'manifest', 'members that this processor knows', actual, CLAUSE)
  }
  const { shared, components } = manifest
  const here = [...manifest.sequences.values()].flatMap(part => (part.at === 'here' ? [part.part] : []))
  for (const sequence of shared === null ? here : [shared, ...here]) {
    // Draft §6.2: with several components it must be said which one is meant.
    const [first] = sequence.commands
    if (components.length > 1 && first?.kind !== 'index') {
      return malformed(sequence.where, 'set-component-index first, with several components', nameOf(first))
    }
    const refused = sequenceAllowed(sequence, { shared: sequence === shared, nested: false, count: components.length })
    if (refused !== null) return refused
  }
  return null
}

type Place = { readonly shared: boolean; readonly nested: boolean; readonly count: number }

const nameOf = (command: Command | undefined): string =>
  command === undefined ? 'nothing' : command.kind === 'unknown' ? describe(command.label) : command.name

function sequenceAllowed({ where, commands }: Sequence, place: Place): Refused | null {
  for (const command of commands) {
    const refused = commandAllowed(command, where, place)
    if (refused !== null) return refused
  }
  return null
}

function commandAllowed(command: Command, where: string, place: Place): Refused | null {
  switch (command.kind) {
    case 'unknown': {
      const known = `one of ${[...COMMANDS.keys()].join(', ')}`
      return refuse('manifest-command-not-allowed', where, known, describe(command.label), CLAUSE)
    }
    case 'condition':
      return null
    case 'directive':
      // Draft §5.3.2: the shared sequence runs before each of the others, so it may change nothing but parameters.
      if (!place.shared) return null
      return refuse(
        'manifest-command-not-allowed',
        where,
        'no side effect in the shared sequence',
        command.name,
        CLAUSE,
      )
    case 'index': {
      const beyond = command.index === true ? undefined : command.index.find(index => index >= place.count)
      return beyond === undefined ? null : malformed(where, `an index below ${place.count}`, String(beyond))
    }
    case 'parameters':
      return parametersAllowed(command.parameters, command.label, where, place)
    case 'run-sequence':
      return sequenceAllowed(command.sequence, { ...place, nested: true })
    case 'try-each': {
      for (const way of command.ways) {
        const refused = way === null ? null : sequenceAllowed(way, { ...place, nested: true })
        if (refused !== null) return refused
      }
      return null
    }
  }
}

function parametersAllowed(
  parameters: ReadonlyMap<number | string, Cbor>,
  command: number,
  where: string,
  place: Place,
): Refused | null {
  for (const [label, value] of parameters) {
    const known = typeof label === 'number' ? PARAMETERS.get(label) : undefined
    if (known === undefined) {
      const list = `one of ${[...PARAMETERS.keys()].join(', ')}`
      return refuse('manifest-parameter-not-allowed', where, list, describe(label), CLAUSE)
    }
    const at = `${where}, ${known.name}`
    const refused = valueAllowed(value, known.kind, at)
    if (refused !== null) return refused
    if (label === PARAMETER.strictOrder && value !== true) {
      return refuse(
        'manifest-parameter-not-allowed',
        at,
        'strict order: commands run one after another',
        'false',
        CLAUSE,
      )
    }
    if (label === PARAMETER.softFailure && !place.nested) {
      return stop('suit-parameter-misplaced', at, 'soft failure inside try-each or run-sequence', 'it outside of them')
    }
    if (label === PARAMETER.imageDigest && command === SET_PARAMETERS) {
      return stop('suit-parameter-misplaced', at, 'a digest by override-parameters', 'it by set-parameters')
    }
    if (label === PARAMETER.sourceComponent && (value as number) >= place.count) {
      return malformed(at, `an index below ${place.count}`, String(value))
    }
  }
  return null
}

const UUID_BYTES = 16
/** A private enterprise number as a relative OID (RFC 9090), instead of a vendor's UUID. */
const OID_TAG = 112

function valueAllowed(value: Cbor, kind: ParameterKind, at: string): Refused | null {
  const fits = ((): boolean => {
    switch (kind) {
      case 'uuid':
        return value instanceof Uint8Array && value.length === UUID_BYTES
      case 'vendor': {
        const number = value instanceof Tagged && value.tag === OID_TAG ? value.value : null
        if (number !== null) return number instanceof Uint8Array && number.length <= UUID_BYTES
        return value instanceof Uint8Array && value.length === UUID_BYTES
      }
      case 'number':
        return typeof value === 'number' && value >= 0 && value <= LIMITS.imageBytes
      case 'truth':
        return typeof value === 'boolean'
      case 'text':
        return typeof value === 'string' && value.length > 0 && value.length <= 1024
      case 'bytes':
      case 'digest':
        return value instanceof Uint8Array
    }
  })()
  if (!fits) return malformed(at, `a value of kind ${kind}`, describe(value))
  if (kind !== 'digest') return null
  const item = readWrapped(value, at)
  if (isRefused(item)) return item
  const digest = readDigest(item)
  if (digest === null) return malformed(at, 'a digest: algorithm and bytes', describe(item))
  if (digest.alg === SHA256_ALG && digest.bytes.length === 32) return null
  return stop(
    'suit-digest-unknown',
    at,
    `SHA-256 (${SHA256_ALG}) and 32 bytes`,
    `${digest.alg}, ${digest.bytes.length} bytes`,
  )
}

/** What the draft says a processor should look for (§6.2), and does not ask for: said, not refused. */
export function warnings({ shared }: Manifest): readonly string[] {
  const names = new Set<string>()
  const walk = ({ commands }: Sequence): void => {
    for (const command of commands) {
      if (command.kind === 'condition') names.add(command.name)
      else if (command.kind === 'run-sequence') walk(command.sequence)
      else if (command.kind === 'try-each') for (const way of command.ways) if (way !== null) walk(way)
    }
  }
  if (shared !== null) walk(shared)
  return ['vendor-identifier', 'class-identifier']
    .filter(name => !names.has(name))
    .map(name => `the shared sequence does not check the ${name}`)
}
