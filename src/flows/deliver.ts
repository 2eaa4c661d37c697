import { instant } from '../core/encoding/units.ts'
import { type AuditEntry, parseEntry } from '../core/ledger/entry.ts'
import { messageOf, nextTry, TRIES, wants } from '../core/ledger/webhook.ts'
import type { LetterRow, WebhookRow } from '../core/ledger/webhook-rows.ts'
import { isRefusal, orThrow, type Refusal, refuse, sentence } from '../core/refusal/refusal.ts'
import { record } from './audit.ts'
import { type By, nameOf, person } from './persons.ts'
import type { FleetWorld } from './ports.ts'
import type { HookLink, WebhookStore } from './webhook-ports.ts'

/** What delivering needs beside the fleet's world. `chance` answers 0 to 1. */
export type Delivery = { readonly webhooks: WebhookStore; readonly link: HookLink; readonly chance: () => number }

/** Entries that are looked through at a time. */
const PAGE = 200
/** Messages of one subscription in one round: the others get their turn. */
const ROUND = 50
/** Subscriptions that are told at the same time. */
const AT_ONCE = 8

/**
 * Tells every subscription that is due what has happened since it was told last, in the order of the log, one message at
 * a time. Where a subscription stands is durable: after a crash it goes on there, so that each message comes at least
 * once, under the same id. One that fails again and again is set aside, for a person to send again, and the next one gets
 * its turn. Refuses nothing: what fails is kept with the subscription.
 */
