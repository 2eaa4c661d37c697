import type { CodeTable } from './code.ts'

export const slotCodes = {} as const satisfies CodeTable
