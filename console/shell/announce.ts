import { dueIn, nothingToTell, told, withMore } from '../picture/announcing.ts'

let so = nothingToTell
let timer = 0

/** Tells something to who listens with a screen reader, politely: at most once in 10 seconds, what gathered meanwhile together. */
export function announce(text: string): void {
  so = withMore(so, text)
  if (timer === 0) plan()
}

function plan(): void {
  const wait = dueIn(so, performance.now())
  if (wait === null) return
  timer = setTimeout(() => {
    timer = 0
    const { text, next } = told(so, performance.now())
    so = next
    const place = document.getElementById('announcements')
    if (place !== null) place.textContent = text
    plan()
  }, wait)
}
