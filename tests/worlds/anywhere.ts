import type { Permit } from '../../src/flows/plan.ts'

/** Who plans in a test of something else may plan everywhere. */
export const anywhere: Permit = async () => null
