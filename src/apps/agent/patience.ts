/** Does something when so many milliseconds have passed, unless what it answers is called before: a test brings a time of its own. */
export type After = (millis: number, over: () => void) => () => void

export const timerAfter: After = (millis, over) => {
  const timer = setTimeout(over, millis)
  return () => clearTimeout(timer)
}
