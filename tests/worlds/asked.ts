import { parsePlanFile } from '../../src/core/campaign/plan-file.ts'
import type { PlanRequest } from '../../src/core/campaign/plan-request.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'

/** The usual plan of a world: one controller of each class, then the rest, a second apart. */
export const usualPlan = (id: string, releases: readonly string[], change: object = {}): PlanRequest =>
  orThrow(
    parsePlanFile(
      {
        id,
        releases,
        waves: [
          { name: 'canary', take: { perClass: 1 }, soak: '1s' },
          { name: 'rest', take: 'rest', soak: '1s' },
        ],
        validFor: '1d',
        steppingStones: false,
        ...change,
      },
      `the plan of ${id}`,
    ),
  )
