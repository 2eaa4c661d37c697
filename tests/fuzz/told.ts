import type { Target } from './input.ts'
import { inputOf } from './input.ts'
import { BOUNDS, type Found, runOne, type Tally } from './run.ts'

/** What people read of a run. */

const number = (value: number): string => value.toLocaleString('en-US')

/** A finding: what, the line that shows it again, and the smallest input that was found to show it. */
export function toldFinding({ kind, what, target, seed, smallest }: Found): string {
  const lines = [`FOUND ${kind} in ${target}: ${what}`, `  again: npm run fuzz -- --replay ${target}:${seed}`]
  if (smallest !== null) lines.push(`  smallest, ${smallest.length} bytes: ${shown(smallest)}`)
  return lines.join('\n')
}

/** Bytes as text where they are text, in hex where they are not; cut after 400. */
export function shown(bytes: Uint8Array): string {
  const part = bytes.subarray(0, 400)
  const isText = part.every(byte => byte >= 0x20 && byte < 0x7f)
  const text = isText ? JSON.stringify(new TextDecoder().decode(part)) : part.toHex()
  return bytes.length > part.length ? `${text}…` : text
}

/** A line for each target: inputs, how many were taken, how many different outcomes, the dearest input. */
export function table(tallies: ReadonlyMap<string, Tally>, seconds: number, threads: number): string {
  const rows = [...tallies].map(([name, { inputs, bytes, outcomes, slowest, hungriest }]) => [
    name,
    number(inputs),
    inputs === 0 ? '–' : `${((100 * (outcomes.get('taken') ?? 0)) / inputs).toFixed(1)} %`,
    number(outcomes.size),
    inputs === 0 ? '–' : number(Math.round(bytes / inputs)),
    `${(slowest.micros / 1000).toFixed(1)} ms`,
    number(Math.round(hungriest.perByte)),
  ])
  const heads = ['target', 'inputs', 'taken', 'outcomes', 'bytes each', 'slowest', 'allocated/byte']
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map(row => (row[column] as string).length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[column] as number),
      )
      .join('  ')
  const inputs = [...tallies.values()].reduce((sum, tally) => sum + tally.inputs, 0)
  const found = [...tallies.values()].reduce((sum, tally) => sum + tally.found.length, 0)
  const rate = number(Math.round(inputs / Math.max(seconds, 0.001)))
  return [
    line(heads),
    ...rows.map(line),
    '',
    `${number(inputs)} inputs in ${seconds.toFixed(0)} s with ${threads} threads, ${rate} a second; findings: ${found}`,
    `bounds for one input of n bytes: ${BOUNDS.micros / 1000} ms + ${BOUNDS.microsPerByte} µs·n of processor, ${BOUNDS.bytes / 1048576} MiB + ${BOUNDS.bytesPerByte / 1024} KiB·n allocated`,
    '',
  ].join('\n')
}

/** One input again, step by step; answers whether it is a finding. */
export function replay(target: Target, seed: number, write: (line: string) => void): boolean {
  const bytes = inputOf(target, seed)
  write(`${target.name}:${seed}, ${bytes.length} bytes: ${shown(bytes)}`)
  const { outcome, micros, allocated, finding } = runOne(target, bytes)
  if (finding !== null) {
    write(`FOUND ${finding.kind}: ${finding.what}`)
    return true
  }
  write(`${outcome}; ${Math.round(micros)} µs, ${number(allocated)} bytes allocated`)
  return false
}
