import type { JsonObject } from '../core/encoding/canonical-json.ts'
import { type Query, queryJson } from '../core/ledger/pack/query.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import { record } from './audit.ts'
import { type By, person } from './persons.ts'
import type { FleetWorld } from './ports.ts'

/** What somebody takes out as evidence: the digest of the statement of it (hex), and what that states. */
export type Claim = {
  readonly manifest: string
  readonly query: Query
  /** How many entries of the log were searched, and how many events are cited. */
  readonly size: number
  readonly events: number
}

/**
 * Seals an evidence pack: an entry of the log holds the digest of its statement. From then on nobody can change what the pack states
 * unseen, and the log knows what evidence was given out, and by whom. The server does not judge what is cited: whoever has the log
 * can. Durable on return; answers the entry's place. Refuses `log-index-beyond` when more was searched than there is.
 */
export function sealPack(world: FleetWorld, by: By, claim: Claim): Promise<{ index: number } | Refusal> {
  const { manifest, query, size, events } = claim
  return world.store.exclusive(async () => {
    const { size: index } = await world.store.log()
    if (size > index || events > size) {
      return refuse('log-index-beyond', 'the log', `at most ${index} entries`, `${events} of ${size}`)
    }
    const detail: JsonObject = { manifest, query: queryJson(query), size, events }
    // If power fails before this commit there is no seal, and no pack either: it is written when the seal is proven.
    await record(world, {}, [{ kind: 'evidence-exported', actor: person(by), detail }])
    return { index }
  })
}
