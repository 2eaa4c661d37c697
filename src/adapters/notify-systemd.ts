import { spawn } from 'node:child_process'

/**
 * Tells the service manager how this process is (sd_notify(3)): `READY=1`, `WATCHDOG=1`, `STATUS=…`. Node has no socket
 * of the kind that NOTIFY_SOCKET is, so systemd's own `systemd-notify` sends each word; the unit says `NotifyAccess=all`
 * for it. Without NOTIFY_SOCKET nothing is told. A word that cannot be sent is no fault of this process: the manager
 * then does what it does to a silent service.
 */
export function notifySystemd(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<void> {
  const { NOTIFY_SOCKET, PATH } = env
  if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === '') return Promise.resolve()
  return new Promise(resolve => {
    const child = spawn('systemd-notify', [...words], { stdio: 'ignore', env: { NOTIFY_SOCKET, PATH } })
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  })
}

/** How often the manager wants to hear `WATCHDOG=1`, in milliseconds: half of WATCHDOG_USEC. Null: not at all. */
export function watchdogInterval(env: Readonly<Record<string, string | undefined>> = process.env): number | null {
  const micros = Number(env.WATCHDOG_USEC ?? 0)
  return Number.isSafeInteger(micros) && micros > 0 ? micros / 2000 : null
}
