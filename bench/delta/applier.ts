import { readFileSync } from 'node:fs'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { PatchApplier } from '../../src/core/delta/apply.ts'
import { carryOut } from '../../src/core/delta/carry-out.ts'
import { blocksOf, parseHeader } from '../../src/core/delta/patch.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'

/**
 * A process that applies a patch in memory, so often as it is told, as an agent does that has run for a while: OLD PATCH TIMES. Digests of blocks, base and
 * target are checked each time. Says how long each time took, in seconds.
 */
const [old, patch] = process.argv.slice(2, 4).map(path => new Uint8Array(readFileSync(path))) as [
  Uint8Array,
  Uint8Array,
]
const seconds: number[] = []
for (let left = Number(process.argv[4]); left > 0; left -= 1) {
  const from = performance.now()
  apply()
  seconds.push((performance.now() - from) / 1000)
}
process.stdout.write(JSON.stringify(seconds))

function apply(): void {
  const header = orThrow(parseHeader(patch, 'the patch'))
  const now = new Uint8Array(header.target.length)
  if (!Buffer.from(crypto.sha256(old)).equals(header.base.digest)) throw new Error('another base')
  const applier = orThrow(PatchApplier.of(header, crypto, { memory: 1 << 30, room: now.length }))
  for (const block of blocksOf(patch)) {
    const fault = carryOut(applier.take(block), {
      readOld: (at, length) => old.subarray(at, at + length),
      readNew: (at, length) => now.subarray(at, at + length),
      write: (at, bytes) => {
        now.set(bytes, at)
        return null
      },
    })
    if (isRefusal(fault)) throw new Error(fault.code)
  }
  if (!Buffer.from(crypto.sha256(now)).equals(header.target.digest)) throw new Error('another image')
}
