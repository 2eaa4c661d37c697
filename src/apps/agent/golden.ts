import { type Board, wouldLeaveGolden } from '../../flows/boot.ts'
import { pause } from './link/back-off.ts'

/** How often golden looks whether something better verifies again, in milliseconds. */
export const LOOK_FROM_GOLDEN = 60_000

/**
 * While golden runs: looks now and then whether a slot verifies again (a read that failed, a secure element that did not
 * answer), and restarts the controller then. Without it a passing fault would keep a plant out of service until somebody
 * comes. The pause doubles each time, up to an hour's.
 */
export async function watchGolden(
  board: Board,
  parts: { readonly stop: AbortSignal; readonly restart: () => void; readonly everyMillis?: number },
): Promise<void> {
  const { stop, restart, everyMillis = LOOK_FROM_GOLDEN } = parts
  for (let wait = everyMillis; ; wait = Math.min(2 * wait, 64 * everyMillis)) {
    await pause(wait, stop)
    if (stop.aborted) return
    if (wouldLeaveGolden(board)) return restart()
  }
}
