import { describe, it } from 'node:test'
import { type BrickName, KNOWN_BRICKS } from './bricks/known-bricks.ts'
import { MCUBOOT } from './bricks/mcuboot.ts'
import { OTHERS } from './bricks/others.ts'

/** Total by type: a brick without its replay does not compile. */
const REPLAYS: Readonly<Record<BrickName, () => void | Promise<void>>> = { ...MCUBOOT, ...OTHERS }

describe('a known brick', () => {
  for (const { name, told, thread } of KNOWN_BRICKS) {
    const read = told === 'thread' ? thread : `not to be had; in its place ${told.neighbour}`
    it(`${name} (${read})`, () => REPLAYS[name]())
  }
})
