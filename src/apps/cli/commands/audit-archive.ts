import type { Command } from 'commander'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import { archiveFleet, restoreEntries } from '../../fleet/archive-by-hand.ts'
import { whole } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { Progress } from '../progress.ts'
import { listing } from '../table.ts'

/** Behind every entry that there can be. */
const END = Number.MAX_SAFE_INTEGER

const FOLDER = 'the fleet server’s folder; it must not be served'

/** `audit archive`, `audit restore`: on the server's own machine. */
export function addArchive(audit: Command, cli: Cli): void {
  const shows = (what: string) => {
    let progress: Progress | null = null
    return (done: number, all: number): void => {
      progress ??= new Progress(cli.output, all)
      progress.at(done, `${done} of ${all} ${what}`)
    }
  }
  audit
    .command('archive')
    .description(
      'bring the archive up to the log, and let old entries leave the database: what the server does each hour',
    )
    .argument('<folder>', FOLDER)
    .action(
      cli.act(async (folder: string) => {
        const done = await archiveFleet(folder, shows('files'), cli.world.clock)
        if (isRefusal(done)) return done
        const text = listing(cli.output, [
          ['archive', done.archive],
          ['entries in it', done.size],
          ['that left the database', done.left],
        ])
        return { json: done, text }
      }),
    )
  audit
    .command('restore')
    .description('bring archived entries back into the database, for thirty days')
    .argument('<folder>', FOLDER)
    .option('--archive <folder>', 'the archive, where it is not where fleet.yaml says')
    .option('--from <n>', 'the first entry', whole, 0)
    .option('--to <n>', 'the first entry behind the last one (default: the end of the log)', whole)
    .action(
      cli.act(async (folder: string, { archive, from, to = END }: { archive?: string; from: number; to?: number }) => {
        const asked = { archive: archive ?? null, from, to }
        const done = await restoreEntries(folder, asked, shows('entries'), cli.world.clock)
        if (isRefusal(done)) return done
        const text = listing(cli.output, [
          ['entries that are back', done.returned],
          ['in the archive alone', done.left],
        ])
        return { json: done, text }
      }),
    )
}
