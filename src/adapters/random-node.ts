import { randomBytes } from 'node:crypto'
import type { Random } from '../flows/people-ports.ts'

/** The random generator of the machine. */
export const nodeRandom: Random = { bytes: length => new Uint8Array(randomBytes(length)) }
