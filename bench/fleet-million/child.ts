import { measureFleet } from './run.ts'

/** One size, measured in this process: controllers, folder, how often each question is asked. */
const [controllers, folder, asked] = process.argv.slice(2)
const say = (progress: string): void => void process.stderr.write(`${controllers}: ${progress}\n`)
const options = { controllers: Number(controllers), folder: folder!, asked: Number(asked), say }
for await (const line of measureFleet(options)) process.send?.(line)
process.disconnect?.()
