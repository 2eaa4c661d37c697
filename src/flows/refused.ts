import type { JsonObject } from '../core/encoding/canonical-json.ts'
import { plainText } from '../core/encoding/plain-text.ts'
import { takeNoise } from '../core/fleet/attempts.ts'
import { ROLE_NAMES } from '../core/fleet/roles.ts'
import { type Actor, STRANGER } from '../core/ledger/entry.ts'
import { type Personal, personal, type Telling, wordsAbout } from '../core/ledger/telling.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import { registry } from '../core/refusal/registry.ts'
import { accountsOf } from './admit.ts'
import { type Memory, remember } from './attempts.ts'
import { appendEntries, note } from './audit.ts'
import type { FleetWorld, SiteWorld } from './ports.ts'

/**
 * Refused attempts, of people and of devices: each is an event of its own, and is in the log before it is answered. Who may knock
 * without end must not fill the log, which lasts for ever: what is too much in a few minutes is counted, and the count is told
 * with the next that is written.
 */

/** Somebody of whom the door knows nothing, or nothing that was proved. */
export const NOBODY: Actor = { kind: 'person', id: STRANGER }

/** Whom an attempt is about, beside those who have accounts, and what else is told of it. */
export type AboutAttempt = {
  readonly people?: readonly Personal[]
  readonly detail?: { readonly [name: string]: Telling }
}

/**
 * Whether a refused request is an event: one that would have changed something, or that was refused for who made it. Somebody who
 * looks for what is not there has changed nothing and was let in; a fault of the server's own is no attempt.
 */
export function isAttempt(method: string, { code }: Refusal): boolean {
  const { status } = registry[code]
  if (status === 500) return false
  return (method !== 'GET' && method !== 'HEAD') || status === 401 || status === 403
}

// --- At the fleet ---

/**
 * Records a refused attempt: who tried what, and why not. It changes nothing else, and takes its own turn. The names of accounts
 * in the refusal's words become pseudonyms. Durable on return, unless it was one too many.
 */
export async function noteRefusal(
  { world, memory }: { readonly world: FleetWorld; readonly memory: Memory },
  actor: Actor,
  attempt: string,
  refusal: Refusal,
  { people = [], detail = {} }: AboutAttempt = {},
): Promise<void> {
  // Who knocks at a locked door makes the most noise: it is not to cover up what others try.
  const who = `${actor.kind} ${actor.id}${refusal.code === 'sign-in-locked' ? ' locked' : ''}`
  const { next, write, leftOut } = takeNoise(memory.noise.get(who), world.clock.now())
  remember(memory.noise, who, next)
  if (!write) return
  const { code, subject, expected, actual } = refusal
  const known = await peopleIn(world, people)
  const words = (text: string): Telling => wordsAbout(plainText(text, MOST_WORDS), known)
  const said = { attempt, subject: words(subject), expected: words(expected), actual: words(actual), ...detail }
  const more = leftOut === 0 ? {} : { leftOut }
  await appendEntries(world, [{ kind: 'access-refused', actor, code, detail: { ...said, ...more } }])
}

/** Characters of each phrase of a refusal: a sentence, and never all that somebody sent. */
const MOST_WORDS = 1000

/** Everybody whose name may stand in a refusal: whom the attempt was about, and the persons who have accounts. */
async function peopleIn(world: FleetWorld, more: readonly Personal[]): Promise<readonly Personal[]> {
  // An account that is called like a role names nobody.
  const roles: ReadonlySet<string> = new Set(ROLE_NAMES)
  const all = await accountsOf(world)
  // Accounts that cannot be read: the store is damaged. The refusal is recorded all the same.
  const persons = isRefusal(all) ? [] : all.filter(({ kind, id }) => kind === 'person' && !roles.has(id))
  return [...persons.map(({ id }) => personal(id)), ...more]
}

// --- At a gateway ---

const noises = new WeakMap<SiteWorld, Map<string, Parameters<typeof takeNoise>[0] & object>>()

/**
 * Records a refused attempt of a controller of the site, or of somebody with no place in it, in the gateway's outbox. `at`: the door,
 * where it is another one than that of controllers: who knocks at one does not cover up what is tried at the other. `more`: what else is
 * told. Durable on return, unless it was one too many.
 */
export async function noteRefusalAt(
  world: SiteWorld,
  {
    controller,
    attempt,
    kind = 'access-refused',
    at = '',
    more = {},
  }: {
    readonly controller: string | null
    readonly attempt: string
    readonly kind?: 'access-refused' | 'report-refused'
    readonly at?: string
    readonly more?: JsonObject
  },
  { code, subject, expected, actual }: Refusal,
): Promise<void> {
  const memory = noises.get(world) ?? new Map()
  noises.set(world, memory)
  // No controller's name has a space in it.
  const who = at === '' ? (controller ?? '') : `at ${at}${code === 'sign-in-locked' ? ' locked' : ''}`
  const { next, write, leftOut } = takeNoise(memory.get(who), world.clock.now())
  remember(memory, who, next)
  if (!write) return
  const left: JsonObject = leftOut === 0 ? {} : { leftOut }
  const about = controller === null ? {} : { controller }
  const detail: JsonObject = { attempt, subject, expected, actual, ...more, ...left }
  await note(world, { kind, code, ...about, detail })
}
