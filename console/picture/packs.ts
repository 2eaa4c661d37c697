import type { PackView } from '../../src/wire/audit-views.ts'
import { dayOf } from './entry-pages.ts'

/** Evidence packs as people ask for them and are told of them. */

const UNDER_WAY: ReadonlySet<PackView['state']> = new Set(['reading', 'sealing', 'waiting', 'proving', 'verifying'])

export const isUnderWay = ({ state }: PackView): boolean => UNDER_WAY.has(state)

/** What a form asks for; or why it asks for nothing, as a sentence. Days are UTC, both included. */
export function packQuery(form: { get(name: string): unknown }): PackView['query'] | string {
  const text = (name: string): string => String(form.get(name) ?? '').trim()
  const sites = [
    ...new Set(
      text('sites')
        .split(',')
        .map(one => one.trim()),
    ),
  ]
    .filter(one => one !== '')
    .sort()
  if (sites.length > 100) return 'At most 100 sites go into one pack.'
  const from = text('from') === '' ? null : dayOf(text('from'), false)
  const to = text('to') === '' ? null : dayOf(text('to'), true)
  if (from !== null && to !== null && from >= to) return 'The period ends before it begins.'
  const changeRequest = text('changeRequest')
  const release = text('release')
  return {
    ...(sites.length === 0 ? {} : { sites }),
    ...(from === null ? {} : { from: utc(from) }),
    ...(to === null ? {} : { to: utc(to) }),
    ...(changeRequest === '' ? {} : { changeRequest }),
    ...(release === '' ? {} : { release }),
  }
}

const utc = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z')

/** How it stands with a pack, in a few words. */
export function packWords({ state, done, of, events, bytes }: PackView): string {
  const cited = events === null ? '' : `${events} ${events === 1 ? 'event' : 'events'}`
  switch (state) {
    case 'reading':
      return of === 0 ? 'Beginning to read the log' : `Reading the log: ${done} of ${of} entries`
    case 'sealing':
      return `The log seals it: ${cited}`
    case 'waiting':
      return 'Waiting for the witnesses of the log to sign'
    case 'proving':
      return `Proving: ${done} of ${of} events`
    case 'verifying':
      return `Verifying it as its reader will: ${done} of ${of} events`
    case 'made':
      return `Made and verified: ${cited}, ${size(bytes ?? 0)}`
    case 'failed':
      return 'Not made'
    case 'cancelled':
      return 'Cancelled'
  }
}

const size = (bytes: number): string =>
  bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
