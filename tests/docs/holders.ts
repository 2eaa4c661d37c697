import { cpSync } from 'node:fs'
import type { World } from '../../sim/doors/world.ts'
import type { Repository } from '../../src/core/trust/ceremony-note.ts'

/** Takes roots out of the server, as docs/runbooks/root-rotation.md does: ana, bo and cho hold them, two must sign. */
export async function heldByThree(world: World, ...repositories: readonly Repository[]): Promise<void> {
  const people = ['ana', 'bo', 'cho']
  for (const name of people) await world.must('key', 'generate', world.at(name, 'key'), '-a', 'ed25519')
  for (const repository of repositories) {
    const folder = world.at(`first-${repository}`)
    const added = people.flatMap(name => ['--add-signer', `${name}=${world.at(name, 'key.pub')}`])
    const change = [...added, '--threshold', '2', '--remove-signer', `${repository}-root`]
    await world.must('ceremony', 'start', folder, '--repository', repository, ...change)
    for (const key of [
      world.at('fleet', 'keys', `${repository}-root`),
      world.at('ana', 'key'),
      world.at('bo', 'key'),
    ]) {
      await world.must('ceremony', 'sign', folder, '--key', key)
    }
    await world.must('ceremony', 'close', folder)
  }
}

/** A thief's copy of what lies in the world's folder: the same names, below `thief`. */
export function steal(world: World, ...names: readonly string[]): void {
  for (const name of names) cpSync(world.at(name), world.at('thief', name), { recursive: true })
}
