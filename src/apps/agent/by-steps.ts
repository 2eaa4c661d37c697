import { setImmediate } from 'node:timers/promises'
import type { Step, Steps } from '../../core/slot/steps.ts'

/** Takes long work step by step, with room for others in between: who asks, the signs of life by which the boot stage knows that it has not hung. */
export async function bySteps<T>(steps: Steps<T>, tell: (step: Step) => void): Promise<T> {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    tell(step.value)
    await setImmediate()
  }
}
