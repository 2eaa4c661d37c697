import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { refresh } from '../../core/trust/refresh.ts'
import { type CurrentSet, trustRoot } from '../../core/trust/trusted-set.ts'
import { checkClock } from '../process/serve.ts'
import type { Cli } from './cli.ts'
import type { Session } from './session.ts'

/** A repository of the fleet, verified on this machine from the root in the profile: the whole client workflow. */
export async function openRepository(
  cli: Cli,
  session: Session,
  repo: 'image' | 'approval',
): Promise<CurrentSet | Refusal> {
  const now = cli.world.clock.now()
  // With a clock that has lost its time every expiry holds, and old metadata passes for fresh.
  const early = checkClock(now)
  if (early !== null) return early
  const root = session.root(repo)
  if (isRefusal(root)) return root
  const trusted = trustRoot(repo, root, cli.world.crypto)
  if (isRefusal(trusted)) return trusted
  const workflow = refresh(trusted, now, cli.world.crypto)
  let step = workflow.next()
  while (!step.done) step = workflow.next(await session.repoFile(repo, step.value.path, step.value.maxBytes))
  return step.value.at === 'current' ? step.value.set : step.value.refusal
}
