import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'

const can = (program: string, ...args: string[]): boolean => spawnSync(program, args, { stdio: 'ignore' }).status === 0

/** File systems that a test makes, to be taken away again by `close`. Only root can have any. */
export class Mounts {
  readonly #paths: string[] = []

  /** A new file system of so many bytes in memory. False: this machine or this user has none. */
  memory(path: string, bytes: number): boolean {
    mkdirSync(path, { recursive: true })
    return this.#mount(path, ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path])
  }

  /** Makes a file or folder take no write any more, as storage at the end of its life does: EROFS, for root too. */
  readOnly(path: string): boolean {
    return this.#mount(path, ['--bind', path, path]) && can('mount', '-o', 'remount,bind,ro', path)
  }

  close(): void {
    for (const path of this.#paths.splice(0).toReversed()) can('umount', '--lazy', path)
  }

  #mount(path: string, args: readonly string[]): boolean {
    const mounted = can('mount', ...args)
    if (mounted) this.#paths.push(path)
    return mounted
  }
}

/** Why tests that need these are skipped, or false. */
export function withoutMounts(folder: string): string | false {
  const mounts = new Mounts()
  const made = mounts.memory(folder, 65_536)
  mounts.close()
  return made ? false : 'NOT TESTED: this user cannot mount a file system here'
}
