import type { CodeTable } from './code.ts'

export const firmwareCodes = {
  'version-malformed': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'the version is not a semantic version',
    fix: 'Write three numbers joined by dots, with an optional pre-release: 2.3.0 or 2.3.0-rc.1. Leave out a leading "v" and build metadata.',
  },
} as const satisfies CodeTable
