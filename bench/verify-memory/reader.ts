import { readFileSync } from 'node:fs'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import { readMetadata } from '../../src/core/trust/read-metadata.ts'
import { verifySigned } from '../../src/core/trust/signatures.ts'
import type { Asked } from '../verify-memory.ts'

/** Reads one document of the greatest length and says by how many bytes the process has grown at its highest. */
process.once('message', (asked: Asked) => {
  const bytes = documentOf(asked)
  const before = peakKiB()
  const read = readMetadata(asked.type, bytes, 'bench')
  // Nobody has signed it: the message is written and hashed all the same.
  if (!isRefusal(read)) verifySigned(read, new Map(), { keyids: ['a'], threshold: 1 }, 'bench', nodeCrypto)
  // Members that are not known are kept, whatever is in them.
  const honest = ['targets', 'roles', 'numbers'].includes(asked.kind)
  if (honest === isRefusal(read)) throw new Error(`${asked.kind}: ${isRefusal(read) ? read.code : 'read'}`)
  process.send!((peakKiB() - before) * 1024 + 1, () => process.exit(0))
})

/**
 * The most resident memory that this process has had (`VmHWM`, proc(5)). Not `maxRSS`: that begins with what the process
 * had that started this one.
 */
function peakKiB(): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1])
}

const HEAD = '"spec_version":"1.0.34","version":1,"expires":"2030-01-01T00:00:00Z"'

function documentOf({ kind, bytes }: Asked): Uint8Array {
  const out = Buffer.alloc(bytes, 0x20)
  const file = (start: string, one: (at: number) => string, end: string): Uint8Array => {
    let at = out.write(`{"signatures":[],"signed":{${HEAD},${start}`)
    for (let n = 0; ; n += 1) {
      const next = `${n === 0 ? '' : ','}${one(n)}`
      if (at + next.length + end.length + 2 > bytes) break
      at += out.write(next, at)
    }
    out.write(`${end}}}`, at)
    return new Uint8Array(out)
  }
  const digest = 'ab'.repeat(32)
  if (kind === 'targets') {
    const target = (n: number) => `"class-${n % 40}/${n}/p.bin":{"hashes":{"sha256":"${digest}"},"length":${n + 1}}`
    return file('"_type":"targets","targets":{', target, '}')
  }
  if (kind === 'roles') {
    const meta = '"_type":"snapshot","meta":{"targets.json":{"version":1},'
    return file(meta, n => `"bin-${n.toString(16).padStart(6, '0')}.json":{"version":1}`, '}')
  }
  if (kind === 'keys') {
    const key = (n: number) => `"${n}":{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":"${digest}"}}`
    return file('"_type":"root","consistent_snapshot":true,"roles":{},"keys":{', key, '}')
  }
  if (kind === 'numbers') return file('"_type":"targets","x":[', () => '0', '],"targets":{}')
  if (kind === 'nested') return new Uint8Array(Buffer.alloc(bytes, '['))
  return new Uint8Array(Buffer.alloc(bytes + 1, 'a'))
}
