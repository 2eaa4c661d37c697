import { Session } from 'node:inspector/promises'

/** A share of the processor's time, 0 to 1, by what it was spent on. `waiting` is time without work. */
export type Split = Readonly<Record<string, number>>

/**
 * What code stands for, by the innermost frame of the stack that says so: first the modules whose name is enough, then
 * what is left of Node.
 */
const BUCKETS: readonly (readonly [pattern: RegExp, bucket: string])[] = [
  [/\/sim\/(flash|secure-element)\//, 'simulated flash and secure elements'],
  [/\/sim\/|\/bench\//, 'simulated controllers'],
  [/\/store-sqlite\//, 'databases'],
  [/node:internal\/crypto|\/crypto-node\.ts/, 'hashes and signatures'],
  [/\/src\/core\//, 'trust, firmware, slots, ledger (core)'],
  [/blobs-disk|node:fs|node:internal\/fs/, 'files'],
  [/node:_?http|node:_?tls|node:net|stream_base|fastify|find-my-way|link-https|http-server/, 'TLS and HTTP'],
  [/\/src\//, 'flows and servers'],
]
const NATIVE: ReadonlyMap<string, string> = new Map([
  ['(idle)', 'waiting'],
  ['(garbage collector)', 'garbage collection'],
])

type Node = { id: number; callFrame: { functionName: string; url: string }; children?: number[] }

/** Runs `work` under the sampling profiler of this process (1 sample a millisecond) and says where its time went. */
export async function profiled<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly split: Split }> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 1000 })
  await session.post('Profiler.start')
  const result = await work()
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  return { result, split: splitOf(profile.nodes, profile.samples ?? [], profile.timeDeltas ?? []) }
}

function splitOf(nodes: readonly Node[], samples: readonly number[], deltas: readonly number[]): Split {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map(child => [child, id] as const)))
  const byId = new Map(nodes.map(node => [node.id, node]))
  const known = new Map<number, string>()
  const bucketOf = (id: number): string => {
    const before = known.get(id)
    if (before !== undefined) return before
    const { functionName, url } = byId.get(id)!.callFrame
    const parent = parents.get(id)
    const own = NATIVE.get(functionName) ?? BUCKETS.find(([pattern]) => pattern.test(url))?.[1]
    const bucket = own ?? (parent === undefined ? 'Node itself' : bucketOf(parent))
    known.set(id, bucket)
    return bucket
  }
  const micros = new Map<string, number>()
  for (const [at, id] of samples.entries()) {
    const bucket = bucketOf(id)
    micros.set(bucket, (micros.get(bucket) ?? 0) + (deltas[at + 1] ?? 0))
  }
  const all = [...micros.values()].reduce((sum, one) => sum + one, 0)
  const shares = [...micros].map(([bucket, spent]) => [bucket, spent / all] as const)
  return Object.fromEntries(shares.sort((a, b) => b[1] - a[1]))
}
