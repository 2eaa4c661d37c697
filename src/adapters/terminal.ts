import { openSync, writeSync } from 'node:fs'
import { ReadStream } from 'node:tty'

const ENTER = ['\r', '\n']
const BACKSPACE = ['\x7f', '\b']
/** Ctrl-C and Ctrl-D, which mean no signal and no end while a terminal hands over each key as it is pressed. */
const GIVE_UP = ['\x03', '\x04']

/**
 * Asks at the terminal of this process for something that nobody shall read there: no key that is pressed is shown. Null
 * when the process has no terminal, as in a service or a pipeline, or when the person gives up (Ctrl-C, Ctrl-D).
 */
export async function askAtTerminal(prompt: string): Promise<string | null> {
  let file: number
  try {
    // The terminal itself: stdin and stdout may be a pipe and still have a person at the keyboard.
    file = openSync('/dev/tty', 'r+')
  } catch {
    return null
  }
  const input = new ReadStream(file)
  try {
    input.setRawMode(true)
    writeSync(file, prompt)
    let typed: string[] = []
    for await (const part of input.setEncoding('utf8')) {
      for (const key of part as string) {
        if (ENTER.includes(key)) return typed.join('')
        if (GIVE_UP.includes(key)) return null
        if (BACKSPACE.includes(key)) typed = typed.slice(0, -1)
        else typed.push(key)
      }
    }
    return null
  } finally {
    writeSync(file, '\n')
    input.setRawMode(false)
    input.destroy()
  }
}
