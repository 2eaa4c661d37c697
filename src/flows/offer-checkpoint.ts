import { sameBytes } from '../core/encoding/bytes.ts'
import { openCheckpoint } from '../core/ledger/checkpoint.ts'
import { verifyCosignature } from '../core/ledger/cosignature.ts'
import { type Note, parseNote, parseVerifierKey } from '../core/ledger/signed-note.ts'
import { writeAddCheckpoint } from '../core/ledger/witness-request.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { isRefusalCode } from '../core/refusal/registry.ts'
import { type Gathering, IDLE, inTrouble, proofOf, roundOf, take } from './ask-witnesses.ts'
import type { Witnessing } from './witness-ports.ts'

/** The fleet's side of gateways as witnesses. They ask by themselves, over the connections that they open. */

/**
 * What a gateway is asked to sign, as an add-checkpoint request from the size that it signed last. A gateway that has signed more than
 * there is gets the end of the log, which it will not sign. Refuses `not-found` while the log has no entry, and what `consistencyIn` refuses.
 */
export async function offerCheckpoint(gathering: Gathering, old: number): Promise<string | Refusal> {
  const { world } = gathering
  const under = await roundOf(gathering)
  const end = await world.store.log()
  const isUnderWay = under.round.at !== 'idle' && under.round.size >= old
  const open = isUnderWay ? under : { ...IDLE, checkpoint: end.checkpoint }
  if (open.checkpoint === '') return refuse('not-found', 'the checkpoint', 'a log with entries', 'none')
  const proof = old > end.size ? [] : await proofOf(gathering, old, open.checkpoint)
  return isRefusal(proof) ? proof : writeAddCheckpoint({ old, proof, checkpoint: open.checkpoint })
}

/**
 * Takes what a gateway says of the checkpoint that it was offered: its signature, which counts when the policy names it, or why it does
 * not sign, which is told to people. Refuses `witness-key-unsuitable` of a site whose gateway has no key for it, what
 * `openCheckpoint` refuses of a checkpoint that is not this log's, `cosignature-invalid`.
 */
export async function takeWitnessing(gathering: Gathering, site: string, said: Witnessing): Promise<null | Refusal> {
  const { world, store, policy, memory } = gathering
  const word = await store.witnessKey(site)
  const key = word === null ? null : parseVerifierKey(world.crypto, word, 'cosignature')
  if (word === null || key === null) {
    return refuse('witness-key-unsuitable', site, 'a gateway that was enrolled with a key to cosign', 'none')
  }
  const logKey = { name: world.name, key: world.auditSigner.key }
  const listed = [...policy.witnesses].find(([, one]) => sameBytes(one.key.key.spki, key.key.spki))
  const name = listed?.[0] ?? site
  if ('refused' in said) {
    const { code, expected, actual } = said.refused
    // What it kept was signed by this log: no gateway can make the log look forked by its word alone.
    const kept = openCheckpoint(said.kept, logKey, world.crypto)
    if (isRefusal(kept)) return kept
    const known = isRefusalCode(code) ? code : 'witness-refused'
    await inTrouble(gathering, { key: word, name }, refuse(known, name, expected, actual), said.kept)
    return null
  }
  const opened = openCheckpoint(said.cosigned, logKey, world.crypto)
  if (isRefusal(opened)) return opened
  const { text, signatures } = parseNote(said.cosigned) as Note
  const under = await roundOf(gathering)
  const before = await store.witness(word)
  memory.seen.set(site, { size: opened.size, at: world.clock.now() })
  // Of ten thousand gateways only those are written down whose signature counts, or with which there was trouble.
  if (listed === undefined && before?.trouble?.until !== null) {
    const valid = verifyCosignature(world.crypto, { text, signatures }, key)
    return typeof valid === 'number' ? null : invalid(name)
  }
  const isUnderWay = (parseNote(under.checkpoint) as Note).text === text
  return take(gathering, { key, name }, isUnderWay ? under.checkpoint : said.cosigned, signatures)
}

const invalid = (name: string): Refusal =>
  refuse('cosignature-invalid', name, 'a signature of its own that verifies', 'none')
