/** What passes between a controller and its gateway, for a log: how far a download is, and what was told. */
export type LinkEvent =
  | { readonly event: 'download'; readonly received: number; readonly total: number }
  /** The patch that was offered cannot be used here: the gateway offers another way. */
  | { readonly event: 'patch-refused'; readonly code: string; readonly detail: string }
  | { readonly event: 'waiting'; readonly code: string; readonly detail: string }
  | { readonly event: 'reported'; readonly report: string; readonly sequence: number }
  | { readonly event: 'not-reported'; readonly report: string; readonly code: string; readonly detail: string }