export async function deliver(world: FleetWorld, by: Delivery): Promise<null> {
  const due = (await by.webhooks.webhooks()).filter(row => row.due <= world.clock.now())
  const work = async (): Promise<void> => {
    for (let row = due.shift(); row !== undefined; row = due.shift()) {
      await repeatLetters(world, by, row)
      await tellOn(world, by, row)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return null
}

async function tellOn(world: FleetWorld, by: Delivery, first: WebhookRow): Promise<void> {
  let row = first
  for (let sent = 0; sent < ROUND; sent += 1) {
    const found = await nextOf(world, row)
    if (found.entry === null) {
      if (found.index !== row.next) await move(world, by, row, { next: found.index })
      return
    }
    const failure = await tell(world, by, row, found.index, found.entry)
    const next =
      failure === null
        ? await move(world, by, row, { next: found.index + 1, failures: 0, fault: null })
        : await failed(world, by, row, found.index, failure)
    if (next === null || next.due > world.clock.now()) return
    row = next
  }
}

/** The next entry that a subscription wants, from where it stands; null: none so far, and `index` is the end of the log. */
async function nextOf(world: FleetWorld, row: WebhookRow): Promise<{ index: number; entry: AuditEntry | null }> {
  for (let at = row.next; ; ) {
    const rows = await world.store.entries(at, at + PAGE)
    for (const { index, bytes } of rows) {
      const entry = orThrow(parseEntry(bytes, `entry ${index}`))
      if (wants(row, entry)) return { index, entry }
    }
    at += rows.length
    if (rows.length < PAGE) return { index: at, entry: null }
  }
}

/** Sends one message. Null: it was taken. */
async function tell(
  world: FleetWorld,
  { link }: Delivery,
  row: WebhookRow,
  index: number,
  entry: AuditEntry,
): Promise<null | Refusal> {
  const now = world.clock.now()
  const { headers, body } = messageOf(row.id, index, entry, now, row.secret, world.crypto)
  const status = await link.post(row.url, headers, body)
  // If power fails from here to the commit behind it, the message is sent again under the same id.
  if (isRefusal(status)) return status
  if (status >= 200 && status < 300) return null
  return refuse('webhook-not-taken', `${row.id}: event ${index}`, 'a status of 200 to 299', `${status}`)
}

/** After a failure: a pause that grows, or at the last one the message is set aside and the next one gets its turn. */
async function failed(
  world: FleetWorld,
  by: Delivery,
  row: WebhookRow,
  index: number,
  why: Refusal,
): Promise<WebhookRow | null> {
  const now = world.clock.now()
  const failures = row.failures + 1
  const fault = sentence(why)
  if (failures < TRIES) {
    return move(world, by, row, { next: index, failures, fault, due: nextTry(now, failures, by.chance()) })
  }
  const letter: LetterRow = { webhook: row.id, index, at: now, fault, again: false }
  return move(world, by, row, { next: index + 1, failures: 0, fault, due: now }, letter)
}

/**
 * Writes where a subscription stands, and what is set aside with it. Null when somebody removed or changed it meanwhile.
 * If power fails before it, the subscription stands where it stood; after it, nothing behind it is sent again.
 */
function move(
  world: FleetWorld,
  { webhooks }: Delivery,
  row: WebhookRow,
  change: Partial<WebhookRow>,
  letter: LetterRow | null = null,
): Promise<WebhookRow | null> {
  return world.store.exclusive(async () => {
    const now = await webhooks.webhook(row.id)
    if (now === null || now.next !== row.next || now.since !== row.since) return null
    const next = { ...row, ...change }
    if (letter === null) await world.store.commit({ webhooks: [next] })
    else await abandon(world, next, letter)
    return next
  })
}

const abandon = (world: FleetWorld, row: WebhookRow, letter: LetterRow): Promise<void> =>
  record(world, { webhooks: [row], letters: [letter] }, [
    {
      kind: 'delivery-abandoned',
      actor: { kind: 'fleet', id: world.name },
      detail: { webhook: row.id, index: letter.index, tries: TRIES, fault: letter.fault },
    },
  ])

/** Sends what a person asked to have sent again. Each is tried once: it is gone when it was taken, and waits again when not. */
async function repeatLetters(world: FleetWorld, by: Delivery, row: WebhookRow): Promise<void> {
  const asked = (await by.webhooks.letters(row.id, null, 1000)).filter(({ again }) => again)
  for (const letter of asked.slice(0, ROUND)) {
    const [stored] = await world.store.entries(letter.index, letter.index + 1)
    if (stored === undefined) continue
    const entry = orThrow(parseEntry(stored.bytes, `entry ${letter.index}`))
    const failure = await tell(world, by, row, letter.index, entry)
    await world.store.exclusive(async () => {
      if ((await by.webhooks.webhook(row.id))?.since !== row.since) return
      const at = world.clock.now()
      const change =
        failure === null
          ? { lettersTaken: [letter] }
          : { letters: [{ ...letter, at, fault: sentence(failure), again: false }] }
      await world.store.commit(change)
    })
  }
}

// --- What people do with subscriptions ---

export type NewWebhook = Pick<WebhookRow, 'id' | 'url' | 'events' | 'site' | 'secret'>

/**
 * Makes a subscription, which hears what happens from now on. Durable on return. Refuses `webhook-exists`,
 * `webhook-url-refused`, `webhook-address-refused`.
 */
export function subscribe(
  world: FleetWorld,
  { webhooks, link }: Pick<Delivery, 'webhooks' | 'link'>,
  by: By,
  asked: NewWebhook,
): Promise<WebhookRow | Refusal> {
  return world.store.exclusive(async () => {
    const bad = refuseUrl(asked.url) ?? link.refuses(asked.url)
    if (bad !== null) return bad
    if ((await webhooks.webhook(asked.id)) !== null) {
      return refuse('webhook-exists', `webhook ${asked.id}`, 'a new name', 'one that is taken')
    }
    const { size } = await world.store.log()
    const now = world.clock.now()
    // Its own making is not told to it: it begins behind that.
    const row = { ...asked, next: size + 1, failures: 0, fault: null, due: instant(0), since: now, by: nameOf(by) }
    const { id, url, events, site } = asked
    const detail = { webhook: id, url, events: [...events], site: site ?? '' }
    await record(world, { webhooks: [row] }, [{ kind: 'webhook-created', actor: person(by), detail }])
    return row
  })
}

/** Ends a subscription, with what was set aside for it. Refuses `not-found`. */
export function unsubscribe(
  world: FleetWorld,
  webhooks: WebhookStore,
  by: By,
  id: string,
): Promise<{ webhook: string } | Refusal> {
  return world.store.exclusive(async () => {
    if ((await webhooks.webhook(id)) === null) return refuse('not-found', `webhook ${id}`, 'a subscription', 'none')
    const event = { kind: 'webhook-removed', actor: person(by), detail: { webhook: id } } as const
    await record(world, { webhooksGone: [id] }, [event])
    return { webhook: id }
  })
}

/** Has a message that was set aside sent again, at the next round. Refuses `not-found`. */
export function sendAgain(
  world: FleetWorld,
  webhooks: WebhookStore,
  by: By,
  id: string,
  index: number,
): Promise<{ webhook: string; index: number } | Refusal> {
  return world.store.exclusive(async () => {
    const letter = await webhooks.letter(id, index)
    if (letter === null) return refuse('not-found', `webhook ${id}, event ${index}`, 'one that was set aside', 'none')
    const actor = person(by)
    const event = { kind: 'delivery-repeated', actor, detail: { webhook: id, index } } as const
    await record(world, { letters: [{ ...letter, again: true }] }, [event])
    return { webhook: id, index }
  })
}

/** Only https, to a named port or none, with nothing in it that is not an address. What it leads to is judged at each call. */
function refuseUrl(text: string): null | Refusal {
  const expected = 'https://HOST/PATH without a user, a password or a fragment'
  const bad = (actual: string): Refusal => refuse('webhook-url-refused', 'the URL of the webhook', expected, actual)
  if (!/^https:\/\/[A-Za-z0-9.[\]:-]{1,253}(?:\/[!-~]*)?$/.test(text) || text.length > 1024) return bad('another form')
  if (text.includes('#')) return bad('a fragment')
  // The form lets ports and addresses through that there are not.
  return URL.canParse(text) ? null : bad('no address')
}

export type Backlog = {
  readonly webhook: string
  /** Entries of the log that it has not come to. */
  readonly behind: number
  readonly failures: number
  /** Messages that were set aside. */
  readonly letters: number
}

/** Where each subscription stands. */
export async function backlogs(world: FleetWorld, webhooks: WebhookStore): Promise<Backlog[]> {
  const { size } = await world.store.log()
  const found: Backlog[] = []
  for (const { id, next, failures } of await webhooks.webhooks()) {
    const letters = await webhooks.countLetters(id)
    found.push({ webhook: id, behind: Math.max(0, size - next), failures, letters })
  }
  return found
}
