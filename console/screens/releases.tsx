import type { ReleaseView } from '../../src/wire/fleet-views.ts'
import { usePages } from '../live/pages.ts'
import { More } from '../parts/more.tsx'
import { Patches } from '../parts/patches.tsx'
import type { ScreenProps } from '../shell/screen.ts'
import './releases.css'

/** What is published, and of one of them the patches that there are to it. */
export default function Releases({ query, setQuery }: ScreenProps) {
  const list = usePages<ReleaseView>('/v1/releases?limit=200')
  const asked = query.get('release')
  const chosen = asked ?? list.items[0]?.path ?? null
  return (
    <div class="releases">
      <h1>Releases</h1>
      {chosen === null ? (
        <section class="panel">
          <p class="empty">{list.heard ? 'Nothing is published.' : (list.fault?.detail ?? 'Asking the server …')}</p>
        </section>
      ) : (
        <div class="releases-columns">
          <nav class="panel" aria-label="Published releases">
            <ul>
              {list.items.map(({ path, class: of, version }) => (
                <li key={path} data-row="">
                  <a
                    href={`/releases?release=${encodeURIComponent(path)}`}
                    aria-current={path === chosen ? 'true' : undefined}
                    onClick={event => {
                      event.preventDefault()
                      setQuery({ release: path })
                    }}
                  >
                    {of} {version}
                  </a>
                </li>
              ))}
            </ul>
            <More more={list.more} />
          </nav>
          <section class="panel" aria-labelledby="patches-title">
            <h2 id="patches-title">Patches</h2>
            <Patches key={chosen} releases={[chosen]} />
          </section>
        </div>
      )}
    </div>
  )
}
