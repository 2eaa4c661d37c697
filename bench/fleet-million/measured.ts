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

/** Milliseconds of the wall, and of this thread's processor time: what else the machine does falls on the first alone. */
export async function spent(work: () => Promise<unknown>): Promise<{ readonly wall: number; readonly cpu: number }> {
  const before = process.threadCpuUsage()
  const wall = await timed(work)
  const { user, system } = process.threadCpuUsage(before)
  return { wall, cpu: (user + system) / 1000 }
}
