import type { JsonObject } from '../../../core/encoding/canonical-json.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { checkGiven, checkTime, type Pending, pendingOf } from '../../../core/trust/ceremony.ts'
import { keyMaterial } from '../../../core/trust/keys.ts'
import type { Signature } from '../../../core/trust/metadata.ts'
import { signableBytes } from '../../../core/trust/read-metadata.ts'
import { signatureBy } from '../../../core/trust/repository.ts'
import { checkSignature } from '../../../core/trust/signatures.ts'
import type { Signer } from '../../../flows/ports.ts'
import { checkClock } from '../../process/serve.ts'
import type { Cli } from '../cli.ts'
import { addBinSignatures, addSignature } from './folder.ts'
import type { Opened } from './open.ts'

/**
 * Adds the signatures of one key: over each document that it may sign and has not signed yet. Each is verified before it
 * is written. Durable on return; if power fails between two documents, the same command adds the other.
 *
 * Refuses `ceremony-not-next` for what is in force already, `clock-before-build`, `ceremony-over`, `metadata-expired`, `ceremony-altered`,
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
  // A machine without a network may have lost its time: then every deadline is far away.
  const fault = checkClock(clock.now()) ?? checkTime(ceremony, clock.now()) ?? checkGiven(ceremony, crypto)
  if (fault !== null) return fault
  const mine = pendingOf(ceremony).filter(pending => maySign(pending, signer, keyid))
  if (mine.length === 0) return refuse('signer-not-in-role', subject, 'a key that is asked to sign', keyid)
  const given = ({ signatures }: { readonly signatures: readonly Signature[] }): boolean =>
    signatures.some(signature => signature.keyid === keyid)
  const open = mine.filter(({ document, bins }) => ![document, ...bins.values()].every(given))
  if (open.length === 0)
    return refuse('ceremony-already-signed', subject, 'no signature by this key', keyid.slice(0, 16))
  // All of them are made before one is written: a token that is pulled out leaves nothing half done.
  const writes: (() => void)[] = []
  for (const pending of open) {
    const { type, document, bins } = pending
    if (bins.size > 0) cli.output.progress(`Signing ${bins.size} bins beside the targets`)
    const sigs = new Map<string, string>()
    for (const [name, { signed }] of bins) {
      const signature = await signatureOver(cli, pending, signed.raw, signer, name)
      if (isRefusal(signature)) return signature
      sigs.set(name, signature.sig)
    }
    const signature = await signatureOver(cli, pending, document.signed.raw, signer, type)
    if (isRefusal(signature)) return signature
    // The bins first: whoever is seen to have signed the targets has signed all that goes with them.
    if (sigs.size > 0) writes.push(() => addBinSignatures(folder, keyid, sigs))
    writes.push(() => addSignature(folder, type, signature))
  }
  for (const write of writes) write()
  return open
}

/** A signature over one document, verified by the roles that ask for it. */
async function signatureOver(
  cli: Cli,
  { electorates }: Pending,
  raw: JsonObject,
  signer: Signer,
  name: string,
): Promise<Signature | Refusal> {
  const { crypto } = cli.world
  const bytes = await signer.sign(signableBytes(raw), 'der')
  if (isRefusal(bytes)) return bytes
  const signature = signatureBy(signer.key, bytes, crypto)
  const holds = electorates.some(({ keys, role }) => checkSignature(raw, signature, keys, role, name, crypto) === null)
  if (holds) return signature
  const subject = `key ${signature.keyid.slice(0, 16)}`
  return refuse('signer-faulty', subject, `a signature over the next ${name}`, 'none that holds')
}

/** Whether a key, and not only its id, is in a role that is asked to sign. */
function maySign({ electorates }: Pending, signer: Signer, keyid: string): boolean {
  return electorates.some(({ keys, role }) => {
    const key = role.keyids.includes(keyid) ? (keys.get(keyid) ?? null) : null
    return key !== null && keyMaterial(key) === keyMaterial(signer.key)
  })
}
