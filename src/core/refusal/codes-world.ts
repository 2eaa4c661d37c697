import type { CodeTable } from './code.ts'

export const worldCodes = {} as const satisfies CodeTable
