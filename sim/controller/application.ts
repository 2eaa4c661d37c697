import type { ReleaseFacts } from '../../src/core/firmware/release-facts.ts'
import type { Readings } from '../../src/core/slot/health-machine.ts'

/** How an image behaves once it runs: it works, one of its probes fails, or it hangs and never feeds the watchdog. */
export type Behaviour =
  | { readonly is: 'healthy' }
  | { readonly is: 'unhealthy'; readonly probe?: string }
  | { readonly is: 'hanging' }

/** The application's part of a simulated controller: what an image does, by its SHA-256 in hex. Unlisted: healthy. */
export type Application = (imageDigest: string) => Behaviour

export const healthyApplication: Application = () => ({ is: 'healthy' })

/** An application whose listed images do not work. */
export function applicationWith(faulty: Readonly<Record<string, Behaviour>>): Application {
  return digest => (Object.hasOwn(faulty, digest) ? (faulty[digest] as Behaviour) : { is: 'healthy' })
}

/**
 * What the probes of a release read under a behaviour; null: the application answers nothing. An unhealthy image whose
 * release asks for no probe has only one way to show it: it hangs.
 */
export function readingsOf(facts: ReleaseFacts, behaviour: Behaviour): Readings | null {
  if (behaviour.is === 'hanging') return null
  if (behaviour.is === 'unhealthy' && facts.health.probes.length === 0) return null
  const failing = behaviour.is === 'unhealthy' ? (behaviour.probe ?? facts.health.probes[0]) : undefined
  return Object.fromEntries(facts.health.probes.map(probe => [probe, probe === failing ? 'fail' : 'pass'] as const))
}
