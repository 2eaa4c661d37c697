import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { follow, nothing } from './live/feed.ts'
import { Badge } from './parts/badge.tsx'
import { freshness } from './picture/age.ts'
import { Fleet } from './screens/fleet.tsx'

/** The page: who is asked, how old the answer is, and the screen. */
function Console() {
  const [data, setData] = useState(nothing)
  const [tick, setTick] = useState(() => performance.now())
  useEffect(() => follow(setData), [])
  useEffect(() => {
    const timer = setInterval(() => setTick(performance.now()), 500)
    return () => clearInterval(timer)
  }, [])
  const behind = data.heard === null ? null : Math.max(0, tick - data.heard)
  const stale = freshness(behind).at === 'stale'
  const fleet = data.checkpoint?.key.split('+')[0] ?? ''
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <header class="top">
        <img src="/icon.svg" alt="" width="28" height="28" />
        <h1>
          Voltseal <span class="fleet-name">{fleet}</span>
        </h1>
        <span class="note">read-only</span>
        <Badge behind={behind} />
      </header>
      {data.fault !== null && (
        <p class="fault" role="alert">
          {data.fault} {behind === null ? '' : 'What is shown below is the last that was heard.'}
        </p>
      )}
      <main id="main" tabIndex={-1} class={stale ? 'stale' : ''}>
        {data.heard === null ? <p class="empty">Asking the server …</p> : <Fleet data={data} behind={behind ?? 0} />}
      </main>
      <svg class="defs" width="0" height="0" aria-hidden="true">
        <defs>
          <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path d="M0 0v6" class="hatch-line" />
          </pattern>
        </defs>
      </svg>
    </>
  )
}

const place = document.getElementById('console')
if (place !== null) render(<Console />, place)
