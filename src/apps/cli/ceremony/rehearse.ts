import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DiskBlobs } from '../../../adapters/blobs-disk.ts'
import { nodeCipher } from '../../../adapters/cipher-node.ts'
import { makeFolders } from '../../../adapters/config-file.ts'
import { nodeRandom } from '../../../adapters/random-node.ts'
import { generateKeyFile, loadSigner } from '../../../adapters/signer-file.ts'
import { openFleetStore } from '../../../adapters/store-sqlite/fleet.ts'
import type { JsonObject } from '../../../core/encoding/canonical-json.ts'
import type { Crypto } from '../../../core/encoding/crypto.ts'
import { millis } from '../../../core/encoding/units.ts'
import { USUAL_SILENCE } from '../../../core/fleet/attention.ts'
import { isRefusal, orThrow, type Refusal } from '../../../core/refusal/refusal.ts'
import type { InForce } from '../../../core/trust/ceremony.ts'
import { OWNERS } from '../../../core/trust/ceremony-note.ts'
import { NO_POLICY } from '../../../core/trust/evidence/judge.ts'
import { WARNING_DAYS } from '../../../core/trust/expiry.ts'
import type { Document, Targets } from '../../../core/trust/metadata.ts'
import { readMetadata, signableBytes } from '../../../core/trust/read-metadata.ts'
import { rehearsalOf } from '../../../core/trust/rehearsal.ts'
import { seal, signatureBy } from '../../../core/trust/repository.ts'
import { trustRoot } from '../../../core/trust/trusted-set.ts'
import { record } from '../../../flows/audit.ts'
import { closeCeremony } from '../../../flows/close.ts'
import { nextFiles, rootFiles } from '../../../flows/keep.ts'
import type { FleetWorld, RepoFile, Signer } from '../../../flows/ports.ts'
import type { Rotated } from '../../../flows/rotate.ts'
import type { Cli } from '../cli.ts'
import type { Session } from '../session.ts'
import { ceremonyPaths } from './folder.ts'
import type { Opened } from './open.ts'
import { type Base, type NextDocuments, prepareCeremony, type StartOptions, writeCeremony } from './start.ts'

/**
 * A rehearsal: the same documents with a throw-away key in the place of every key, on a staging copy of the repository in
 * the ceremony's own folder. It is shown, signed and closed by the same commands and the same code as the real thing.
 */

const AUDIT = 'audit'
const DAY = millis(86_400_000)

/** Starts a rehearsal. Refuses as `startCeremony` does, and what the disk refuses. */
export async function startRehearsal(
  cli: Cli,
  session: Session,
  folder: string,
  options: StartOptions,
): Promise<null | Refusal> {
  const prepared = await prepareCeremony(cli, session, folder, options)
  if (isRefusal(prepared)) return prepared
  const { base, next } = prepared
  const { crypto } = cli.world
  const note = { ...prepared.note, rehearsal: true }
  const signers = makeKeys(folder, namesOf(base, next))
  if (isRefusal(signers)) return signers
  const twins = new Map([...signers].map(([keyid, { key }]) => [keyid, key]))
  const staged = async (raw: JsonObject, keyids: readonly string[]): Promise<Uint8Array> => {
    const written = rehearsalOf(raw, twins, note, crypto)
    return sealedBy(
      written,
      keyids.map(keyid => signers.get(keyid) as Signer),
      crypto,
    )
  }
  const { root, targets, repository } = base.inForce
  const { roles, raw, version } = root.signed
  const rootBytes = await staged(raw, roles.root.keyids)
  const targetsBytes = targets === null ? null : await staged(targets.signed.raw, roles.targets.keyids)
  const bins = new Map<string, Document<Targets>>()
  for (const [name, { signed }] of base.inForce.bins) {
    const bytes = await staged(signed.raw, roles.targets.keyids)
    bins.set(name, orThrow(readMetadata('targets', bytes, `the staging ${name}`)))
  }
  const inForce = {
    bins,
    repository,
    root: orThrow(readMetadata('root', rootBytes, 'the staging root')),
    targets: targetsBytes === null ? null : orThrow(readMetadata('targets', targetsBytes, 'the staging targets')),
  }
  const swapped = (document: JsonObject | null) =>
    document === null ? null : rehearsalOf(document, twins, note, crypto)
  const fault = await inStaging(cli, folder, world => found(world, inForce))
  if (isRefusal(fault)) return fault
  const changed: NextDocuments = {
    root: swapped(next.root),
    targets: swapped(next.targets),
    bins: new Map([...next.bins].map(([name, raw]) => [name, rehearsalOf(raw, twins, note, crypto)])),
  }
  return writeCeremony(cli, folder, { inForce, roots: new Map([[version, rootBytes]]) }, changed)
}

