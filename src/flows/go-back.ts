import { sameBytes } from '../core/encoding/bytes.ts'
import type { Upstream } from '../core/ledger/own-log-rows.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { boxed } from './audit.ts'
import type { SiteWorld } from './ports.ts'

/**
 * Goes back to where the fleet is, when it has less than it acknowledged: what this gateway still has goes up again. When the fleet does
 * not say that it was restored, the gateway's own log says that it knows less. False: there is nothing to go back for, the fleet
 * was not reached, or its log of this site is another one.
 */
export async function goBack(world: SiteWorld): Promise<boolean> {
  const there = await world.fleet.upstream()
  if (isRefusal(there)) return false
  return world.store.exclusive(async () => {
    const own = await world.store.ownLog()
    if (there.sequence >= own.acknowledged) return false
    const head = await headAt(world, there.sequence)
    if (head !== null && !sameBytes(head, there.head)) return false
    const subject = `outbox of ${world.site.site}`
    const detail = {
      subject,
      expected: `item ${own.acknowledged}, as was acknowledged`,
      actual: `item ${there.sequence}`,
    }
    const told = { kind: 'intrusion-signal', code: 'fleet-store-older', detail } as const
    // If power fails before this commit, the next try finds the same.
    await world.store.commit({ rewound: there.sequence, outbox: there.restored ? [] : [boxed(world, told)] })
    return true
  })
}

/** The head of the own log behind a number; null: it is not kept any more, or was never there. */
async function headAt(world: Pick<SiteWorld, 'store'>, sequence: number): Promise<Uint8Array | null> {
  const { last, head } = await world.store.ownLog()
  if (sequence === last) return head
  const [next] = await world.store.logged(sequence, 1)
  return next?.sequence === sequence + 1 ? next.before : null
}

/**
 * A store that was restored from a backup, which a person did, goes on behind what the fleet has of its log: items with numbers that
 * the fleet knows would be refused, and those that came since the backup are there. What was not handed over at the backup is
 * told behind it, twice perhaps. Null when there is nothing to do. Refuses what the link refuses.
 */
export async function continueCopy(world: SiteWorld): Promise<Refusal | null> {
  if ((await world.store.copied()) === null) return null
  const there = await world.fleet.upstream()
  if (isRefusal(there)) return there
  await world.store.exclusive(async () => {
    const own = await world.store.ownLog()
    const head = await headAt(world, there.sequence)
    const isBehind = there.sequence > own.acknowledged && (head === null || !sameBytes(head, there.head))
    if (isBehind) await continueBehind(world, there)
  })
  return null
}

/**
 * Lets the own log go on behind what the fleet has, because a person has found out why it does not fit: the store was set back by
 * hand. Durable on return. Refuses `upstream-continues`, what `continueBehind` refuses, and what the link refuses.
 */
export async function continueByHand(
  world: Pick<SiteWorld, 'store' | 'site' | 'clock' | 'crypto' | 'signer' | 'fleet'>,
): Promise<Gone | Refusal> {
  const there = await world.fleet.upstream()
  if (isRefusal(there)) return there
  return world.store.exclusive(async () => {
    const { acknowledged, last: given } = await world.store.ownLog()
    const head = await headAt(world, there.sequence)
    if (head !== null && sameBytes(head, there.head)) {
      const subject = `outbox of ${world.site.site}`
      return refuse(
        'upstream-continues',
        subject,
        'another log than the fleet has',
        `the same, up to ${there.sequence}`,
      )
    }
    const refusal = await continueBehind(world, there)
    return refusal ?? { behind: there.sequence, acknowledged, given }
  })
}

/** Behind which number of the fleet's the log goes on; up to which it knew to be acknowledged, and what it had given last. */
export type Gone = { readonly behind: number; readonly acknowledged: number; readonly given: number }

/**
 * Lets the own log go on behind an end, with an entry that says so. Durable on return, under the store's `exclusive`. Refuses
 * `upstream-forked`: the end is in front of what the fleet has acknowledged, so nothing has to be given up for it.
 */
export async function continueBehind(
  world: Pick<SiteWorld, 'store' | 'site' | 'clock' | 'crypto' | 'signer'>,
  there: Upstream,
): Promise<Refusal | null> {
  const { acknowledged, last } = await world.store.ownLog()
  // The fleet has lost what this gateway handed over: that is told again, and not given up.
  if (there.sequence < acknowledged) {
    const expected = `a number from ${acknowledged} on`
    return refuse('upstream-forked', `outbox of ${world.site.site}`, expected, `${there.sequence}`)
  }
  const detail = { behind: there.sequence, acknowledged, given: last }
  const event = boxed(world, { kind: 'site-log-continued', code: 'upstream-forked', detail })
  // If power fails before this commit, the log is as it was, and is let go on again.
  await world.store.commit({ continued: there, outbox: [event] })
  return null
}
