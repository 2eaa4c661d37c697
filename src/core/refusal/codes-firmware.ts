import type { CodeTable } from './code.ts'

export const firmwareCodes = {} as const satisfies CodeTable
