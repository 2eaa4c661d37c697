import { type Cbor, CborFault, type CborMap, decodeCbor, describe } from '../encoding/cbor.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { COMMAND, COUNTER_COMPONENT, IMAGE_COMPONENT, PARAMETER } from './suit-labels.ts'

/**
 * A command sequence is run, not searched: component index and parameters are followed command by command, as the
 * device's processor would, so that what is read here is what would be executed there. Every step is on an allowlist,
 * no parameter is set twice, and the steps of a sequence must come out exactly as the subset says.
 */

export type SequenceName = 'shared' | 'install' | 'validate' | 'invoke'

/** Parameters by component index, as they stand after the sequences that have run. */
export type Parameters = readonly [Map<number, Cbor>, Map<number, Cbor>]

/** Pairs of command and argument in one sequence. */
export const MAX_STEPS = 32
/** Bytes in one sequence. */
export const MAX_SEQUENCE_BYTES = 8192

type Step = `${keyof typeof COMMAND} @${number}`
type Rule = { readonly steps: readonly Step[]; readonly parameters: readonly [readonly number[], readonly number[]] }

const SHARED_PARAMETERS = Object.values(PARAMETER).filter(
  label => label !== PARAMETER.content && label !== PARAMETER.uri,
)

/** What each sequence must do, in order, and which parameters it may set for the image and for the counter. */
const RULES: Readonly<Record<SequenceName, Rule>> = {
  shared: { steps: ['vendorIdentifier @0', 'classIdentifier @0'], parameters: [SHARED_PARAMETERS, []] },
  install: {
    steps: ['fetch @0', 'imageMatch @0', 'write @1'],
    parameters: [[PARAMETER.uri], [PARAMETER.content]],
  },
  validate: { steps: ['imageMatch @0'], parameters: [[], []] },
  invoke: { steps: ['invoke @0'], parameters: [[], []] },
}

/** The parameters that a command reads: they must have been set before it. */
const NEEDS: Readonly<Partial<Record<keyof typeof COMMAND, readonly number[]>>> = {
  vendorIdentifier: [PARAMETER.vendorIdentifier],
  classIdentifier: [PARAMETER.classIdentifier],
  imageMatch: [PARAMETER.imageDigest, PARAMETER.imageSize],
  fetch: [PARAMETER.uri],
  write: [PARAMETER.content],
}

const NAMES: ReadonlyMap<Cbor, keyof typeof COMMAND> = new Map(
  Object.entries(COMMAND).map(([name, label]) => [label, name as keyof typeof COMMAND]),
)

/**
 * Runs one sequence over `parameters`, which it fills. Null when all is as the subset says. Refuses
 * `manifest-malformed`, `manifest-ambiguous`, `manifest-command-not-allowed`, `manifest-parameter-not-allowed`,
 * `manifest-parameter-repeated` and `manifest-steps-wrong`.
 */
export function runSequence(
  name: SequenceName,
  bytes: Cbor | undefined,
  parameters: Parameters,
  subject: string,
): Refusal | null {
  const where = `${subject}, ${name} sequence`
  const commands = readInner(bytes, MAX_SEQUENCE_BYTES, where)
  if (isRefusal(commands)) return commands
  if (!Array.isArray(commands) || commands.length % 2 !== 0 || commands.length > 2 * MAX_STEPS) {
    return malformed(where, `an array of at most ${MAX_STEPS} commands with their arguments`, describe(commands))
  }
  const done: Step[] = []
  let index: number = IMAGE_COMPONENT
  for (let at = 0; at < commands.length; at += 2) {
    const command = NAMES.get(commands[at])
    const argument = commands[at + 1] as Cbor
    if (command === undefined) {
      const allowed = Object.values(COMMAND).join(', ')
      return refuse('manifest-command-not-allowed', where, `one of ${allowed}`, describe(commands[at]), CLAUSE)
    }
    if (command === 'setComponentIndex') {
      if (argument !== IMAGE_COMPONENT && argument !== COUNTER_COMPONENT) {
        return malformed(where, 'component index 0 or 1', describe(argument))
      }
      index = argument
    } else if (command === 'overrideParameters') {
      const refusal = setParameters(RULES[name], index, argument, parameters, where)
      if (refusal !== null) return refusal
    } else {
      if (typeof argument !== 'number' || argument < 0 || argument > 15) {
        return malformed(where, 'a reporting policy from 0 to 15', describe(argument))
      }
      const missing = NEEDS[command]?.find(label => parameters[index as 0 | 1].get(label) === undefined)
      if (missing !== undefined) return malformed(where, `parameter ${missing} before ${command}`, 'no such parameter')
      done.push(`${command} @${index}`)
    }
  }
  const expected = RULES[name].steps.join(', ')
  if (done.join(', ') === expected) return null
  return refuse('manifest-steps-wrong', where, expected, done.join(', ') || 'no steps', CLAUSE)
}

const CLAUSE = 'draft-ietf-suit-manifest-34 §6'

function setParameters(
  rule: Rule,
  index: number,
  argument: Cbor,
  parameters: Parameters,
  where: string,
): Refusal | null {
  if (!(argument instanceof Map)) return malformed(where, 'a map of parameters', describe(argument))
  const allowed = rule.parameters[index as 0 | 1]
  for (const [label, value] of argument as CborMap) {
    if (typeof label !== 'number' || !allowed.includes(label)) {
      const list = allowed.length > 0 ? `one of ${allowed.join(', ')}` : 'no parameter here'
      return refuse('manifest-parameter-not-allowed', where, list, describe(label), CLAUSE)
    }
    if (parameters[index as 0 | 1].has(label)) {
      return refuse('manifest-parameter-repeated', where, `parameter ${label} once`, 'a second value', CLAUSE)
    }
    parameters[index as 0 | 1].set(label, value)
  }
  return null
}

/** Reads the CBOR inside a byte string of the manifest. Refuses `manifest-malformed` and `manifest-ambiguous`. */
export function readInner(bytes: Cbor | undefined, maxBytes: number, where: string): Cbor | Refusal {
  if (!(bytes instanceof Uint8Array)) return malformed(where, 'CBOR in a byte string', describe(bytes))
  const item = decodeCbor(bytes, maxBytes)
  if (!(item instanceof CborFault)) return item
  const code = item.kind === 'ambiguous' ? 'manifest-ambiguous' : 'manifest-malformed'
  return refuse(code, where, `deterministic CBOR of at most ${maxBytes} bytes`, item.message, 'RFC 8949 §4.2.1')
}

export const malformed = (where: string, expected: string, actual: string): Refusal =>
  refuse('manifest-malformed', where, expected, actual, 'draft-ietf-suit-manifest-34 §8')
