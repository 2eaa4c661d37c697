import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { DiskStep } from '../../src/adapters/repository-folder.ts'

/** What every file of a folder holds, by its path in it. */
export function contentOf(folder: string): Map<string, Uint8Array> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  return new Map(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name)
      return [relative(folder, path), new Uint8Array(readFileSync(path))]
    }),
  )
}

/** The steps in which a folder of plain files came from one content to another, and what it held before and behind each. */
export type Passage = {
  readonly folder: string
  readonly steps: readonly DiskStep[]
  readonly states: readonly ReadonlyMap<string, Uint8Array>[]
}

/** Looks on as `work` changes a folder. */
export async function passageOf(
  folder: string,
  work: (onStep: (step: DiskStep) => void) => Promise<unknown>,
): Promise<Passage> {
  const states = [contentOf(folder)]
  const steps: DiskStep[] = []
  await work(step => {
    steps.push(step)
    states.push(contentOf(folder))
  })
  return { folder, steps, states }
}

/** Of so many names that may or may not have lasted, every combination is tried. */
const MOST_LOOSE = 10

/**
 * What a cut of power behind each step may leave: a name lasts for certain once its folder was synced behind it; of the others any may
 * have lasted.
 */
export function* cutsOf({ folder, steps, states }: Passage): Generator<{ files: Map<string, Uint8Array>; at: string }> {
  for (let cut = 0; cut <= steps.length; cut += 1) {
    const done = steps.slice(0, cut)
    const renames = done.flatMap((step, at) => (step.did === 'rename' ? [{ at, path: step.path }] : []))
    const lasts = (at: number, path: string): boolean =>
      done.slice(at + 1).some(step => step.did === 'sync-folder' && path.startsWith(step.path))
    const loose = renames.filter(({ at, path }) => !lasts(at, path))
    for (let subset = 0; subset < 2 ** Math.min(loose.length, MOST_LOOSE); subset += 1) {
      const files = new Map(states[0])
      for (const { at, path } of renames) {
        const index = loose.findIndex(one => one.at === at)
        if (index >= 0 && (subset & (2 ** index)) === 0) continue
        const name = relative(folder, path)
        const bytes = states[at + 1]!.get(name)
        if (bytes !== undefined) files.set(name, bytes)
      }
      yield { files, at: `cut at ${cut}, subset ${subset}` }
    }
  }
}

/** No file has its name before its bytes are synced. */
export function assertSynced({ steps }: Passage): void {
  for (const [at, step] of steps.entries()) {
    if (step.did !== 'rename') continue
    const synced = steps.slice(0, at).some(one => one.did === 'sync' && one.path === step.from)
    assert.ok(synced, step.path)
  }
}
