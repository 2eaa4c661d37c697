import type { Command } from 'commander'
import { instant } from '../../../core/encoding/units.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import type { PatchView } from '../../../wire/patch-api.ts'
import type { Cli, Work } from '../cli.ts'
import { type Session, withSession } from '../session.ts'
import { type Cell, table } from '../table.ts'

const PROFILE = ['--profile <file>', 'who you are: a profile.yaml'] as const
/** Digits of a digest that people see. */
const SHORT = 12

type Options = { profile?: string }

/** The patches of a fleet: what was made, what waits, and what could not be made. */
export function addFleetPatches(fleet: Command, cli: Cli): void {
  const patches = fleet
    .command('patches')
    .description('the patches between images that controllers are offered, and why there is none')
    .option(...PROFILE)
    .action(cli.act(({ profile }: Options) => withSession(cli, profile, session => list(cli, session))))
  patches
    .command('make')
    .description('have a patch made, also one that could not be made before')
    .requiredOption('--base <sha256>', 'the image that it is from, by the SHA-256 that controllers attest')
    .requiredOption('--target <sha256>', 'the image that it makes')
    .option(...PROFILE)
    .action(
      cli.act(({ base, target }: { base: string; target: string }, command: Command) => {
        // The option stands before `make` as well as behind it.
        const { profile } = command.optsWithGlobals<Options>()
        return withSession(cli, profile, session => make(cli, session, { base, target }))
      }),
    )
}

async function list(cli: Cli, session: Session): Promise<Work> {
  const all = await session.list<PatchView>('/v1/patches')
  if (isRefusal(all)) return all
  return { json: { patches: all }, text: all.length === 0 ? 'none' : shown(cli, all) }
}

async function make(cli: Cli, session: Session, pair: { base: string; target: string }): Promise<Work> {
  const patch = await session.post<PatchView>('/v1/patches', pair)
  return isRefusal(patch) ? patch : { json: patch, text: shown(cli, [patch]) }
}

function shown({ output }: Cli, patches: readonly PatchView[]): string {
  const headings = ['from', 'to', 'state', '>bytes', '>of full', '>took', 'since', 'why']
  return table(output, headings, patches.map(rowOf))
}

function rowOf(patch: PatchView): readonly Cell[] {
  const { from, to, fromNothing, base, target, made, full, reason, since } = patch
  const named = (image: PatchView['from'], digest: string): string =>
    image === null ? digest.slice(0, SHORT) : `${image.class} ${image.version}`
  const share = made === null || full === null ? '' : `${((100 * made.bytes) / full).toFixed(1)} %`
  return [
    fromNothing ? 'nothing' : named(from, base),
    named(to, target),
    stateOf(patch),
    made?.bytes ?? '',
    share,
    made === null ? '' : made.by === 'publisher' ? 'published' : `${(made.millis / 1000).toFixed(1)} s`,
    formatUtc(instant(since)),
    reason === null ? '' : `${reason.code}: ${reason.actual}`,
  ]
}

function stateOf({ state, ahead }: PatchView): Cell {
  if (state === 'made') return { text: 'made', tone: 'good' }
  if (state === 'none') return { text: 'none', tone: 'faint' }
  return { text: ahead === 0 ? 'its turn' : `waits, ${ahead} before it`, tone: 'warn' }
}
