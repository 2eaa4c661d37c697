import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { checkpointText } from '../../../src/core/ledger/checkpoint.ts'
import { cosignatureLine, cosignedMessage } from '../../../src/core/ledger/cosignature.ts'
import { type AuditEntry, entryBytes } from '../../../src/core/ledger/entry.ts'
import { rootOfLeaves } from '../../../src/core/ledger/merkle.ts'
import { verifierKey, writeSignatures } from '../../../src/core/ledger/signed-note.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { logKey, ORIGIN, signedBy, testLogKey, testSigner } from './keys.ts'
import { type LogFiles, logFilesOf } from './tile-files.ts'

/** A log of real entries in memory, with the checkpoints that its key signs. */
export type SignedLog = LogFiles & { readonly checkpoint: (size?: number, seed?: number) => string }

export const auditEntry = (number: number): AuditEntry => ({
  v: 1,
  kind: 'controller-report',
  at: instant(1_790_000_000_000 + number),
  clock: 'simulated',
  actor: { kind: 'gateway', id: 'harbour-gateway' },
  site: 'harbour',
  detail: { number },
})

export const realEntry = (number: number): Uint8Array => orThrow(entryBytes(auditEntry(number)))

/** The key that signs by default, as one word. */
export const LOG_KEY = verifierKey(crypto, logKey(1)) as string

/** A log whose files include its checkpoint. */
export function signedLog(entries: readonly Uint8Array[]): SignedLog {
  const log = logFilesOf(entries)
  const checkpoint = (size = entries.length, seed = 1): string => {
    const root = size === entries.length ? log.head.root : rootOfLeaves(crypto, log.leaves.slice(0, size))
    return signedBy(testLogKey(seed), checkpointText({ origin: ORIGIN, size, root, extensions: [] }))
  }
  const files = new Map([...log.files, ['checkpoint', utf8(checkpoint())]])
  return { ...log, files, checkpoint }
}

export const realLog = (size: number): SignedLog => signedLog(Array.from({ length: size }, (_, at) => realEntry(at)))

/** The key of a witness of that seed, as one word of a policy. */
export const witnessKey = (name: string, seed: number): string =>
  verifierKey(crypto, { name, key: logKey(seed).key }, 'cosignature') as string

/** A checkpoint with one more signature: of a witness. */
export async function cosigned(checkpoint: string, name: string, seed: number, seconds: number): Promise<string> {
  const text = checkpoint.slice(0, checkpoint.lastIndexOf('\n\n') + 1)
  const signature = orThrow(await testSigner(seed).sign(cosignedMessage(seconds, text), 'der'))
  const line = cosignatureLine(crypto, { name, key: logKey(seed).key }, seconds, signature)
  if (line === null) throw new Error('a key of another kind')
  return `${checkpoint}${writeSignatures([line])}`
}
