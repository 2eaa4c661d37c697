import type { World } from '../../sim/doors/world.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { loadSigner } from '../../src/adapters/signer-file.ts'
import type { JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { Target } from '../../src/core/trust/metadata.ts'
import { readMetadata, signableBytes } from '../../src/core/trust/read-metadata.ts'
import { nextSnapshot, nextTimestamp, seal, signatureBy, writeTargets } from '../../src/core/trust/repository.ts'
import type { FleetLink } from '../../src/flows/ports.ts'

export type Repo = 'image' | 'approval' | 'director'

/** Whose keys somebody has stolen to sign a role of a repository with: files of the world's folder. */
export type Stolen = { readonly targets: string; readonly snapshot: string; readonly timestamp: string }

export const STOLEN: Readonly<Record<'image' | 'director', Stolen>> = {
  image: { targets: 'keys/release', snapshot: 'fleet/keys/image-snapshot', timestamp: 'fleet/keys/image-timestamp' },
  director: {
    targets: 'fleet/keys/director-targets',
    snapshot: 'fleet/keys/director-snapshot',
    timestamp: 'fleet/keys/director-timestamp',
  },
}

/** The files of a repository as somebody with its keys would write them; `site` for the director's. */
export async function forge(
  world: World,
  targets: readonly Target[],
  stolen: Stolen,
  site: string | null,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const expires = instant(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000)
  const head = { expires, ...(site === null ? {} : { site }) }
  const sign = async (written: JsonObject, key: string): Promise<Uint8Array> => {
    const signer = orThrow(loadSigner(world.at(key)))
    const signature = orThrow(await signer.sign(signableBytes(written), 'der'))
    return seal(written, [signatureBy(signer.key, signature, nodeCrypto)])
  }
  const version = 900
  const targetsFile = await sign(writeTargets({ ...head, version }, targets), stolen.targets)
  const document = orThrow(readMetadata('targets', targetsFile, 'forged'))
  const written = nextSnapshot(null, new Map([['targets', document]]), head, nodeCrypto)
  const snapshotFile = await sign(written, stolen.snapshot)
  const snapshot = orThrow(readMetadata('snapshot', snapshotFile, 'forged'))
  const timestampFile = await sign(nextTimestamp(null, snapshot, head, nodeCrypto), stolen.timestamp)
  return new Map([
    [`${version}.targets.json`, targetsFile],
    ['1.snapshot.json', snapshotFile],
    ['timestamp.json', timestampFile],
  ])
}

/** A fleet server that serves forged files of a repository, and everything else as it is. */
export const serving =
  (repo: Repo, files: ReadonlyMap<string, Uint8Array>) =>
  (honest: FleetLink): Partial<FleetLink> => ({
    file: async (asked, path, max) => {
      if (asked === repo && files.has(path)) return files.get(path)!
      return asked === repo && !path.endsWith('root.json') ? null : honest.file(asked, path, max)
    },
  })
