import { useMemo } from 'preact/hooks'
import type { SiteLinkView } from '../../src/wire/site-page-api.ts'
import { useView } from '../live/views.ts'
import { useNow } from '../parts/use-now.ts'
import Site from '../screens/site.tsx'
import type { ScreenProps } from '../shell/screen.ts'
import { useSession } from '../shell/session.tsx'
import { LinkPanel } from './link-panel.tsx'

/** The gateway's site, and how its link to the fleet stands. */
export default function Home({ query, setQuery }: ScreenProps) {
  const { site } = useSession()
  const link = useView<SiteLinkView>('/v1/link')
  const now = useNow(link)
  const params = useMemo(() => ({ site: site ?? '' }), [site])
  return (
    <Site
      params={params}
      query={query}
      setQuery={setQuery}
      below={link.value !== null && <LinkPanel link={link.value} now={now} />}
    />
  )
}
