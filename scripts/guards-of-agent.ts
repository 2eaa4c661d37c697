import type { Guard } from './guard.ts'

const STAGES = 'tests/agent/two-stages.test.ts'
const ON_THE_SPOT = 'tests/agent/update-on-the-spot.test.ts'
const PROBES = 'tests/apps/agent/probes.test.ts'
const STORAGE = 'tests/agent/failing-storage.test.ts'
const ELEMENT = 'tests/adapters/element-file.test.ts'
const FLASH = 'tests/adapters/flash-files.test.ts'

/** The guards of the Linux agent: what runs, who owns the board, what counts as healthy. */
export const AGENT_GUARDS: readonly Guard[] = [
  {
    stops: 'a good version that is condemned by an operator who restarts the service',
    file: 'src/apps/agent/session.ts',
    text: "? 'power-on' :",
    without: "? 'software' :",
    tests: STAGES,
  },
  {
    stops: 'executing bytes of a slot that nobody has signed',
    file: 'src/apps/agent/images.ts',
    text: '  if (digest !== facts.imageDigest) {',
    without: '  if (digest === undefined) {',
    tests: STAGES,
  },
  {
    stops: 'starting an application beside one of an earlier life',
    file: 'src/apps/agent/boot-stage.ts',
    text: '      if (!(await this.#sweep())) {',
    without: "      if (this.#folder === '') {",
    tests: STAGES,
  },
  {
    stops: 'overlooking a process that is about to execute another program',
    file: 'src/adapters/processes-linux.ts',
    text: 'if (looks >= LOOKS && now - since > EXECUTING) return true',
    without: 'if (looks > 0) return true',
    tests: 'tests/adapters/linux.test.ts',
  },
  {
    stops: 'a sweep that processes of others starve',
    file: 'src/adapters/processes-linux.ts',
    text: 'if (looks >= LOOKS && now - since > EXECUTING) return true',
    without: 'if (looks < 0) return true',
    tests: 'tests/adapters/linux.test.ts',
  },
  {
    stops: 'an application that goes on without anybody who watches it',
    file: 'src/apps/agent/second-stage.ts',
    text: "    process.kill(-process.pid, 'SIGKILL')",
    without: '    process.kill(process.pid, 0)',
    tests: STAGES,
  },
  {
    stops: 'a second stage that hangs for ever',
    file: 'src/apps/agent/boot-stage.ts',
    text: 'const silent = now - heard > watchdogMillis',
    without: 'const silent = now - heard > Number.POSITIVE_INFINITY',
    tests: STAGES,
  },
  {
    stops: 'an application that moves the plant from golden',
    file: 'src/apps/agent/agent.ts',
    text: "if (slot !== 'golden' && holds(facts, APPLICATION)) application.start()",
    without: 'if (holds(facts, APPLICATION)) application.start()',
    tests: STAGES,
  },
  {
    stops: 'a file that is fed like the watchdog of the machine, and resets nothing',
    file: 'src/adapters/watchdog-device.ts',
    text: 'openSync(path, constants.O_WRONLY)',
    without: "openSync(path, 'w')",
    tests: 'tests/adapters/linux.test.ts',
  },
  {
    stops: 'giving up a good image because agent.yaml lacks its probe',
    file: 'src/apps/agent/device.ts',
    text: 'if (lack !== null) return lack',
    without: "if (lack?.code === 'file-missing') return lack",
    tests: ON_THE_SPOT,
  },
  {
    stops: 'two agents on one board',
    file: 'src/apps/agent/boot-stage.ts',
    text: "  if (lock === null) return refuse('board-in-use', folder, 'a board without an agent', 'an agent that runs')",
    without:
      "  if (lock === null) return refuse('file-missing', folder, 'a board without an agent', 'an agent that runs')",
    tests: ON_THE_SPOT,
  },
  {
    stops: 'confirming an application that keeps ending',
    file: 'src/apps/agent/trial.ts',
    text: '    if (application.ends >= ENDS)',
    without: '    if (application.ends >= Number.POSITIVE_INFINITY)',
    tests: ON_THE_SPOT,
  },
  {
    stops: 'confirming with a probe that the agent does not have',
    file: 'src/apps/agent/probes/probes.ts',
    text: 'const passed = probe !== undefined && (await',
    without: 'const passed = probe === undefined || (await',
    tests: PROBES,
  },
  {
    stops: 'confirming a figure that nothing is held against',
    file: 'src/apps/agent/probes/probes.ts',
    text: '  if (before === undefined) return false',
    without: '  if (before === undefined) return true',
    tests: PROBES,
  },
  {
    stops: 'a probe that never ends',
    file: 'src/apps/agent/probes/probes.ts',
    text: '  const time = Math.min(probe.timeoutMillis, limit)',
    without: '  const time = probe.timeoutMillis',
    tests: PROBES,
  },
  {
    stops: 'an answer that is no success',
    file: 'src/apps/agent/probes/http.ts',
    text: 'resolve(status >= 200 && status < 300)',
    without: 'resolve(status >= 200)',
    tests: PROBES,
  },
  {
    stops: 'writing golden on a Linux controller',
    file: 'src/adapters/flash-files/flash-files.ts',
    text: "sizes, area !== 'golden',",
    without: 'sizes, true,',
    tests: FLASH,
  },
  {
    stops: 'dying of storage that takes no write any more',
    file: 'src/adapters/flash-files/area-file.ts',
    text: "      this.#failed('write', codeOf(error))",
    without: '      throw error',
    tests: FLASH,
  },
  {
    stops: 'dying of an area that is gone',
    file: 'src/adapters/flash-files/flash-files.ts',
    text: 'if (first === undefined || missing.length < BOOTABLE.length) return',
    without: 'if (first === undefined || missing.length < 1) return',
    tests: STORAGE,
  },
  {
    stops: 'believing the page cache about a write that was not made durable',
    file: 'src/adapters/flash-files/area-file.ts',
    text: '      this.#unsure.add(start, end)',
    without: '      this.#unsure.remove(start, end)',
    tests: FLASH,
  },
  {
    stops: 'dying of a session that cannot be written',
    file: 'src/apps/agent/session.ts',
    text: '    return (error as NodeJS.ErrnoException).code ?? (error as Error).message',
    without: '    throw error',
    tests: STORAGE,
  },
  {
    stops: 'two agents on a board that takes no write',
    file: 'src/adapters/file-lock.ts',
    text: '  const flocked = isReadOnly(path) ? flock(path)',
    without: '  const flocked = isReadOnly(path) && false ? flock(path)',
    tests: 'tests/adapters/linux.test.ts',
  },
  {
    stops: 'an application that has no place to run from on a disk that takes no write',
    file: 'src/apps/agent/runtime.ts',
    text: "const NO_WRITE = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'])",
    without: 'const NO_WRITE = new Set<string>()',
    tests: STORAGE,
  },
  {
    stops: 'forgetting a verdict that could not be written down (agent)',
    file: 'src/apps/agent/trial.ts',
    text: "      note({ event: 'waiting', code: seen.code, detail: seen.actual })",
    without: "      note({ event: 'waiting', code: seen.code, detail: seen.actual })\n      continue",
    tests: 'tests/apps/agent/trial.test.ts',
  },
  {
    stops: 'forgetting a verdict that could not be written down (simulated controller)',
    file: 'sim/controller/sim-controller.ts',
    text: "return { at: 'refused', refusal: seen, boot: this.powerUp('software') }",
    without: "return { at: 'refused', refusal: seen, boot: { at: 'halted', reason: '' } }",
    tests: 'tests/sim/controller.test.ts',
  },
  {
    stops: 'giving the number of a report that is not reserved',
    file: 'src/adapters/element-file.ts',
    text: 'if (!this.#save({ ...this.#contents, reserved: this.#nextReport + RESERVE })) return null',
    without: 'this.#save({ ...this.#contents, reserved: this.#nextReport + RESERVE })',
    tests: ELEMENT,
  },
  {
    stops: 'turning the counter in a file back',
    file: 'src/adapters/element-file.ts',
    text: 'if (value > this.#contents.counter) this.#save',
    without: 'this.#save',
    tests: ELEMENT,
  },
  {
    stops: 'giving the number of a report twice',
    file: 'src/adapters/element-file.ts',
    text: 'this.#nextReport = contents.reserved',
    without: 'this.#nextReport = 1',
    tests: ELEMENT,
  },
]
