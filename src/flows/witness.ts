import type { Note } from '../core/ledger/signed-note.ts'
import { type NoteKey, parseNote, writeNote } from '../core/ledger/signed-note.ts'
import { readAddCheckpoint } from '../core/ledger/witness-request.ts'
import type { WitnessedLog } from '../core/ledger/witness-rows.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import { boxed } from './audit.ts'
import { cosign, keepTrouble, type Witness } from './cosign.ts'
import type { Signer, SiteWorld } from './ports.ts'
import type { LogLink, Witnessing } from './witness-ports.ts'

/**
 * A gateway as a witness of its fleet's log. It asks over the line that it has: nothing comes in to it from the fleet. What it keeps
 * of the log is in its own store, so that no server, and no thief of the server's keys, can take it back.
 */

export type SiteWitness = {
  readonly world: SiteWorld
  readonly witness: Witness
  readonly origin: string
  readonly link: LogLink
  /** The checkpoint whose cosignature the fleet has taken, since this program began. */
  told: string | null
}

/** The name under which a gateway cosigns. */
export const witnessNameOf = (site: string): string => `gateway/${site}`

export function siteWitness(world: SiteWorld, log: NoteKey, signer: Signer, link: LogLink): SiteWitness {
  const { store, clock, crypto, site } = world
  const witness: Witness = {
    name: witnessNameOf(site.site),
    signer,
    logs: new Map([[log.name, [log]]]),
    clock,
    crypto,
    // The fleet server itself asks, over a line that nobody else can use: what it should not ask is trouble with it.
    isTrouble: code => code !== 'witness-size-differs' && code !== 'witness-request-malformed',
    store: {
      exclusive: work => store.exclusive(work),
      log: origin => store.witnessed(origin),
      // The alarm is on its way in the transaction that keeps the trouble: it is told once, and never forgotten.
      keep: (row, alarm) => store.commit({ witnessed: row, outbox: alarm ? [boxed(world, alarmOf(row))] : [] }),
    },
  }
  return { world, witness, origin: log.name, link, told: null }
}

/**
 * Looks at the fleet's log: asks for its newest checkpoint with a proof from the one that was signed last, signs it when it holds,
 * and tells the fleet. What was signed is durable here before anybody hears of it. A log that does not continue is not signed; that it
 * does not is kept, with the checkpoint that was shown, and put into the outbox. The site goes on: its orders need no log.
 *
 * Refuses what the link refuses, `witness-request-malformed`, and what `cosign` declines with.
 */
export async function witnessLog(site: SiteWitness): Promise<null | Refusal> {
  const { world, witness, origin, link } = site
  const last = await world.store.witnessed(origin)
  const text = await link.offered(last?.size ?? 0)
  if (isRefusal(text)) return text
  const request = readAddCheckpoint(text)
  if (isRefusal(request)) return request
  // The same checkpoint again, byte for byte, says nothing new.
  if (request.checkpoint === last?.checkpoint && site.told === last.checkpoint) return null
  const outcome = await cosign(witness, request)
  if ('refusal' in outcome) {
    // Nobody but the fleet's own log is asked after: another one in its place is trouble with this one.
    if (outcome.refusal.code === 'witness-log-unknown') {
      const { store, clock } = witness
      await store.exclusive(async () =>
        keepTrouble(witness, origin, await store.log(origin), outcome.refusal, request, clock.now()),
      )
    }
    await tell(link, refusedOf(outcome.refusal, last))
    return outcome.refusal
  }
  const { text: signed, signatures } = parseNote(request.checkpoint) as Note
  // If power fails before the fleet has it, the next look signs the same again: nothing else is ever signed of that size.
  const answered = await link.witnessed({
    cosigned: writeNote({ text: signed, signatures: [...signatures, outcome.line] }),
  })
  if (answered === null) site.told = request.checkpoint
  return answered
}

const refusedOf = ({ code, expected, actual }: Refusal, last: WitnessedLog | null): Witnessing => ({
  refused: { code, expected, actual },
  kept: last?.checkpoint ?? '',
})

/** As far as it can be told: a fleet server that does not listen is told by the outbox, or by a person at the site. */
async function tell(link: LogLink, said: Witnessing): Promise<void> {
  await link.witnessed(said)
}

function alarmOf({ origin, size, trouble }: WitnessedLog) {
  const { code, expected, actual } = trouble!
  return {
    kind: 'intrusion-signal',
    code,
    detail: { event: 'log-not-witnessed', origin, signed: size, expected, actual },
  } as const
}
