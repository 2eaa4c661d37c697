import { operationsOf } from './enumerate.ts'
import { BOARDS } from './geometries.ts'
import { standOf } from './jobs.ts'
import { modesOn } from './modes.ts'
import { phasesOf } from './phases.ts'
import { ofMode, type Tally } from './tally.ts'

/** Modes that have no effect in a phase, on whatever board, and why. Their mode has one elsewhere. */
const IDLE: readonly { readonly mode: string; readonly phases: readonly string[] | 'any'; readonly because: string }[] =
  [
    {
      mode: 'erase-torn-late',
      phases: 'any',
      because: 'without weak bits a sector is as good as erased then, and most erases are of one sector',
    },
    ...['element-answer-lost', 'hang-behind-a-command', 'element-unanswered'].map(mode => ({
      mode,
      phases: ['under-the-next-key', 'fallback-update', 'blank-one', 'blank-two', 'blank-two-older-fails'],
      because: 'the release has the counter that the device has already: the command changes nothing',
    })),
  ]

const isIdle = (phase: string, mode: string): boolean =>
  IDLE.some(idle => idle.mode === mode && (idle.phases === 'any' || idle.phases.includes(phase)))

/**
 * The (phase, mode) that no fault with an effect has struck, though the phase does operations that the mode strikes; and
 * the modes that had no effect anywhere. A whole run leaves none.
 */
export async function withoutEffect(tally: Tally): Promise<readonly string[]> {
  const expected = new Set<string>()
  const modes = new Set<string>()
  const missing: string[] = []
  for (const board of BOARDS) {
    const stand = await standOf(board.name)
    for (const { name: phase } of phasesOf(board)) {
      const kinds = new Set(operationsOf(stand, phase).map(({ kind }) => kind))
      for (const { name: mode } of [...kinds].flatMap(modesOn)) {
        modes.add(mode)
        if (expected.has(`${phase} ${mode}`)) continue
        expected.add(`${phase} ${mode}`)
        const struck = tally.cells[phase]?.[mode]?.effect ?? 0
        if (struck === 0 && !isIdle(phase, mode)) missing.push(`${mode} in ${phase}`)
      }
    }
  }
  for (const mode of modes) if (ofMode(tally, mode).effect === 0) missing.push(`${mode} anywhere`)
  return missing
}
