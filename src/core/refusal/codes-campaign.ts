import type { CodeTable } from './code.ts'

export const campaignCodes = {} as const satisfies CodeTable
