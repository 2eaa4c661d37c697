import { measureFleet } from './run.ts'

/** One size, measured in this process: controllers, folder, how often each question is asked. */
const [controllers, folder, asked] = process.argv.slice(2)
const say = (progress: string): void => void process.stderr.write(`${controllers}: ${progress}\n`)
const lines = await measureFleet({ controllers: Number(controllers), folder: folder!, asked: Number(asked), say })
process.send?.(lines)
process.disconnect?.()
