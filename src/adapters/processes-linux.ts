import { readdirSync, readFileSync } from 'node:fs'

/**
 * A variable with its value, in the environment of processes that belong together: by it they are found, whoever
 * started them, in whatever group or session they are by now, and whatever became of their parents.
 */
export type Mark = { readonly name: string; readonly value: string }

/** The flag of a kernel thread, in field 9 of `/proc/PID/stat`: `PF_KTHREAD`, include/linux/sched.h. */
const KERNEL_THREAD = 0x0020_0000
/**
 * How long, in milliseconds, and how often at least it is looked for marked processes while there are some without any
 * environment. Such a one may be in the middle of `execve`: the kernel has the new environment readable a moment after
 * the old one is gone, and may be made to wait in between. Whoever is seen without one each time has none.
 */
const EXECUTING = 100
const LOOKS = 10

/**
 * The processes that carry a mark, this one excepted. One that hides its environment from this user (another user's,
 * to one that is not root) is not found: the control group of the service is for those. Nor is one that is in the
 * middle of `execve`, which `killProcessesOf` waits for.
 */
export function processesOf(mark: Mark): readonly number[] {
  return look(mark).carrying
}

/**
 * Kills every process that carries a mark, and answers whether none is left after `patienceMillis`. Processes of others
 * that come and go without an environment delay this by a moment, and no longer.
 */
export function killProcessesOf(mark: Mark, patienceMillis: number): Promise<boolean> {
  return killSeen(() => look(mark), patienceMillis)
}

/** Who carries a mark now, and how many have no environment now. */
export type Seen = { readonly carrying: readonly number[]; readonly bare: number }

/** Looks and kills until nobody is seen, as `killProcessesOf` says. */
export async function killSeen(look: () => Seen, patienceMillis: number): Promise<boolean> {
  const end = performance.now() + patienceMillis
  let [looks, since] = [0, performance.now()]
  for (;;) {
    // A process may fork while it is looked for: looked for again until nobody is found.
    const { carrying, bare } = look()
    const now = performance.now()
    if (carrying.length > 0) [looks, since] = [0, now]
    else if (bare === 0) return true
    else looks += 1
    if (looks >= LOOKS && now - since > EXECUTING) return true
    for (const pid of carrying) kill(pid)
    if (now > end) return false
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

function look({ name, value }: Mark): Seen {
  const wanted = `${name}=${value}`
  const carrying: number[] = []
  let bare = 0
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    if (!/^\d+$/.test(entry) || pid === process.pid) continue
    const environment = environmentOf(pid)
    if (environment?.split('\0').includes(wanted)) carrying.push(pid)
    else if (environment === '' && executes(pid)) bare += 1
  }
  return { carrying, bare }
}

/** Kills a process group at once; one that has ended is no fault. */
export function killGroup(leader: number): void {
  kill(-leader)
}

function kill(id: number): void {
  try {
    process.kill(id, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The variables of a process; null for one that is not to be looked at, or that has ended. */
function environmentOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    return null
  }
}

/** True for a process that executes a program: no kernel thread, and none that has ended and waits to be asked about. */
function executes(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // Fields from the third on: the second is a name in brackets, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state] = fields
    const flags = Number(fields[6])
    return state !== 'Z' && state !== 'X' && (flags & KERNEL_THREAD) === 0
  } catch {
    return false
  }
}
