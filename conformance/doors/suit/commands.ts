import { type Cbor, CborFault, type CborMap, decodeCbor, describe } from '../../../src/core/encoding/cbor.ts'
import { refuse } from '../../../src/core/refusal/refusal.ts'
import { COMMANDS } from './labels.ts'
import { LIMITS } from './limits.ts'
import { isRefused, type Refused, stop } from './refusal.ts'

/** A command of a sequence, read and not yet run. What no draft read here knows keeps its number and its argument. */
export type Command =
  | { readonly kind: 'condition' | 'directive'; readonly label: number; readonly name: string; readonly policy: number }
  | { readonly kind: 'index'; readonly label: number; readonly name: string; readonly index: true | readonly number[] }
  | { readonly kind: 'parameters'; readonly label: number; readonly name: string; readonly parameters: CborMap }
  | {
      readonly kind: 'try-each'
      readonly label: number
      readonly name: string
      readonly ways: readonly (Sequence | null)[]
    }
  | { readonly kind: 'run-sequence'; readonly label: number; readonly name: string; readonly sequence: Sequence }
  | { readonly kind: 'unknown'; readonly label: Cbor; readonly argument: Cbor }

export type Sequence = { readonly where: string; readonly commands: readonly Command[] }

/** How many commands may still be read of this manifest. */
export type Budget = { commands: number }

const CLAUSE = 'draft-ietf-suit-manifest-34 §8.4.6'

/**
 * Reads a command sequence and those inside it. Numbers without a meaning stay as they are; the shape of what is known must
 * be right. Refuses `manifest-malformed`, `manifest-ambiguous` and `suit-limit`.
 */
export function readSequence(bytes: Cbor | undefined, where: string, budget: Budget, depth = 1): Sequence | Refused {
  if (depth > LIMITS.depth) return stop('suit-limit', where, `sequences ${LIMITS.depth} deep`, 'one more')
  const items = readWrapped(bytes, where)
  if (isRefused(items)) return items
  if (!Array.isArray(items) || items.length === 0 || items.length % 2 !== 0) {
    return malformed(where, 'an array of commands with their arguments', describe(items))
  }
  const commands: Command[] = []
  for (let at = 0; at < items.length; at += 2) {
    budget.commands -= 1
    if (budget.commands < 0) return stop('suit-limit', where, `at most ${LIMITS.commands} commands`, 'more')
    const command = readCommand(items[at] as Cbor, items[at + 1] as Cbor, where, budget, depth)
    if (isRefused(command)) return command
    commands.push(command)
  }
  return { where, commands }
}

function readCommand(label: Cbor, argument: Cbor, where: string, budget: Budget, depth: number): Command | Refused {
  const known = typeof label === 'number' ? COMMANDS.get(label) : undefined
  if (known === undefined) return { kind: 'unknown', label, argument }
  const { name, kind } = known
  const head = { label: label as number, name }
  const at = `${where}, ${name}`
  switch (kind) {
    case 'condition':
    case 'directive':
      if (typeof argument !== 'number' || argument < 0 || argument > 15) {
        return malformed(at, 'a reporting policy from 0 to 15', describe(argument))
      }
      return { kind, ...head, policy: argument }
    case 'index': {
      const index = readIndex(argument)
      return index === null
        ? malformed(at, 'an index, a list of them, or true', describe(argument))
        : { kind, ...head, index }
    }
    case 'parameters':
      if (!(argument instanceof Map)) return malformed(at, 'a map of parameters', describe(argument))
      return { kind, ...head, parameters: argument }
    case 'run-sequence': {
      const sequence = readSequence(argument, at, budget, depth + 1)
      return isRefused(sequence) ? sequence : { kind, ...head, sequence }
    }
    case 'try-each': {
      if (!Array.isArray(argument)) return malformed(at, 'an array of sequences', describe(argument))
      const ways: (Sequence | null)[] = []
      for (const [number, item] of (argument as readonly Cbor[]).entries()) {
        // The empty alternative (nil) comes last: behind it nothing would ever be tried.
        const last = number === (argument as readonly Cbor[]).length - 1
        const way = item === null && last ? null : readSequence(item, `${at}, way ${number + 1}`, budget, depth + 1)
        if (isRefused(way)) return way
        ways.push(way)
      }
      return ways.length === 0 ? malformed(at, 'an alternative', 'none') : { kind, ...head, ways }
    }
  }
}

const isIndex = (item: Cbor): item is number => typeof item === 'number' && item >= 0

function readIndex(item: Cbor): true | readonly number[] | null {
  if (item === true) return true
  if (isIndex(item)) return [item]
  if (!Array.isArray(item) || item.length === 0 || item.length > LIMITS.components) return null
  const list = item as readonly Cbor[]
  return list.every(isIndex) && new Set(list).size === list.length ? (list as readonly number[]) : null
}

/** Reads the CBOR inside a byte string of the manifest. Refuses `manifest-malformed` and `manifest-ambiguous`. */
export function readWrapped(bytes: Cbor | undefined, where: string): Cbor | Refused {
  if (!(bytes instanceof Uint8Array)) return malformed(where, 'CBOR in a byte string', describe(bytes))
  const item = decodeCbor(bytes, LIMITS.manifestBytes)
  if (!(item instanceof CborFault)) return item
  const code = item.kind === 'ambiguous' ? 'manifest-ambiguous' : 'manifest-malformed'
  return refuse(
    code,
    where,
    `deterministic CBOR of at most ${LIMITS.manifestBytes} bytes`,
    item.message,
    'RFC 8949 §4.2.1',
  )
}

export const malformed = (where: string, expected: string, actual: string): Refused =>
  refuse('manifest-malformed', where, expected, actual, CLAUSE)
