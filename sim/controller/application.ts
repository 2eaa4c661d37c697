import type { Readings } from '../../src/core/slot/health-machine.ts'

/**
 * How an image behaves once it runs: it works, one of its probes fails, it hangs and never feeds the watchdog, or it passes
 * every probe and ends again and again (`everyMillis`), to be started anew.
 */
export type Behaviour =
  | { readonly is: 'healthy' }
  | { readonly is: 'unhealthy'; readonly probe?: string }
  | { readonly is: 'hanging' }
  | { readonly is: 'ending'; readonly everyMillis: number }

/** The application's part of a simulated controller: what an image does, by its SHA-256 in hex. Unlisted: healthy. */
export type Application = (imageDigest: string) => Behaviour

export const healthyApplication: Application = () => ({ is: 'healthy' })

/** An application whose listed images do not work. */
export function applicationWith(faulty: Readonly<Record<string, Behaviour>>): Application {
  return digest => (Object.hasOwn(faulty, digest) ? (faulty[digest] as Behaviour) : { is: 'healthy' })
}

/**
 * What the probes of a trial read under a behaviour; null: the application answers nothing. An unhealthy image that is
 * asked for no probe has only one way to show it: it hangs.
 */
export function readingsOf(probes: readonly string[], behaviour: Behaviour): Readings | null {
  if (behaviour.is === 'hanging') return null
  if (behaviour.is === 'unhealthy' && probes.length === 0) return null
  const failing = behaviour.is === 'unhealthy' ? (behaviour.probe ?? probes[0]) : undefined
  return Object.fromEntries(probes.map(probe => [probe, probe === failing ? 'fail' : 'pass'] as const))
}