/** Closes a rehearsal at its staging fleet. Refuses as `closeCeremony` does. */
export function closeRehearsal(cli: Cli, folder: string, { files, inForce }: Opened): Promise<Rotated | Refusal> {
  return inStaging(cli, folder, world => closeCeremony(world, 'rehearsal', inForce.repository, files.next))
}

/** Whose keys stand in the documents, by key id: the holder's name, or the beginning of the id. */
function namesOf({ inForce }: Base, { root, targets }: NextDocuments): ReadonlyMap<string, string> {
  const documents = [inForce.root.signed.raw, inForce.targets?.signed.raw ?? null, root, targets]
  const names = new Map<string, string>()
  for (const raw of documents) {
    if (raw === null) continue
    const delegations = raw.delegations as { readonly keys: JsonObject } | undefined
    const owners = (raw[OWNERS] ?? {}) as Readonly<Record<string, string>>
    for (const keyid of Object.keys({ ...(raw.keys as JsonObject | undefined), ...delegations?.keys })) {
      names.set(keyid, owners[keyid] ?? names.get(keyid) ?? keyid.slice(0, 16))
    }
  }
  return names
}

/** Makes a throw-away key for each: a file of the holder's name in the ceremony's folder. */
function makeKeys(folder: string, names: ReadonlyMap<string, string>): ReadonlyMap<string, Signer> | Refusal {
  const place = ceremonyPaths(folder).keys
  const signers = new Map<string, Signer>()
  const used = new Set([AUDIT])
  for (const [keyid, name] of names) {
    const plain = name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[.-]+/, '') || 'key'
    const file = used.has(plain) ? `${plain}-${keyid.slice(0, 8)}` : plain
    used.add(file)
    const signer = generateKeyFile(join(place, file), 'ed25519')
    if (isRefusal(signer)) return signer
    signers.set(keyid, signer)
  }
  const audit = generateKeyFile(join(place, AUDIT), 'ed25519')
  return isRefusal(audit) ? audit : signers
}

/** Opens the staging fleet, does the work, and closes it. */
async function inStaging<T>(
  cli: Cli,
  folder: string,
  work: (world: FleetWorld) => Promise<T | Refusal>,
): Promise<T | Refusal> {
  const paths = ceremonyPaths(folder)
  const signers: Signer[] = []
  for (const name of readdirSync(paths.keys).filter(name => !/\.(?:pub|txt)$/.test(name) && name !== AUDIT)) {
    const signer = loadSigner(join(paths.keys, name))
    if (isRefusal(signer)) return signer
    signers.push(signer)
  }
  const auditSigner = loadSigner(join(paths.keys, AUDIT))
  if (isRefusal(auditSigner)) return auditSigner
  makeFolders(paths.staging, 0o777)
  const store = openFleetStore(join(paths.staging, 'fleet.sqlite'))
  if (isRefusal(store)) return store
  const { clock, crypto } = cli.world
  // Which key signs what is the root's to say: all of them are at hand here, none has a place of its own.
  const none = { targets: auditSigner, snapshot: auditSigner, timestamp: auditSigner }
  const world: FleetWorld = {
    name: 'rehearsal',
    store,
    blobs: new DiskBlobs(join(paths.staging, 'blobs')),
    clock,
    crypto,
    cipher: nodeCipher,
    random: nodeRandom,
    wrappingKey: null,
    online: { image: none, approval: none, director: none },
    spares: signers,
    warningDays: WARNING_DAYS,
    silence: USUAL_SILENCE,
    auditSigner,
    anchors: [],
    publishPolicy: NO_POLICY,
    governance: { separateOrganisations: true, changeRequest: [] },
    metadataLife: DAY,
  }
  try {
    return await work(world)
  } finally {
    store.close()
  }
}

/** The staging copy: what is in force, with throw-away keys. Durable on return. */
async function found(world: FleetWorld, { repository, root, targets, bins }: InForce): Promise<null | Refusal> {
  const set = trustRoot(repository, root.bytes, world.crypto)
  if (isRefusal(set)) return set
  const files: RepoFile[] = [...rootFiles(repository, root)]
  if (repository !== 'director' && targets !== null) {
    const written = await nextFiles(world, repository, set, targets, world.clock.now(), { bins: bins ?? new Map() })
    if (isRefusal(written)) return written
    files.push(...written.files)
  }
  const actor = { kind: 'fleet', id: world.name } as const
  await record(world, { files }, [{ kind: 'log-opened', actor, detail: { rehearsal: true } }])
  return null
}

async function sealedBy(raw: JsonObject, signers: readonly Signer[], crypto: Crypto): Promise<Uint8Array> {
  const signatures = []
  for (const signer of signers) {
    signatures.push(signatureBy(signer.key, orThrow(await signer.sign(signableBytes(raw), 'der')), crypto))
  }
  return seal(raw, signatures)
}
