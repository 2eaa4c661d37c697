import type { ProbeConfig } from '../../../wire/agent-config.ts'
import { runCommand } from './command.ts'

export type FigureProbe = Extract<ProbeConfig, { kind: 'figure' }>

/** The one number that a command prints; null when it fails, is late, or prints something else. */
export async function readFigure(
  { run, timeoutMillis }: FigureProbe,
  limit: number,
  mark: Readonly<Record<string, string>>,
): Promise<number | null> {
  const { code, output } = await runCommand(run, Math.min(timeoutMillis, limit), mark)
  const text = output.trim()
  const figure = Number(text)
  return code === 0 && /^[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(text) && Number.isFinite(figure) ? figure : null
}

/** Whether a figure is as near to the one before the update as the tolerance says. */
export function isWithin(figure: number, before: number, tolerance: FigureProbe['tolerance']): boolean {
  const allowed = 'absolute' in tolerance ? tolerance.absolute : tolerance.relative * Math.abs(before)
  return Math.abs(figure - before) <= allowed
}
