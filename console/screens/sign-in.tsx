import { useEffect, useState } from 'preact/hooks'
import { loadCodes } from '../live/codes.ts'
import type { Fault } from '../live/fault.ts'
import { PasswordForm } from '../parts/password-form.tsx'
import { wayBack } from '../picture/address.ts'
import type { ScreenProps } from '../shell/screen.ts'
import { sessionBegun } from '../shell/session.tsx'
import { OtherWays } from './sign-in/other-ways.tsx'
import './sign-in.css'

/** Where one signs in. */
export default function SignIn({ query }: ScreenProps) {
  const [fault, setFault] = useState<Fault | null>(null)
  const refused = query.get('refused')
  useEffect(() => {
    if (refused !== null)
      void refusedBy(refused).then(
        why => why !== null && setFault(why),
        () => undefined,
      )
  }, [refused])

  return (
    <section class="panel sign-in">
      <h1>Sign in</h1>
      <PasswordForm fault={fault} onFault={setFault} onBegun={sessionBegun} />
      <OtherWays back={wayBack(query.get('back'))} onBegun={sessionBegun} onFault={setFault} />
    </section>
  )
}

/** Why another party brought one back without a session: a code of the server, in its own words. What is none says nothing. */
async function refusedBy(code: string): Promise<Fault | null> {
  const { isRefusalCode, registry } = await loadCodes()
  if (!isRefusalCode(code)) return null
  const { title, fix, status } = registry[code]
  return { code, status, detail: `You were not signed in: ${title}. ${fix}` }
}
