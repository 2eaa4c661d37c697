import { openCheckpoint } from '../core/ledger/checkpoint.ts'
import { verifierKey } from '../core/ledger/signed-note.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { record } from './audit.ts'
import { refuseToGoOn } from './log-start.ts'
import type { FleetWorld, Signer } from './ports.ts'

/**
 * Lets another key sign the log from now on. The log stays one: its end is verified with the key of before, and an entry that tells of
 * the change is the first thing that the new key signs. So whoever keeps a checkpoint of before can have it proved that this log
 * continues it. Under the same key again, nothing is done. Durable on return.
 *
 * If power fails before the commit, the key of before still signs; after it, the server needs the new key in its place, and this is
 * called again.
 *
 * Refuses `log-signer-unsuitable`, what `refuseToGoOn` refuses, and what the signer refuses.
 */
export function changeLogKey(world: FleetWorld, next: Signer): Promise<null | Refusal> {
  const { store, name, auditSigner, crypto } = world
  return store.exclusive(async () => {
    const [from, to] = [auditSigner, next].map(({ key }) => verifierKey(crypto, { name, key }))
    if (from === to || to === null || to === undefined) {
      return refuse(
        'log-signer-unsuitable',
        'the next key of the log',
        'another Ed25519 key',
        from === to ? 'the same' : next.key.alg,
      )
    }
    const { checkpoint } = await store.log()
    if (!isRefusal(openCheckpoint(checkpoint, { name, key: next.key }, crypto))) return null
    const stopped = await refuseToGoOn(store, { name, key: auditSigner.key, retired: [] }, crypto)
    if (stopped !== null) return stopped
    const detail = { what: 'the key of the log was replaced', from: from ?? '', to }
    const event = { kind: 'key-event', actor: { kind: 'fleet', id: name }, detail } as const
    await record(world, {}, [event], { origin: name, signer: next, before: auditSigner.key })
    return null
  })
}
