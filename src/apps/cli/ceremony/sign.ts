import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { checkGiven, checkTime, type Pending, pendingOf } from '../../../core/trust/ceremony.ts'
import { keyMaterial } from '../../../core/trust/keys.ts'
import type { Signature } from '../../../core/trust/metadata.ts'
import { signableBytes } from '../../../core/trust/read-metadata.ts'
import { signatureBy } from '../../../core/trust/repository.ts'
import { checkSignature } from '../../../core/trust/signatures.ts'
import type { Signer } from '../../../flows/ports.ts'
import type { Cli } from '../cli.ts'
import { addSignature } from './folder.ts'
import type { Opened } from './open.ts'

/**
 * Adds the signatures of one key: over each document that it may sign and has not signed yet. Each is verified before it
 * is written. Durable on return; if power fails between two documents, the same command adds the other.
 *
 * Refuses `ceremony-not-next` for what is in force already, `ceremony-over`, `metadata-expired`, `ceremony-altered`,
 * `signer-not-in-role`, `ceremony-already-signed`, and what the signer refuses.
 */
export async function signCeremony(
  cli: Cli,
  folder: string,
  { ceremony, closed }: Opened,
  signer: Signer,
  keyid: string,
): Promise<readonly Pending[] | Refusal> {
  const { crypto, clock } = cli.world
  const subject = `ceremony ${ceremony.note.name}`
  if (closed) return refuse('ceremony-not-next', subject, 'a ceremony that is open', 'one that is closed')
  const fault = checkTime(ceremony, clock.now()) ?? checkGiven(ceremony, crypto)
  if (fault !== null) return fault
  const mine = pendingOf(ceremony).filter(pending => maySign(pending, signer, keyid))
  if (mine.length === 0) return refuse('signer-not-in-role', subject, 'a key that is asked to sign', keyid)
  const open = mine.filter(({ document }) => !document.signatures.some(signature => signature.keyid === keyid))
  if (open.length === 0)
    return refuse('ceremony-already-signed', subject, 'no signature by this key', keyid.slice(0, 16))
  // All of them are made before one is written: a token that is pulled out leaves nothing half done.
  const made: [Pending, Signature][] = []
  for (const pending of open) {
    const { document, electorates, type } = pending
    const bytes = await signer.sign(signableBytes(document.signed.raw), 'der')
    if (isRefusal(bytes)) return bytes
    const signature = signatureBy(signer.key, bytes, crypto)
    const holds = electorates.some(
      ({ keys, role }) => checkSignature(document.signed.raw, signature, keys, role, type, crypto) === null,
    )
    if (!holds)
      return refuse(
        'signer-faulty',
        `key ${keyid.slice(0, 16)}`,
        `a signature over the next ${type}`,
        'none that holds',
      )
    made.push([pending, signature])
  }
  for (const [{ type }, signature] of made) addSignature(folder, type, signature)
  return made.map(([pending]) => pending)
}

/** Whether a key, and not only its id, is in a role that is asked to sign. */
function maySign({ electorates }: Pending, signer: Signer, keyid: string): boolean {
  return electorates.some(({ keys, role }) => {
    const key = role.keyids.includes(keyid) ? (keys.get(keyid) ?? null) : null
    return key !== null && keyMaterial(key) === keyMaterial(signer.key)
  })
}
