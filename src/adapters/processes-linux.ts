import { readdirSync, readFileSync } from 'node:fs'

/**
 * A variable with its value, in the environment of processes that belong together: by it they are found, whoever
 * started them, in whatever group or session they are by now, and whatever became of their parents.
 */
export type Mark = { readonly name: string; readonly value: string }

/** The flag of a kernel thread, in field 9 of `/proc/PID/stat`: `PF_KTHREAD`, include/linux/sched.h. */
const KERNEL_THREAD = 0x0020_0000
/**
 * How long a process without any environment is taken for one in the middle of `execve`, in milliseconds: the kernel has
 * the new environment readable a moment after the old one is gone, and may be made to wait in between.
 */
const EXECUTING = 100

/**
 * The processes that carry a mark, this one excepted. One that hides its environment from this user (another user's,
 * to one that is not root) is not found: the control group of the service is for those. Nor is one that is in the
 * middle of `execve`, which `killProcessesOf` waits for.
 */
export function processesOf(mark: Mark): number[] {
  return look(mark).carrying
}

/** Kills every process that carries a mark, and answers whether none is left after `patienceMillis`. */
export async function killProcessesOf(mark: Mark, patienceMillis: number): Promise<boolean> {
  const end = performance.now() + patienceMillis
  let seen = new Map<string, number>()
  for (;;) {
    // A process may fork while it is looked for: looked for again until nobody is found.
    const { carrying, bare } = look(mark)
    const now = performance.now()
    seen = new Map(bare.map(name => [name, seen.get(name) ?? now]))
    const settled = [...seen.values()].every(since => now - since > EXECUTING)
    if (carrying.length === 0 && settled) return true
    for (const pid of carrying) kill(pid)
    if (now > end) return false
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** Who carries a mark now, and who has no environment now: the latter each by a name that no other process gets. */
function look({ name, value }: Mark): { readonly carrying: number[]; readonly bare: string[] } {
  const wanted = `${name}=${value}`
  const carrying: number[] = []
  const bare: string[] = []
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    if (!/^\d+$/.test(entry) || pid === process.pid) continue
    const environment = environmentOf(pid)
    if (environment?.split('\0').includes(wanted)) carrying.push(pid)
    else if (environment === '') bare.push(...programOf(pid))
  }
  return { carrying, bare }
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

/** The variables of a process; null for one that is not to be looked at, or that has ended. */
function environmentOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    return null
  }
}

/** Names a process by its number and its time of start, if it is one that executes a program. */
function programOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // Fields from the third on: the second is a name in brackets, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state] = fields
    const flags = Number(fields[6])
    return state === 'Z' || state === 'X' || (flags & KERNEL_THREAD) !== 0 ? [] : [`${pid} ${fields[19]}`]
  } catch {
    return []
  }
}
