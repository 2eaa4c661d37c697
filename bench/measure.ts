import { bootVerification } from './boot-verification.ts'
import { checkIn } from './check-in.ts'
import { compatibilityPath } from './compatibility-path.ts'
import { decryption } from './decryption.ts'
import { delta } from './delta.ts'
import { directorBundles } from './director-bundles.ts'
import { evidencePack } from './evidence-pack.ts'
import { fetchedBytes } from './fetched-bytes.ts'
import type { Figure, Scale } from './figure.ts'
import { fleetQueries } from './fleet-queries.ts'
import { imageTargets } from './image-targets.ts'
import { logAppend } from './log-append.ts'
import { logVerification } from './log-verification.ts'
import type { Measured } from './print.ts'
import { rolloutTick } from './rollout-tick.ts'
import { siemThroughput } from './siem-throughput.ts'
import { siteBundle } from './site-bundle.ts'
import { siteUpdate } from './site-update.ts'
import { updateWear } from './update-wear.ts'
import { verifyMemory } from './verify-memory.ts'

/** Every figure, in the order of the table. */
export const FIGURES: readonly Figure[] = [
  bootVerification,
  updateWear,
  decryption,
  fetchedBytes,
  siteUpdate,
  checkIn,
  siteBundle,
  directorBundles,
  imageTargets,
  fleetQueries,
  logAppend,
  logVerification,
  evidencePack,
  siemThroughput,
  compatibilityPath,
  rolloutTick,
  verifyMemory,
  delta,
]

/** Measures figures one after the other. */
export async function measure(
  figures: readonly Figure[],
  scale: Scale,
  say: (progress: string) => void,
  kernels: string | null = null,
): Promise<Measured[]> {
  const all: Measured[] = []
  for (const figure of figures) {
    const tell = (progress: string): void => say(`${figure.name}: ${progress}`)
    all.push({ figure, result: await figure.run({ scale, say: tell, kernels }) })
  }
  return all
}
