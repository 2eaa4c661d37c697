import type { Readable } from 'node:stream'

/** Characters of a line that are passed on, and lines of one second. */
const LONGEST = 1024
const PER_SECOND = 200

/**
 * Passes the lines of a program's output on, and no more of them than a log can bear: a longer line is cut, and behind
 * so many in a second only their number is told. Nothing is kept but the line that is being read.
 */
export function passLines(from: Readable, take: (line: string) => void, now: () => number): void {
  let line = ''
  let second = Number.NEGATIVE_INFINITY
  let count = 0
  let dropped = 0
  const pass = (): void => {
    const at = Math.floor(now() / 1000)
    if (at !== second) {
      if (dropped > 0) take(`(${dropped} lines more)`)
      ;[second, count, dropped] = [at, 0, 0]
    }
    if (count < PER_SECOND) take(line)
    else dropped += 1
    count += 1
    line = ''
  }
  from.setEncoding('utf8')
  from.on('data', (text: string) => {
    const parts = text.split('\n')
    for (const [index, part] of parts.entries()) {
      if (line.length < LONGEST) line = (line + part).slice(0, LONGEST)
      if (index < parts.length - 1) pass()
    }
  })
  from.on('end', () => {
    if (line !== '') pass()
    if (dropped > 0) take(`(${dropped} lines more)`)
  })
  from.on('error', () => {})
}
