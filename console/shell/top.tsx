import { Badge } from '../parts/badge.tsx'
import { Person } from './person.tsx'
import { routes } from './routes.ts'
import { useSession } from './session.tsx'
import { useFreshness } from './stale.tsx'

/** Where one can go, how old it all is, and who is signed in. `here`: the name of the route that is shown. */
export function Top({ here }: { here: string | null }) {
  const { may } = useSession()
  const shown = routes.filter(({ nav, action }) => nav !== undefined && (action === undefined || may(action)))
  return (
    <header class="top">
      <a class="brand" href="/">
        <img src="/icon.svg" alt="" width="24" height="24" />
        Voltseal
      </a>
      <nav class="nav" aria-label="Screens">
        <ul class="nav-list">
          {shown.map(({ name, path, nav }) => (
            <li key={name}>
              <a class="nav-link" href={path} aria-current={name === here ? 'page' : undefined}>
                {nav}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <Age />
      <Person own="/me" />
    </header>
  )
}

const Age = () => <Badge freshness={useFreshness()} />
