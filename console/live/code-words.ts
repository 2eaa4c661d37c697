import { isRefusalCode, registry } from '../../src/core/refusal/registry.ts'
import { sentence } from '../../src/core/refusal/sentence.ts'

/** What refusal codes mean: the largest part of the console. Only `loadCodes` names this file, so that it comes later. */
export const codes = { registry, isRefusalCode, sentence } as const
