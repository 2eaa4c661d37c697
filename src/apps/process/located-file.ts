import { isMap, isPair, isScalar, isSeq, type Node, type Pair } from 'yaml'
import { type FilePlace, parseYaml, readText } from '../../adapters/config-file.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'

/** A YAML or JSON file that remembers where each of its parts stands. */
export type LocatedFile = {
  readonly value: unknown
  /** Where a part stands, by a path such as `waves[2].take.count`; of one that is not there, the nearest that is. */
  readonly placeOf: (path: string) => FilePlace
}

const MAX_FILE = 8 << 20

/**
 * Reads a YAML or JSON file of at most 8 MiB, as `parseYaml` does. Refuses `file-missing`, `file-unreadable`,
 * `file-too-large`, and what `parseYaml` refuses.
 */
export function readLocated(path: string): LocatedFile | Refusal {
  const text = readText(path, MAX_FILE)
  return isRefusal(text) ? text : locatedText(text, path)
}

/** Reads YAML or JSON that came as a text; `path` is what it is called. Refuses what `parseYaml` refuses. */
export function locatedText(text: string, path: string): LocatedFile | Refusal {
  const parsed = parseYaml(text, path)
  if (isRefusal(parsed)) return parsed
  const { value, contents, placeOf } = parsed
  return { value, placeOf: part => placeOf(offsetOf(contents, stepsOf(part))) }
}

/** `waves[2].take["odd name"]` as its steps. */
function stepsOf(path: string): readonly (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"…?\]|([^.[\]]+)/g)].map(([, index, quoted, plain]) =>
    index === undefined ? (quoted ?? plain ?? '') : Number(index),
  )
}

/** Where the last step that is there begins: a member by its name, an item by itself. */
function offsetOf(root: Node | null, steps: readonly (string | number)[]): number {
  let offset = root?.range?.[0] ?? 0
  let node: unknown = root
  for (const step of steps) {
    if (isMap(node)) {
      const pair = node.items.find((item): item is Pair => isPair(item) && nameOf(item) === String(step))
      if (pair === undefined) return offset
      offset = (pair.key as Node | null)?.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(step)]
      if (node === undefined) return offset
      offset = (node as Node).range?.[0] ?? offset
    } else return offset
  }
  return offset
}

const nameOf = ({ key }: Pair): string => String(isScalar(key) ? key.value : key)

/**
 * A refusal of what a file says, with line and column of the place that it names at its end (` at waves[2].take`). One that
 * names no place stays as it is.
 */
export function locate(refusal: Refusal, path: string, file: LocatedFile): Refusal {
  const [, at] = / at ((?:[^\s"]|"(?:[^"\\]|\\.)*")+)$/.exec(refusal.actual) ?? []
  if (at === undefined) return refusal
  const { line, column } = file.placeOf(at)
  const subject = refusal.subject === path ? '' : `, ${refusal.subject}`
  return { ...refusal, subject: `${path}:${line}:${column}${subject}` }
}
