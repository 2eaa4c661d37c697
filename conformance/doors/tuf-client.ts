import { systemClock } from '../../src/adapters/clock-system.ts'
import { tufClient } from './tuf-commands.ts'

process.exitCode = await tufClient(process.argv.slice(2), {
  now: systemClock.now(),
  say: text => void process.stderr.write(text),
})
