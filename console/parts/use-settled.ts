import { useEffect, useState } from 'preact/hooks'

/** For so long somebody types no further letter before it is asked what they typed, in milliseconds. */
const SETTLED = 150

/** What was typed, once nobody types on: a question for each letter would be asked for nothing. */
export function useSettled(typed: string): string {
  const [settled, setSettled] = useState(typed)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(typed), SETTLED)
    return () => clearTimeout(timer)
  }, [typed])
  return settled
}
