import { drawn, type Job, operationsOf, pairs, singles } from './enumerate.ts'
import { BOARDS, type Board } from './geometries.ts'
import type { Phase } from './phase.ts'
import { phasesOf } from './phases.ts'
import { Stand } from './run.ts'
import { count, emptyTally, type Tally } from './tally.ts'

/** Cases of three faults in one job. */
const SHARE = 500

const stands = new Map<string, Promise<Stand>>()

/** The stand of a board, made once in each thread. */
export function standOf(name: string): Promise<Stand> {
  const board = BOARDS.find(each => each.name === name)
  if (board === undefined) throw new Error(`no board is called ${name}`)
  const stand = stands.get(name) ?? Stand.of(board)
  stands.set(name, stand)
  return stand
}

/** Does one job, and answers what it counted. */
export async function work(job: Job): Promise<Tally> {
  const stand = await standOf(job.board)
  const tally = emptyTally()
  const take = (done: Parameters<typeof count>[1]): void => count(tally, done)
  if (job.kind === 'single') singles(stand, job.phase, take)
  else if (job.kind === 'pair') pairs(stand, job.phase, job.at, take)
  else drawn(stand, job.phase, job.at, job.count, take)
  return tally
}

/** Whether pairs are made in a phase on a board. */
const isPaired = (board: Board, phase: Phase['pairs']): boolean =>
  board.pairs !== 'none' && (phase === undefined || (phase === 'smallest' && board.pairs === 'all'))

/** Everything that there is to do: every single fault, every pair, and `draws` cases of three faults for each phase. */
export async function everyJob(draws: number): Promise<Job[]> {
  const jobs: Job[] = []
  for (const board of BOARDS) {
    const stand = await standOf(board.name)
    for (const { name: phase, pairs: paired } of phasesOf(board)) {
      const { length } = operationsOf(stand, phase)
      const job = { board: board.name, phase, count: 0 }
      jobs.push({ ...job, kind: 'single', at: 0 })
      if (isPaired(board, paired)) for (let at = 0; at < length; at += 1) jobs.push({ ...job, kind: 'pair', at })
      for (let at = 0; at < draws; at += SHARE) {
        jobs.push({ ...job, kind: 'drawn', at, count: Math.min(SHARE, draws - at) })
      }
    }
  }
  return jobs
}
