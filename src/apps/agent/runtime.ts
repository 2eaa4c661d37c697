import { accessSync, chmodSync, constants, lstatSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { AgentConfig } from '../../wire/agent-config.ts'
import { refusalOf } from '../process/disk.ts'
import { agentFiles, removeFile } from './files.ts'

/** What a disk says that is full, or that takes no write any more. */
const NO_WRITE = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'])
/** A file system in memory, which every Linux has. */
const IN_MEMORY = '/dev/shm'

/**
 * Where the verified programs are put from which processes are started: the folder of the configuration, or, while its
 * disk takes no write, one in memory: what runs from a disk at the end of its life has to go on.
 */
export class Runtime {
  readonly #folders: readonly string[]
  readonly #mode: number

  constructor(folder: string, token: string, { runtime, application }: Pick<AgentConfig, 'runtime' | 'application'>) {
    this.#folders = [runtime ?? agentFiles(folder).runtime, join(IN_MEMORY, `voltseal-${token}`)]
    // Closed to everybody but the account that the application runs as, which may enter it and not list it.
    this.#mode = application.user === undefined ? 0o700 : 0o711
  }

  /** Refuses `runtime-unusable`: there is no such folder to be had. */
  check(): null | Refusal {
    return this.#withFolder(() => null)
  }

  /**
   * Has a program written, with its mode, and answers its path. What stood there before is removed first: it runs no more,
   * and its room may be needed. Refuses `runtime-unusable` (also: a folder that may not hold programs), `no-space`, and
   * what `write` refuses.
   */
  place(name: string, mode: number, write: (target: string, mode: number) => null | Refusal): string | Refusal {
    return this.#withFolder(folder => {
      const target = join(folder, name)
      removeFile(target)
      const refusal = write(target, mode)
      if (refusal === null && (mode & 0o111) !== 0) accessSync(target, constants.X_OK)
      return refusal ?? target
    })
  }

  #withFolder<T>(use: (folder: string) => T | Refusal): T | Refusal {
    let failed: Refusal | null = null
    for (const folder of this.#folders) {
      try {
        this.#make(folder)
        return use(folder)
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message
        const full = refusalOf(error, folder)?.code === 'no-space'
        failed ??= full
          ? refuse('no-space', folder, 'room for what is to run', code)
          : refuse('runtime-unusable', folder, 'a folder of this user that may hold programs', code)
        if (!NO_WRITE.has(code)) break
      }
    }
    return failed as Refusal
  }

  /** Makes the folder if there is none; its parent has to be there. */
  #make(folder: string): void {
    try {
      // Not with its parents: under /proc Node.js never comes back from that.
      mkdirSync(folder, { mode: this.#mode })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    // Somebody else may have made it first, where everybody may write.
    if (lstatSync(folder).uid !== process.geteuid?.()) throw new Error('a folder of another user')
    if ((statSync(folder).mode & 0o777) !== this.#mode) chmodSync(folder, this.#mode)
  }
}
