import { openWitnessStore } from '../../adapters/store-sqlite/witnessed.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { readWitnessConfig, witnessFiles } from './files.ts'

/** What a witness had signed of a log before it was made to forget it. */
export type Forgotten = { readonly origin: string; readonly size: number; readonly checkpoint: string }

/**
 * Forgets what was signed of a log, so that the witness signs whatever history it is shown next. For the person who runs the witness,
 * when they are sure that the log has begun anew for a good reason. Durable on return. Refuses what `readWitnessConfig` refuses,
 * `data-folder-in-use` while the witness serves, `witness-log-unknown`.
 */
export async function forgetLog(folder: string, origin: string): Promise<Forgotten | Refusal> {
  const config = readWitnessConfig(folder)
  if (isRefusal(config)) return config
  const store = openWitnessStore(witnessFiles(folder).database)
  if (isRefusal(store)) return store
  try {
    const row = await store.log(origin)
    if (row === null) return refuse('witness-log-unknown', folder, 'a log of which it signed something', origin)
    await store.forget(origin)
    return { origin, size: row.size, checkpoint: row.checkpoint }
  } finally {
    store.close()
  }
}
