import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { type Client, OurClient, TheirClient, type View } from './clients.ts'
import { answers, type Difference, PATH } from './differences.ts'
import { repository as drawn, type Story, story } from './draw.ts'
import { GeneratedRepository, PATHS } from './generated-repository.ts'
import { attacked, work } from './steps.ts'

/** What the two clients were asked, and what they answered alike. */
export type Tally = { repositories: number; looks: number; attacks: Map<string, number>; answers: Map<string, number> }

export const emptyTally = (): Tally => ({ repositories: 0, looks: 0, attacks: new Map(), answers: new Map() })

const count = (counts: Map<string, number>, what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1)

/** Two clients of each kind before one repository: one pair keeps what it trusts, the other begins at each look. */
export class Pair {
  readonly #folder: string
  readonly #root: Uint8Array
  readonly #kept: readonly [Client, Client]
  #begun = 0

  constructor(root: Uint8Array) {
    this.#folder = mkdtempSync(join(tmpdir(), 'voltseal-tuf-'))
    this.#root = root
    this.#kept = this.#fresh()
  }

  #fresh(): [Client, Client] {
    this.#begun += 1
    return [new OurClient(this.#root), new TheirClient(join(this.#folder, `${this.#begun}`), this.#root)]
  }

  async look(files: ReadonlyMap<string, Uint8Array>, paths: readonly string[], kept = true): Promise<[View, View]> {
    const [ours, theirs] = kept ? this.#kept : this.#fresh()
    return [await ours.look(files, paths), await theirs.look(files, paths)]
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Tells a story to both kinds of client: at every look their answers are the same. */
async function tell({ model, steps }: Story, tally: Tally): Promise<void> {
  const repository = new GeneratedRepository(model)
  const pair = new Pair(repository.files.get('1.root.json') as Uint8Array)
  tally.repositories += 1
  try {
    for (const [index, step] of [{ work: null, attack: null }, ...steps].entries()) {
      if (step.work !== null) work(repository, step.work)
      const served = attacked(repository, step.attack)
      if (step.attack !== null) count(tally.attacks, step.attack.how)
      for (const kept of [true, false]) {
        const [ours, theirs] = await pair.look(served, PATHS, kept)
        const client = kept ? 'that keeps what it trusts' : 'that begins'
        assert.deepEqual(ours, theirs, `look ${index} of a client ${client}: ours, and tuf-js`)
        tally.looks += 1
        for (const answer of ours === 'refused' ? ['repository refused'] : Object.values(ours)) {
          count(tally.answers, /^[0-9a-f]{64}$/.test(answer) ? 'found' : answer)
        }
      }
    }
  } finally {
    pair.close()
  }
}

/** Draws stories and tells them. The same seed draws the same ones. */
export async function compare(runs: number, seed: number): Promise<Tally> {
  const tally = emptyTally()
  await fc.assert(
    fc.asyncProperty(story, one => tell(one, tally)),
    { numRuns: runs, seed, endOnFailure: false },
  )
  return tally
}

/** Plants a listed difference into drawn repositories: it comes out as it is listed, and nowhere else. */
export async function plant(difference: Difference, runs: number, seed: number): Promise<void> {
  const { name, path = PATH, ours, theirs, client } = difference
  await fc.assert(
    fc.asyncProperty(drawn, async model => {
      const repository = new GeneratedRepository(model)
      const pair = new Pair(repository.files.get('1.root.json') as Uint8Array)
      try {
        difference.before?.(repository)
        const [first, other] = await pair.look(repository.files, [path])
        if (path in Object.prototype) assert.equal(answers(other, path, theirs), true, name)
        else assert.deepEqual(first, other, `${name}: alike before it was planted`)
        const served = new Map<string, Uint8Array>()
        difference.plant(repository, served)
        const files = new Map([...repository.files, ...served])
        for (const kept of [true, false]) {
          const [mine, them] = await pair.look(files, [path], kept)
          if (client !== undefined && (client === 'kept') !== kept) continue
          assert.ok(answers(mine, path, ours), `${name}: ours is ${ours}, not ${JSON.stringify(mine)}`)
          assert.ok(answers(them, path, theirs), `${name}: tuf-js is ${theirs}, not ${JSON.stringify(them)}`)
        }
      } finally {
        pair.close()
      }
    }),
    { numRuns: runs, seed, endOnFailure: true },
  )
}

export function shown({ repositories, looks, attacks, answers }: Tally): string {
  const list = (counts: Map<string, number>): string =>
    [...counts]
      .sort(([, a], [, b]) => b - a)
      .map(([what, times]) => `${times} ${what}`)
      .join(', ')
  return `${repositories} repositories, ${looks} looks; answers: ${list(answers)}; attacks: ${list(attacks)}`
}
