/** What somebody has to do to prove who they are: type a password here, or go to the provider's own page and come back. */
export type Challenge =
  | { readonly at: 'password' }
  | { readonly at: 'redirect'; readonly url: string; readonly state: string }

/** What they come back with. `parameters` are those of the address that the provider sent them to. */
export type Proof =
  | { readonly at: 'password'; readonly account: string; readonly password: string }
  | { readonly at: 'redirect'; readonly state: string; readonly parameters: Readonly<Record<string, string>> }
