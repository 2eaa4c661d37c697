import { readdirSync, readFileSync } from 'node:fs'

/**
 * A variable with its value, in the environment of processes that belong together: by it they are found, whoever
 * started them, in whatever group or session they are by now, and whatever became of their parents.
 */
export type Mark = { readonly name: string; readonly value: string }

/**
 * The processes that carry a mark, this one excepted. One that hides its environment from this user (another user's,
 * to one that is not root) is not found: the control group of the service is for those.
 */
export function processesOf({ name, value }: Mark): number[] {
  const wanted = `${name}=${value}`
  return readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry))
    .map(Number)
    .filter(pid => pid !== process.pid && environmentOf(pid).includes(wanted))
}

/** Kills every process that carries a mark, and answers whether none is left after `patienceMillis`. */
export async function killProcessesOf(mark: Mark, patienceMillis: number): Promise<boolean> {
  const end = performance.now() + patienceMillis
  for (;;) {
    // A process may fork while it is looked for: looked for again until nobody is found.
    const left = processesOf(mark)
    if (left.length === 0) return true
    for (const pid of left) kill(pid)
    if (performance.now() > end) return false
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** Kills a process group at once; one that has ended is no fault. */
export function killGroup(leader: number): void {
  kill(-leader)
}

/** A name for the time since this machine was started: another one, and the power was off, or somebody rebooted. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

function kill(id: number): void {
  try {
    process.kill(id, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The variables of a process; none for one that has ended (a zombie's environment is empty) or is not to be looked at. */
function environmentOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
  } catch {
    return []
  }
}
