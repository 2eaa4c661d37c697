import { DiskBlobs } from '../../adapters/blobs-disk.ts'
import { nodeCipher } from '../../adapters/cipher-node.ts'
import { nodeRandom } from '../../adapters/random-node.ts'
import type { Governance } from '../../core/campaign/change-request.ts'
import { fromBase64 } from '../../core/encoding/bytes.ts'
import type { Crypto, KeyAlgorithm } from '../../core/encoding/crypto.ts'
import { millis } from '../../core/encoding/units.ts'
import type { Anchor } from '../../core/firmware/suit-open.ts'
import { type Silence, USUAL_SILENCE } from '../../core/fleet/attention.ts'
import type { PublishPolicy } from '../../core/trust/evidence/judge.ts'
import { WARNING_DAYS } from '../../core/trust/expiry.ts'
import { type PatchPolicy, USUAL_PATCHES } from '../../flows/patch-ports.ts'
import type { Clock, FleetStore, FleetWorld, Signer, WrappingKey } from '../../flows/ports.ts'
import type { FleetConfig } from '../../wire/config.ts'
import type { AnchorJson } from '../../wire/fleet-api.ts'
import { fleetFiles, type ServerKey } from './files.ts'

/** The world of a fleet server's flows, put together from its folder. */
export function fleetWorld(
  config: FleetConfig,
  store: FleetStore,
  folder: string,
  parts: {
    crypto: Crypto
    clock: Clock
    keys: Readonly<Record<ServerKey, Signer>>
    spares?: readonly Signer[]
    anchors: readonly AnchorJson[]
    publishPolicy: PublishPolicy
    wrappingKey: WrappingKey | null
  },
): FleetWorld {
  const { keys } = parts
  return {
    name: config.name,
    store,
    blobs: new DiskBlobs(fleetFiles(folder).blobs),
    clock: parts.clock,
    crypto: parts.crypto,
    random: nodeRandom,
    cipher: nodeCipher,
    wrappingKey: parts.wrappingKey,
    online: {
      image: { snapshot: keys['image-snapshot'], timestamp: keys['image-timestamp'] },
      approval: { snapshot: keys['approval-snapshot'], timestamp: keys['approval-timestamp'] },
      director: {
        targets: keys['director-targets'],
        snapshot: keys['director-snapshot'],
        timestamp: keys['director-timestamp'],
      },
    },
    spares: parts.spares ?? [],
    auditSigner: keys.audit,
    anchors: parts.anchors.map(anchorOf),
    metadataLife: millis(config.metadataMillis),
    warningDays: config.warningDays ?? WARNING_DAYS,
    silence: silenceOf(config),
    publishPolicy: parts.publishPolicy,
    governance: governanceOf(config),
    ...patchesOf(config),
  }
}

/** What a config says of patches, or what comes with the program; nothing where it says `off`. */
export const patchesOf = ({ patches = {} }: FleetConfig): { readonly patches?: PatchPolicy } =>
  patches === 'off' ? {} : { patches: { ...USUAL_PATCHES, ...patches } }

/** Behind how long somebody counts as silent by a config, or as comes with the program. */
export function silenceOf({ silence = {} }: FleetConfig): Silence {
  const { controllerMillis = USUAL_SILENCE.controllers, gatewayMillis = USUAL_SILENCE.gateways } = silence
  return { controllers: millis(controllerMillis), gateways: millis(gatewayMillis) }
}

/** What a config demands of the people who decide: the maker and the operator are apart unless it says otherwise. */
export function governanceOf({ governance = {} }: FleetConfig): Governance {
  const { separateOrganisations = true, changeRequest = [] } = governance
  return { separateOrganisations, changeRequest: changeRequest as Governance['changeRequest'] }
}

/** An anchor as a config file writes it. Throws for a key that is not base64: `parseConfig` has let it through. */
export function anchorOf({ kid, alg, spki }: AnchorJson): Anchor {
  const key = fromBase64(spki)
  if (key === null) throw new Error(`the anchor ${kid} is not base64`)
  return { kid, key: { alg: alg as KeyAlgorithm, spki: key } }
}
