import type { CodeTable } from './code.ts'

export const fleetCodes = {} as const satisfies CodeTable
