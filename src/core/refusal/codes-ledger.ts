import type { CodeTable } from './code.ts'

export const ledgerCodes = {} as const satisfies CodeTable
