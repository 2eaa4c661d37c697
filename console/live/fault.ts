/** Why there is no answer: a refusal of the server, or its silence. */
export type Fault = {
  /** A refusal's code; `no-answer` when nothing came, `answer-unreadable` when it was no answer of the fleet's API. */
  readonly code: string
  /** HTTP's status; 0 when nothing came. */
  readonly status: number
  /** For people: what was expected, what came instead, what to do. */
  readonly detail: string
}

export const noAnswer: Fault = { code: 'no-answer', status: 0, detail: 'The server does not answer.' }

/** Who asks is not signed in, or no longer. */
export const isSignedOut = ({ status }: Fault): boolean => status === 401

/** What a problem (RFC 9457) of the server says; what is none is named by its status alone. */
export function faultOf(status: number, text: string): Fault {
  const silent = { code: 'answer-unreadable', status, detail: `The server answers ${status}.` }
  try {
    const { type, detail } = JSON.parse(text) as { readonly type?: unknown; readonly detail?: unknown }
    const code = /^urn:voltseal:refusal:([a-z0-9-]{1,80})$/.exec(String(type))?.[1]
    if (code === undefined || typeof detail !== 'string') return silent
    return { code, status, detail }
  } catch {
    return silent
  }
}
