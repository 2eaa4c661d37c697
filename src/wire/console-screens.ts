/** Where the console's screens are, names in braces: the server answers each with the one page that draws them all. */
export const FLEET_SCREENS = [
  '/',
  '/sites/{site}',
  '/campaigns',
  '/campaigns/new',
  '/campaigns/{id}',
  '/approvals',
  '/releases',
  '/controllers/{site}/{id}',
  '/audit',
  '/compliance',
  '/me',
  '/sign-in',
] as const

/** The same of a gateway's own page. */
export const SITE_SCREENS = ['/', '/controllers/{site}/{id}', '/items/{number}'] as const
