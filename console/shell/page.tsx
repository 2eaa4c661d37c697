import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Found } from '../picture/address.ts'
import { Announcements, Patterns, Screen, type ScreenRoute } from './frame.tsx'
import { Help } from './help.tsx'
import { moveRow, useKey } from './keys.ts'
import { keepSession } from './session.tsx'
import { Stale } from './stale.tsx'

/**
 * The page of somebody who is signed in: what stands above every screen, the screen that was found at the address, and the keys that are
 * the same on each. `home`: what the address `/` shows, in words.
 */
export function Page({
  top,
  home,
  found,
  query,
}: {
  top: ComponentChildren
  home: string
  found: Found<ScreenRoute> | null
  query: URLSearchParams
}) {
  useEffect(keepSession, [])
  const [help, setHelp] = useState(false)
  useKey('?', 'this list of keys', () => setHelp(true))
  useKey('j', 'the next row', () => moveRow(1))
  useKey('k', 'the row before', () => moveRow(-1))
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      {top}
      <Stale />
      <main id="main" tabIndex={-1}>
        {found === null ? (
          <section class="panel">
            <h1>There is nothing at this address</h1>
            <p>
              <a href="/">{home}</a>
            </p>
          </section>
        ) : (
          <Screen key={found.route.name} route={found.route} params={found.params} query={query} />
        )}
      </main>
      <Help open={help} onClose={() => setHelp(false)} />
      <Announcements />
      <Patterns />
    </>
  )
}
