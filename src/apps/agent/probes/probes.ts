import { type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import type { Readings } from '../../../core/slot/health-machine.ts'
import type { AgentConfig, ProbeConfig } from '../../../wire/agent-config.ts'
import { runCommand } from './command.ts'
import { type FigureProbe, isWithin, readFigure } from './figure.ts'
import { askHttp } from './http.ts'

export type ProbeParts = {
  readonly probes: AgentConfig['probes']
  /** When the application last gave a sign of life, in milliseconds of `performance.now()`. */
  readonly beat: () => number | null
  /** The figures from before the update. */
  readonly figures: Readonly<Record<string, number>>
  /** What marks the processes that a probe starts. */
  readonly mark: Readonly<Record<string, string>>
}

/**
 * One round: asks every named probe at the same time, each for at most `limit` milliseconds. A probe that the agent does
 * not have fails, and so does a figure without one from before: an update is not confirmed for want of a judge.
 */
export async function readProbes(names: readonly string[], limit: number, parts: ProbeParts): Promise<Readings> {
  const read = names.map(async name => {
    const probe = Object.hasOwn(parts.probes, name) ? parts.probes[name] : undefined
    const passed = probe !== undefined && (await passes(name, probe, limit, parts))
    return [name, passed ? 'pass' : 'fail'] as const
  })
  return Object.fromEntries(await Promise.all(read))
}

async function passes(name: string, probe: ProbeConfig, limit: number, parts: ProbeParts): Promise<boolean> {
  if (probe.kind === 'heartbeat') {
    const beat = parts.beat()
    return beat !== null && performance.now() - beat <= probe.withinMillis
  }
  const time = Math.min(probe.timeoutMillis, limit)
  if (probe.kind === 'http') return askHttp(probe.url, time)
  if (probe.kind === 'command') return (await runCommand(probe.run, time, parts.mark)).code === 0
  const before = Object.hasOwn(parts.figures, name) ? parts.figures[name] : undefined
  if (before === undefined) return false
  const figure = await readFigure(probe, limit, parts.mark)
  return figure !== null && isWithin(figure, before, probe.tolerance)
}

/** Refuses `probe-missing`: the agent has not all of the probes that a release names. */
export function lackOf(names: readonly string[], probes: AgentConfig['probes'], subject: string): Refusal | null {
  const lacking = names.filter(name => !Object.hasOwn(probes, name))
  if (lacking.length === 0) return null
  const there = Object.keys(probes)
  const actual = there.length === 0 ? 'no probe in agent.yaml' : `${there.join(', ')} in agent.yaml`
  return refuse('probe-missing', subject, `a probe named ${lacking.join(', and one named ')}`, actual)
}

/** The figures that a release's probes will be held against. Refuses `baseline-missing` with the first that cannot be read. */
export async function takeFigures(
  names: readonly string[],
  { probes, mark }: Pick<ProbeParts, 'probes' | 'mark'>,
): Promise<Readonly<Record<string, number>> | Refusal> {
  const figures: Record<string, number> = {}
  for (const name of names) {
    const probe = Object.hasOwn(probes, name) ? probes[name] : undefined
    if (probe?.kind !== 'figure') continue
    const figure = await readFigure(probe as FigureProbe, probe.timeoutMillis, mark)
    if (figure === null) return refuse('baseline-missing', `probe ${name}`, 'one number, in time', 'none')
    figures[name] = figure
  }
  return figures
}
