import type { WaitingPlan } from '../../src/wire/plan-views.ts'

/** What an approver looks at, of a plan that waits. */

/** A line of what changes: a class with its versions, how many, and what is known of the release. */
export type ChangeLine = {
  readonly class: string
  readonly from: string
  readonly to: string
  readonly via: readonly string[]
  readonly controllers: number
  readonly release: WaitingPlan['releases'][number] | null
}

/** What changes, with the release behind each; of a plan that an older server made, its releases alone. */
export function changesOf({ outline, releases, controllers }: WaitingPlan): readonly ChangeLine[] {
  const of = (name: string, version: string) =>
    releases.find(one => one.class === name && one.version === version) ?? null
  if (outline !== null) return outline.changes.map(change => ({ ...change, release: of(change.class, change.to) }))
  return releases.map(release => {
    return { class: release.class, from: '', to: release.version, via: [], controllers, release }
  })
}

/** The most that a wave takes from the plant at once, in watts, and all of its waves together; null: not known. */
export function atRisk({
  outline,
}: Pick<WaitingPlan, 'outline'>): { readonly atOnce: number; readonly inAll: number } | null {
  if (outline === null) return null
  return {
    atOnce: Math.max(0, ...outline.waves.map(({ wattsAtOnce }) => wattsAtOnce)),
    inAll: outline.waves.reduce((sum, { watts }) => sum + watts, 0),
  }
}

/** Whether each release that is installed can be undone: `all`, `some`, or `none`. */
export function wayBackOf({ releases, outline }: WaitingPlan): 'all' | 'some' | 'none' {
  const undoing = new Set(releases.map(({ back }) => back))
  const given = releases.filter(
    ({ path, class: of, version }) =>
      !undoing.has(path) || outline?.changes.some(one => one.class === of && one.to === version),
  )
  const undone = given.filter(({ back }) => back !== null).length
  return undone === 0 ? 'none' : undone === given.length ? 'all' : 'some'
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/**
 * The command line that approves with a key in a file or a token, for a shell. A comment is quoted: nothing of it is read as
 * anything else. Line ends in it are blanks.
 */
export function commandLine(id: string, reason: string): string {
  const said = reason.replaceAll(/\s+/g, ' ').trim()
  return `voltseal campaign approve ${id} --key KEY${said === '' ? '' : ` --reason ${quoted(said)}`}`
}

/** `2 of 3 signed`. What passkeys alone have signed counts as all that is needed but one, and that is said. */
export function signedText({ signers, need, counted }: Pick<WaitingPlan, 'signers' | 'need' | 'counted'>): string {
  const text = `${counted} of ${need} signed`
  return signers.length > counted ? `${text}: passkeys never approve alone` : text
}

/** What somebody is told who has just signed: what their signature came to, and what is missing yet. */
export function signedNow(
  { id, signers }: Pick<WaitingPlan, 'id' | 'signers'>,
  { have, need, approved }: { readonly have: number; readonly need: number; readonly approved: boolean },
): string {
  if (approved) return `The plan ${id} is approved.`
  const all = signers.length + 1
  if (all <= have) return `Your signature of ${id} counts: ${have} of ${need}.`
  return `Your signature of ${id} is kept. Passkeys never approve alone: ${all} have signed, which is worth ${have} of ${need}. What is missing is a signature by a key in a file or a token.`
}
