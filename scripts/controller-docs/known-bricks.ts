import { KNOWN_BRICKS, type KnownBrick } from '../../tests/sim/bricks/known-bricks.ts'

/** The table of what bricked others, and what a board does here. */
export function knownBricks(): string {
  const rows = KNOWN_BRICKS.map(brick => `| ${nameOf(brick)} | ${brick.happened} | ${brick.here} |\n`)
  const strangers = KNOWN_BRICKS.filter(({ told }) => told !== 'thread').map(({ name }) => name)
  return `| thread | what happened there | here |\n|---|---|---|\n${rows.join('')}
We could not get at ${strangers.join(' and ')}: what is told and replayed under their names is another thread of the same
project, which is linked beside them.
`
}

function nameOf({ name, thread, told }: KnownBrick): string {
  return told === 'thread'
    ? `[${name}](${thread})`
    : `${name}; told by [${told.neighbour.split('/').at(-1)}](${told.neighbour})`
}
