import { type Configuration, type Device, newDevice } from './device.ts'
import { LAWS, stuck, unrest, unserved } from './laws.ts'
import { CALMS, type Calm, type Decide, type Flow, SOUND, type Step, Steps } from './steps.ts'

/** What an exploration found: its size, how long a device takes to come to rest, and the first law that was broken. */
export type Exploration = {
  readonly states: number
  readonly transitions: number
  readonly depth: number
  readonly memories: number
  /** Boots and decisions until a device rests, at most, in each future without further faults. */
  readonly rest: Readonly<Record<Calm, number>>
  readonly violation: Violation | null
}

/** A shortest way from a new device to a broken law. */
export type Violation = { readonly law: string; readonly what: string; readonly trace: readonly string[] }

export type Wish = {
  readonly configuration: Configuration
  readonly decide: Decide
  readonly flow?: Flow
  /** Told now and then how many states were visited. */
  readonly progress?: (states: number) => void
}

const PROGRESS = 50_000

/**
 * Visits every state that a new device can come to, breadth first, and holds every step against every law; then follows
 * each state into each future without further faults, until it rests. Ends at the first violation.
 */
export function explore({ configuration, decide, flow = SOUND, progress }: Wish): Exploration {
  const steps = new Steps(configuration, decide, flow)
  const first = newDevice(configuration)
  const devices: Device[] = [first]
  const parents: number[] = [-1]
  const labels: string[] = ['a new device']
  const depths: number[] = [0]
  const numbers = new Map<string, number>([[steps.keyOf(first), 0]])
  /** For each future, the states that follow each state in it. */
  const futures = forEachCalm((): (readonly number[])[] => [])
  let transitions = 0

  const traceTo = (state: number, ...more: string[]): string[] => {
    const trace: string[] = [...more]
    for (let at = state; at >= 0; at = parents[at] as number) trace.unshift(labels[at] as string)
    return trace
  }
  const sizes = (rest: Exploration['rest'], violation: Violation | null): Exploration => ({
    states: devices.length,
    transitions,
    depth: depths.at(-1) as number,
    memories: steps.memories,
    rest,
    violation,
  })
  const unmeasured = forEachCalm(() => 0)

  for (let state = 0; state < devices.length; state += 1) {
    const device = devices[state] as Device
    const calm = forEachCalm((): number[] => [])
    const all = attempt(() => steps.of(device))
    const held = typeof all === 'string' ? all : stuck(device, all)
    if (held !== null || typeof all === 'string') {
      const law = typeof all === 'string' ? 'the machine answers everything' : 'a trial and a candidate can be ended'
      return sizes(unmeasured, { law, what: held ?? '', trace: traceTo(state) })
    }
    for (const step of all) {
      transitions += 1
      for (const { name, broken } of LAWS) {
        const what = broken(device, step, configuration)
        if (what !== null) return sizes(unmeasured, { law: name, what, trace: traceTo(state, step.label) })
      }
      const key = steps.keyOf(step.next)
      let number = numbers.get(key)
      if (number === undefined) {
        number = devices.length
        numbers.set(key, number)
        devices.push(step.next)
        parents.push(state)
        labels.push(step.label)
        depths.push((depths[state] as number) + 1)
        if (number % PROGRESS === 0) progress?.(number)
      }
      for (const one of step.calm) calm[one].push(number)
    }
    for (const one of CALMS) futures[one].push(calm[one])
  }

  const rest = { ...unmeasured }
  for (const calm of CALMS) {
    const found = longest(futures[calm], devices, calm === 'served' ? unserved : unrest)
    if (typeof found === 'number') rest[calm] = found
    else {
      const law = `a device comes to rest in a future that is ${calm}`
      return sizes(unmeasured, { law, what: found.what, trace: traceTo(found.state) })
    }
  }
  return sizes(rest, null)
}

/** The steps of a state, or what was thrown on the way to them. */
function attempt(steps: () => Step[]): Step[] | string {
  try {
    return steps()
  } catch (error) {
    return `it throws: ${(error as Error).message}`
  }
}

const forEachCalm = <T>(make: () => T): Record<Calm, T> =>
  Object.fromEntries(CALMS.map(calm => [calm, make()])) as Record<Calm, T>

/** The longest way to a state that rests; or a state from which there is none, since it goes round, or ends elsewhere. */
function longest(
  next: readonly (readonly number[])[],
  devices: readonly Device[],
  wrong: (device: Device) => string | null,
): number | { readonly state: number; readonly what: string } {
  const UNKNOWN = -1
  const OPEN = -2
  const lengths = new Int32Array(next.length).fill(UNKNOWN)
  for (let start = 0; start < next.length; start += 1) {
    const path = [start]
    while (path.length > 0) {
      const state = path.at(-1) as number
      const following = next[state] as readonly number[]
      const unvisited = following.find(one => lengths[one] === UNKNOWN)
      if (lengths[state] === UNKNOWN) lengths[state] = OPEN
      if (unvisited !== undefined && unvisited !== state) {
        path.push(unvisited)
        continue
      }
      if (following.some(one => lengths[one] === OPEN)) return { state, what: 'it goes round' }
      if (following.length === 0) {
        const what = wrong(devices[state] as Device)
        if (what !== null) return { state, what }
      }
      lengths[state] = following.reduce((most, one) => Math.max(most, (lengths[one] as number) + 1), 0)
      path.pop()
    }
  }
  return lengths.reduce((most, one) => Math.max(most, one), 0)
}

/** A violation as a test prints it: the law, and the shortest way to it. */
export function spell({ law, what, trace }: Violation): string {
  const lines = trace.map((label, index) => `${String(index).padStart(4)}  ${label}`)
  return `${law}: ${what}\n${lines.join('\n')}`
}
