import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { isMap, isScalar, isSeq, Lexer, LineCounter, type Node, Parser, parseDocument } from 'yaml'
import { notRead } from '../core/refusal/not-read.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'

const MAX_CONFIG = 1 << 20

/**
 * Reads a YAML or JSON file of at most 1 MiB, as `parseYaml` does. The caller parses the value into a type of its own.
 * Refuses what `readBytes` and `parseYaml` refuse.
 */
export function readConfig(path: string): unknown | Refusal {
  const text = readText(path, MAX_CONFIG)
  if (typeof text !== 'string') return text
  const parsed = parseYaml(text, path)
  return isRefusal(parsed) ? parsed : parsed.value
}

/** A place in a file: line and column, from 1. */
export type FilePlace = { readonly line: number; readonly column: number }

/** A document as it was read: its value, its nodes, and where an offset in its text stands. */
export type ParsedYaml = {
  readonly value: unknown
  readonly contents: ReturnType<typeof parseDocument>['contents']
  readonly placeOf: (offset: number) => FilePlace
}

/**
 * Reads YAML or JSON that says one thing to everybody: YAML 1.2 core schema, whatever version it names (in another one `010`
 * and `no` are other values), no aliases, no tags that are not known, no key twice in whatever spelling. Refuses
 * `config-malformed`, whose subject names line and column.
 */
export function parseYaml(text: string, path: string): ParsedYaml | Refusal {
  const lines = new LineCounter()
  const placeOf = (offset: number): FilePlace => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const malformed = (offset: number, expected: string, actual: string): Refusal => {
    const { line, column } = placeOf(offset)
    return refuse('config-malformed', `${path}:${line}:${column}`, expected, actual.split('\n')[0] ?? '')
  }
  const deep = tooDeep(text, lines)
  if (deep !== null) return malformed(deep, 'well-formed YAML', `more than ${MAX_DEPTH} levels`)
  // The lines are known by now: another counter would be told of each again.
  const document = parseDocument(text, { uniqueKeys: false, strict: true, prettyErrors: false })
  const [fault] = [...document.errors, ...document.warnings]
  if (fault !== undefined) return malformed(fault.pos[0], 'well-formed YAML', fault.message)
  const twice = keyTwice(document.contents)
  if (twice !== null) return malformed(twice, 'well-formed YAML', 'Map keys must be unique')
  const named = document.directives?.yaml
  if (named?.explicit === true && named.version !== '1.2') return malformed(0, 'YAML 1.2', `YAML ${named.version}`)
  try {
    return { value: document.toJS({ maxAliasCount: 0 }) as unknown, contents: document.contents, placeOf }
  } catch (error) {
    return malformed(0, 'YAML without aliases', (error as Error).message)
  }
}

/** Levels that stand in each other. A list of lists of a plan or a site has six. */
const MAX_DEPTH = 64

/**
 * Where a text goes deeper than that; null: nowhere. Asked before it is read: what reads it does so level by level, and a text of ten
 * thousand of them ends the process, which nothing can catch.
 */
function tooDeep(text: string, lines: LineCounter): number | null {
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme)) {
      // What it has read is read again behind it; here, its lines alone are of use.
    }
    // A level is the list or map, and what it hangs on.
    if (parser.stack.length > 2 * MAX_DEPTH) return parser.offset
  }
  return null
}

/**
 * Where the second of two keys of one map stands; null: there are none. As a name in an object, `1` and `"1"` are one key. The library
 * compares each key with all others: of a map of fifty thousand that takes minutes.
 */
function keyTwice(root: Node | null): number | null {
  const left: unknown[] = [root]
  while (left.length > 0) {
    const node = left.pop()
    if (isSeq(node)) left.push(...node.items.toReversed())
    if (!isMap(node)) continue
    const names = new Set<string>()
    for (const { key } of node.items) {
      const name = isScalar(key) ? String(key.value) : null
      if (name !== null && names.has(name)) return (key as Node).range?.[0] ?? 0
      if (name !== null) names.add(name)
    }
    left.push(...node.items.map(({ value }) => value).toReversed())
  }
  return null
}

/** Reads a text file of at most `maxBytes`. Refuses as `readBytes`. */
export function readText(path: string, maxBytes: number): string | Refusal {
  const bytes = readBytes(path, maxBytes)
  return bytes instanceof Uint8Array ? Buffer.from(bytes).toString('utf8') : bytes
}

/**
 * Reads a file of at most `maxBytes`. Refuses: `file-missing`, `file-unreadable`, `file-not-permitted`, `file-too-large`.
 */
export function readBytes(path: string, maxBytes: number): Uint8Array | Refusal {
  try {
    const status = statSync(path)
    // A folder, a device or a pipe has no size that says how much there is to read.
    if (!status.isFile()) return refuse('file-unreadable', path, 'a regular file', 'something else')
    const { size } = status
    if (size > maxBytes) return refuse('file-too-large', path, `at most ${maxBytes} bytes`, `${size} bytes`)
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return refuse('file-missing', path, 'a file', 'none of that name')
    return notRead(path, code ?? (error as Error).message)
  }
}

/**
 * Makes a folder with all that are missing above it. Throws what the system says when one cannot be made, also below
 * `/proc`, where a folder that was just refused is told to be missing: Node.js's own `recursive` asks there for ever.
 */
export function makeFolders(folder: string, mode: number): void {
  const missing: string[] = []
  for (let at = resolve(folder); !existsSync(at); at = dirname(at)) missing.unshift(at)
  for (const at of missing) {
    try {
      mkdirSync(at, { mode })
    } catch (error) {
      // Somebody else may have made it in the meantime.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/**
 * Writes a file whole: a temporary one beside it, synced, then renamed. If power fails before the rename, the old file
 * is there; after it, the new one; never a part. `mode` is set before the first byte. What it throws names `path`.
 */
export function writeWhole(path: string, content: string | Uint8Array, mode = 0o644): void {
  const folder = dirname(path)
  makeFolders(folder, mode & 0o077 ? 0o755 : 0o700)
  const temporary = temporaryOf(path)
  try {
    const file = openSync(temporary, 'w', mode)
    try {
      writeFileSync(file, content)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (error) {
    throw cleared(error, temporary, path)
  }
  const handle = openSync(folder, 'r')
  fsyncSync(handle)
  closeSync(handle)
}

/**
 * Throws what `writeWhole` would say of this place, before somebody does work whose result could not be kept there. `bytes`: so many are
 * written, and taken away again, so that a full disk says so by then.
 */
export function tryWriting(path: string, bytes = 0): void {
  makeFolders(dirname(path), 0o755)
  const temporary = temporaryOf(path)
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
      throw Object.assign(new Error(`EISDIR: is a directory, '${path}'`), { code: 'EISDIR', syscall: 'rename' })
    }
    const file = openSync(temporary, 'w')
    try {
      const piece = new Uint8Array(Math.min(bytes, 1 << 20))
      for (let left = bytes; left > 0; left -= piece.length) writeSync(file, piece, 0, Math.min(left, piece.length))
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    rmSync(temporary)
  } catch (error) {
    throw cleared(error, temporary, path)
  }
}

const temporaryOf = (path: string): string => join(dirname(path), `.${process.pid}.${basename(path)}.tmp`)

/** The error, of the file that a person named. On a full disk what is left of the temporary one would only make that worse. */
function cleared(error: unknown, temporary: string, path: string): Error {
  // Where a file stands in the place of a folder there is nothing to clear away.
  if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') rmSync(temporary, { force: true })
  return Object.assign(error as Error, { path })
}
