/** Something that happened, as `/v1/events` tells it: an entry of the audit log. A snapshot names nothing: everything may have changed. */
export type Happening = {
  readonly kind: string
  readonly site?: string | undefined
  readonly controller?: string | undefined
  readonly campaign?: string | undefined
}

/** Behind this a view is asked for again though nothing was heard, in milliseconds: silence and deadlines come without an event. */
export const REFRESH = 30_000

/** Kinds that say who may do what. */
const OF_PEOPLE = /^(?:access|account)-/
/** Kinds that say what is published, and who signed it. */
const OF_RELEASES = /^(?:release|repository|root|ceremony|key)-|^ceremony-closed$/

/**
 * Whether what happened may change what a view answers. A view that nobody wrote a line for is asked again at anything:
 * one question too many is better than old data that looks new.
 */
export function touches({ kind, site, controller, campaign }: Happening, path: string): boolean {
  if (kind === 'snapshot') return true
  const [, first = '', second, third] = path.replace(/\?.*$/, '').slice('/v1'.length).split('/')
  const about = (named: string | undefined, happened: string | undefined): boolean =>
    named === undefined || happened === undefined || decodeURIComponent(named) === happened
  if (first === 'campaigns') return campaign !== undefined && (second === 'summary' || about(second, campaign))
  if (first === 'approvals') return /^(?:campaign|approval|plan|account|root|ceremony)-/.test(kind)
  if (first === 'controllers') return about(second, site) && about(third, controller) && isOfPlant(kind)
  if (first === 'sites') return about(second, site) && isOfPlant(kind)
  if (first === 'inventory') return site !== undefined || campaign !== undefined || kind === 'inventory-imported'
  if (first === 'accounts' || first === 'whoami') return OF_PEOPLE.test(kind) || kind === 'policy-changed'
  if (first === 'releases') return OF_RELEASES.test(kind)
  // Who runs what counts there too.
  if (first === 'patches') return OF_RELEASES.test(kind) || kind.startsWith('patch-') || site !== undefined
  if (first === 'webhooks') return /^(?:webhook|delivery)-/.test(kind)
  return true
}

const isOfPlant = (kind: string): boolean => !OF_PEOPLE.test(kind) && !/^(?:webhook|delivery|siem|evidence)-/.test(kind)
