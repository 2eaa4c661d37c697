import { getHeapStatistics } from 'node:v8'
import { inputOf, type Target } from './input.ts'

/**
 * What one reading may cost. Work: the processor time of this thread, in microseconds; a reading that took longer is done
 * again, and the quickest of several counts, so that a collection of garbage or a busy machine is no finding. Memory: all
 * that was allocated on the way, in bytes, also what was let go again: more than there ever was at once. The allowance
 * beside the part for each byte covers what the engine allocates in advance.
 */
export const BOUNDS = {
  micros: 20_000,
  microsPerByte: 1,
  bytes: 4 * 1024 * 1024,
  bytesPerByte: 2048,
  /** For an input above the limit of its reader: it is refused for its size, at most after it was made a text. */
  bytesAboveLimit: 1024 * 1024,
  bytesPerByteAboveLimit: 4,
} as const

export type FindingKind = 'crash' | 'slow' | 'memory' | 'hang'
export type Finding = { readonly kind: FindingKind; readonly what: string }

/** What one reading came to. `micros` and `allocated` are as measured, the first by the wall. */
export type Ran = {
  readonly outcome: string
  readonly micros: number
  readonly allocated: number
  readonly finding: Finding | null
}

/** Heap and buffers that this thread has allocated since it began, in bytes. */
function allocatedNow(): number {
  const { total_allocated_bytes: heap, external_memory: external } = getHeapStatistics() as ReturnType<
    typeof getHeapStatistics
  > & { readonly total_allocated_bytes: number }
  return heap + external
}

/** Reads one input within the bounds. */
export function runOne(target: Target, bytes: Uint8Array): Ran {
  const before = allocatedNow()
  const began = performance.now()
  let outcome: string
  try {
    outcome = target.read(bytes)
  } catch (error) {
    return { outcome: 'crash', micros: 0, allocated: 0, finding: { kind: 'crash', what: crashText(error) } }
  }
  const micros = (performance.now() - began) * 1000
  const allocated = allocatedNow() - before
  const large = bytes.length > target.limit
  const most = large
    ? BOUNDS.bytesAboveLimit + BOUNDS.bytesPerByteAboveLimit * bytes.length
    : BOUNDS.bytes + BOUNDS.bytesPerByte * bytes.length
  if (allocated > most) {
    const again = quickest(() => measured(target, bytes), 3)
    if (again > most) {
      const what = `${again} bytes allocated for an input of ${bytes.length}; ${most} are allowed`
      return { outcome, micros, allocated, finding: { kind: 'memory', what } }
    }
  }
  const longest = BOUNDS.micros + BOUNDS.microsPerByte * bytes.length
  if (micros > longest) {
    const again = quickest(() => processorTime(target, bytes), 3)
    if (again > longest) {
      const what = `${Math.round(again)} µs of processor for an input of ${bytes.length} bytes; ${longest} are allowed`
      return { outcome, micros, allocated, finding: { kind: 'slow', what } }
    }
  }
  return { outcome, micros, allocated, finding: null }
}

function quickest(measure: () => number, times: number): number {
  return Math.min(...Array.from({ length: times }, measure))
}

function measured(target: Target, bytes: Uint8Array): number {
  const before = allocatedNow()
  target.read(bytes)
  return allocatedNow() - before
}

function processorTime(target: Target, bytes: Uint8Array): number {
  const before = process.threadCpuUsage()
  target.read(bytes)
  const { user, system } = process.threadCpuUsage(before)
  return user + system
}

/** The name and the first line of what was thrown, without what differs from input to input. */
function crashText(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${String(error).slice(0, 200)}`
  return `${error.name}: ${error.message.split('\n')[0]?.slice(0, 200)}`
}

/** A finding with all that it takes to see it again. */
export type Found = Finding & { readonly target: string; readonly seed: number; readonly smallest: Uint8Array | null }

/** What a stretch of seeds came to. */
export type Tally = {
  inputs: number
  bytes: number
  /** How often each outcome was. */
  readonly outcomes: Map<string, number>
  /** The dearest input: microseconds, and bytes allocated for each byte of an input of at least 1 KiB. */
  slowest: { seed: number; micros: number }
  hungriest: { seed: number; perByte: number }
  readonly found: Found[]
}

export const emptyTally = (): Tally => ({
  inputs: 0,
  bytes: 0,
  outcomes: new Map(),
  slowest: { seed: -1, micros: 0 },
  hungriest: { seed: -1, perByte: 0 },
  found: [],
})

/** Where in an unreadable stretch it stands: told before each input, for whoever watches. */
export type Watch = (seed: number) => void

/** Findings of one target after which it is left alone. */
export const ENOUGH = 3

/** Runs the inputs of the seeds from `from` on, until there are findings enough. */
export function runMany(target: Target, from: number, count: number, watch: Watch = () => {}, enough = ENOUGH): Tally {
  const tally = emptyTally()
  for (let seed = from; seed < from + count && tally.found.length < enough; seed += 1) {
    watch(seed)
    const bytes = inputOf(target, seed)
    const { outcome, micros, allocated, finding } = runOne(target, bytes)
    tally.inputs += 1
    tally.bytes += bytes.length
    tally.outcomes.set(outcome, (tally.outcomes.get(outcome) ?? 0) + 1)
    if (micros > tally.slowest.micros) tally.slowest = { seed, micros }
    const perByte = bytes.length < 1024 ? 0 : allocated / bytes.length
    if (perByte > tally.hungriest.perByte) tally.hungriest = { seed, perByte }
    if (finding === null) continue
    const smallest = smallestOf(target, bytes, finding, () => watch(seed))
    tally.found.push({ ...finding, target: target.name, seed, smallest })
  }
  return tally
}

export function addTally(sum: Tally, more: Tally): void {
  sum.inputs += more.inputs
  sum.bytes += more.bytes
  for (const [outcome, count] of more.outcomes) sum.outcomes.set(outcome, (sum.outcomes.get(outcome) ?? 0) + count)
  if (more.slowest.micros > sum.slowest.micros) sum.slowest = more.slowest
  if (more.hungriest.perByte > sum.hungriest.perByte) sum.hungriest = more.hungriest
  sum.found.push(...more.found)
}

/** How long a smaller input is looked for. */
const PATIENCE_MILLIS = 2000

/**
 * A smaller input with the same finding: parts are taken out, first large ones, as long as what is left still shows it. Of
 * a crash the same words count, of the others the same kind.
 */
export function smallestOf(target: Target, bytes: Uint8Array, { kind, what }: Finding, alive = () => {}): Uint8Array {
  const end = performance.now() + PATIENCE_MILLIS
  const left = (): boolean => performance.now() < end
  const shows = (candidate: Uint8Array): boolean => {
    alive()
    const { finding } = runOne(target, candidate)
    return finding?.kind === kind && (kind !== 'crash' || finding.what === what)
  }
  let best = bytes
  for (let part = Math.ceil(best.length / 2); part >= 1 && left(); part = part === 1 ? 0 : Math.ceil(part / 2)) {
    for (let at = 0; at < best.length && left(); ) {
      const candidate = new Uint8Array([...best.subarray(0, at), ...best.subarray(at + part)])
      if (shows(candidate)) best = candidate
      else at += part
    }
  }
  return best
}
