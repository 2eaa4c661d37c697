/** One line of the table: milliseconds, but for what says otherwise. */
export type Measured = { readonly what: string; readonly value: number; readonly unit: 'ms' | 's' | 'MiB' | 'µs' }

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - started) / 1e6
}

/** The value that a share of the sorted values does not exceed (nearest rank). */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number
}
