import { type Instant, instant } from '../../core/encoding/units.ts'
import { isRefusal, type Refusal, sentence } from '../../core/refusal/refusal.ts'
import { binNamed } from '../../core/trust/delegation.ts'
import { fetchDelegated, findTarget } from '../../core/trust/find-target.ts'
import { succinctOf } from '../../core/trust/hash-bins.ts'
import type { Document, Target, Targets } from '../../core/trust/metadata.ts'
import { type FileAnswer, type FileRequest, refresh } from '../../core/trust/refresh.ts'
import { type CurrentSet, trustRoot } from '../../core/trust/trusted-set.ts'
import { drive } from '../../flows/drive.ts'
import { checkClock } from '../process/serve.ts'
import type { Cli } from './cli.ts'
import type { Session } from './session.ts'

/** A repository, and what is looked up in it file by file: a bin is downloaded when a target in it is asked for. */
export type OpenedRepository = {
  readonly set: CurrentSet
  /** Looks a target up, in hash bins too; null when there is none. Refuses as `findTarget`. */
  target(path: string): Promise<Target | null | Refusal>
  /** Bins of the top-level targets with their bytes, by name. Refuses as `readDelegated`. */
  binFiles(names: Iterable<string>): Promise<ReadonlyMap<string, Document<Targets>> | Refusal>
}

/**
 * A repository of the fleet, verified on this machine from what was verified here before, at first from the root in the
 * profile: the whole client workflow, but for the expiry of the targets. Whoever opens a repository here is about to sign its next targets, and that is the way out
 * when the last ones have expired; timestamp and snapshot say that they are the last ones. With `renewing` the way out is
 * open for an expired root too, for the ceremony that makes the next one.
 */
export async function openRepository(
  cli: Cli,
  session: Session,
  repo: 'image' | 'approval',
  { renewing = false } = {},
): Promise<OpenedRepository | Refusal> {
  const now = cli.world.clock.now()
  // With a clock that has lost its time every expiry holds, and old metadata passes for fresh.
  const early = checkClock(now)
  if (early !== null) return early
  const root = session.root(repo)
  if (isRefusal(root)) return root
  const trusted = trustRoot(repo, root, cli.world.crypto)
  if (isRefusal(trusted)) return trusted
  const { set: begun, discarded } = session.trusted.below(trusted)
  for (const one of discarded) cli.output.warn(`${sentence(one)} Older states are not told by it any more.`)
  const files = new Map<string, Uint8Array | null>()
  const fetched = async (wanted: FileRequest): Promise<FileAnswer> => {
    const known = files.get(wanted.path)
    if (known !== undefined) return known
    const answer = await session.repoFile(repo, wanted.path, wanted.maxBytes)
    if (!isRefusal(answer)) files.set(wanted.path, answer)
    return answer
  }
  const refreshed = await drive(refresh(begun, now, cli.world.crypto), fetched)
  // Kept before anything is signed, whatever came of the rest: a server that was taken over cannot offer an older state.
  const unkept = session.trusted.keep(refreshed.set, trusted)
  if (unkept !== null) return unkept
  if (refreshed.at === 'current') return opened(refreshed.set, now)
  if (refreshed.refusal.code !== 'metadata-expired') return refreshed.refusal
  const onlyTargets = refreshed.role === 'targets'
  if (!onlyTargets && !renewing) return refreshed.refusal
  const what = onlyTargets
    ? `The ${repo} repository's targets have expired.`
    : `${refreshed.refusal.subject} has expired.`
  cli.output.warn(`${what} What is signed next takes their place.`)
  const again = await drive(refresh(refreshed.set, instant(0), cli.world.crypto), fetched)
  return again.at === 'current'
    ? (session.trusted.keep(again.set, trusted) ?? opened(again.set, instant(0)))
    : again.refusal

  function opened(set: CurrentSet, at: Instant): OpenedRepository {
    const { crypto } = cli.world
    const binFiles: OpenedRepository['binFiles'] = async names => {
      const delegator = set.targets.signed
      const bins = new Map<string, Document<Targets>>()
      for (const name of names) {
        const role = binNamed(succinctOf(delegator), name)
        // Whoever reads bins here signs their next ones: that is the way out when the last ones have expired.
        const bin = await drive(fetchDelegated(set, { delegator, role }, instant(0), crypto), fetched)
        if (isRefusal(bin)) return bin
        bins.set(name, bin)
      }
      return bins
    }
    return {
      set,
      target: async path => {
        const found = await drive(findTarget(set, path, at, crypto), fetched)
        return isRefusal(found) ? found : found.target
      },
      binFiles,
    }
  }
}
