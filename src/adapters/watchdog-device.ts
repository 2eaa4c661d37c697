import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'

/**
 * The machine's own watchdog (/dev/watchdog): once it is open, the machine resets unless it is fed. Closing it with the
 * letter V first tells the driver that this is meant (Linux, Documentation/watchdog/watchdog-api.rst, "magic close").
 */
export class DeviceWatchdog {
  readonly #fd: number

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** The watchdog behind a descriptor that is open for writing. */
  static on(fd: number): DeviceWatchdog {
    return new DeviceWatchdog(fd)
  }

  /** Refuses `watchdog-device-unusable`: none there, something that is no device, or another program holds it. */
  static open(path: string): DeviceWatchdog | Refusal {
    try {
      // Never made: a file of that name would be fed like a watchdog, and reset nothing.
      const fd = openSync(path, constants.O_WRONLY)
      if (fstatSync(fd).isCharacterDevice()) return DeviceWatchdog.on(fd)
      closeSync(fd)
      return refuse('watchdog-device-unusable', path, 'a watchdog that this process may open', 'no character device')
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message
      return refuse('watchdog-device-unusable', path, 'a watchdog that this process may open', code)
    }
  }

  feed(): void {
    writeSync(this.#fd, '\0')
  }

  disarm(): void {
    writeSync(this.#fd, 'V')
    closeSync(this.#fd)
  }
}
