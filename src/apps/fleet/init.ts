import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type CertificateFacts, certificateFacts, certifyNewKey, createAuthority } from '../../adapters/certificates.ts'
import { makeFolders, writeWhole } from '../../adapters/config-file.ts'
import { isLoopback } from '../../adapters/loopback.ts'
import { generateKeyFile, loadPublicKey } from '../../adapters/signer-file.ts'
import { openFleetStore } from '../../adapters/store-sqlite/fleet.ts'
import { toBase64 } from '../../core/encoding/bytes.ts'
import type { JsonObject } from '../../core/encoding/canonical-json.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import { type Instant, instant, millis } from '../../core/encoding/units.ts'
import { grantText } from '../../core/fleet/roles.ts'
import { personal } from '../../core/ledger/telling.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { NO_POLICY } from '../../core/trust/evidence/judge.ts'
import { ownersMember } from '../../core/trust/key-change.ts'
import { canSignMetadata, keyId } from '../../core/trust/keys.ts'
import { readMetadata, signableBytes } from '../../core/trust/read-metadata.ts'
import { type RoleSpec, seal, signatureBy, writeRoot, writeTargets } from '../../core/trust/repository.ts'
import { resume } from '../../core/trust/stored-set.ts'
import { rowOf } from '../../flows/appoint.ts'
import { record } from '../../flows/audit.ts'
import { certificateEvent } from '../../flows/certify.ts'
import { nextFiles, rootFiles } from '../../flows/keep.ts'
import type { Clock, FleetWorld, RepoFile, Signer } from '../../flows/ports.ts'
import { settingsFile } from '../../flows/settings.ts'
import { FleetConfig, parseConfig } from '../../wire/config.ts'
import type { AnchorJson } from '../../wire/fleet-api.ts'
import { consolePlace } from '../process/console-place.ts'
import { refuseTaken } from '../process/folder.ts'
import type { OpenSigner } from '../process/signers.ts'
import { readAuthority, writeAuthority } from './enrolment.ts'
import { FLEET_KEYS, type FleetKey, fleetFiles } from './files.ts'
import {
  ADMINISTRATOR,
  type Approver,
  approverNames,
  type Certified,
  certifyPerson,
  firstAccounts,
  writeProfile,
} from './people.ts'
import { publishPolicyOf } from './publish-policy.ts'
import { settingsOf } from './settings.ts'
import { fleetWorld } from './world.ts'

export type FleetSetup = {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly firmwareKey: readonly string[]
  readonly releaseKey: string
  readonly approverKey: readonly string[]
  readonly approvalThreshold: number
  readonly metadataLife: number
  readonly tick: number
  /** Where the console listens; absent: nowhere. */
  readonly consolePort?: number
  /** Maker and operator are one firm: accounts may have roles of both, and the administrator has. */
  readonly oneOrganisation?: boolean
  /** People and services may come without a certificate, with a sign-in or a token. */
  readonly signIn?: boolean
  /** What a release must carry to be published, whose builds count, and the public keys that sign provenance. */
  readonly demand?: readonly ('sbom' | 'provenance')[]
  readonly builder?: readonly string[]
  readonly provenanceKey?: readonly string[]
}

export type FleetMade = {
  readonly folder: string
  readonly name: string
  readonly url: string
  readonly profile: string
  /** Where people sign in with a browser; null: nowhere. */
  readonly console: string | null
  /** Each approver's account, and the profile that is handed to them. */
  readonly approvers: readonly { readonly id: string; readonly profile: string }[]
}

const YEAR = 365 * 86_400_000

/**
 * Makes a development fleet: keys of its own (root and online roles, audit log, authority), the three repositories with
 * their first signed metadata, the database with the first entry of the log and the first accounts, and the profiles of
 * the administrator and of each approver. The keys
 * of the firm that releases and of the people who approve stay where they are: they only sign the first, empty targets.
 *
 * Refuses `folder-not-empty`, what `openSigner` and `loadPublicKey` refuse, `role-unsatisfiable`, `config-malformed`.
 */
export async function initFleet(
  folder: string,
  setup: FleetSetup,
  { crypto, clock, openSigner }: { crypto: Crypto; clock: Clock; openSigner: OpenSigner },
): Promise<FleetMade | Refusal> {
  const taken = refuseTaken(folder)
  if (taken !== null) return taken
  const people = await loadPeople(setup, crypto, openSigner)
  if (isRefusal(people)) return people
  const config = configOf(setup, people)
  if (isRefusal(config)) return config
  const policy = publishPolicyOf(config.publish, OPTIONS, crypto)
  if (isRefusal(policy)) return policy
  const made = await make(folder, setup, people, config, { crypto, clock })
  // The folder was empty before: what was begun in it is in nobody's way.
  if (isRefusal(made)) rmSync(folder, { recursive: true, force: true })
  return made
}

async function make(
  folder: string,
  setup: FleetSetup,
  people: People,
  config: FleetConfig,
  { crypto, clock }: { crypto: Crypto; clock: Clock },
): Promise<FleetMade | Refusal> {
  const files = fleetFiles(folder)
  makeFolders(folder, 0o700)
  const keys = makeKeys(folder)
  if (isRefusal(keys)) return keys
  const wrappingFile = generateKeyFile(files.wrappingKey, 'ecdsa-p256')
  if (isRefusal(wrappingFile)) return wrappingFile
  await makeAuthority(folder, setup.host, clock.now())
  const store = openFleetStore(files.database)
  if (isRefusal(store)) return store
  const profiles = new Map<string, Certified>()
  try {
    // What is published later is judged by the server that is started from the config.
    const publishPolicy = NO_POLICY
    const parts = { crypto, clock, keys, anchors: people.anchors, publishPolicy, wrappingKey: null }
    const world = fleetWorld(config, store, folder, parts)
    const repositories = await found(world, keys, people, setup.approvalThreshold)
    if (isRefusal(repositories)) return repositories
    const actor = { kind: 'fleet', id: setup.name } as const
    const opening = { kind: 'log-opened', actor, detail: { anchors: people.anchors.map(({ kid }) => kid) } } as const
    const made = FLEET_KEYS.map(name => {
      const detail = { key: name, id: keyId(keys[name].key, crypto), development: true, event: 'made' }
      return { kind: 'key-event', actor, detail } as const
    })
    const accounts = firstAccounts(people.approvers, setup.oneOrganisation === true, clock.now(), crypto)
    const first = accounts.map(({ id, kind, grants }) => {
      const detail = { event: 'made', account: personal(id), kind, grants: grants.map(grantText) }
      return { kind: 'account-changed', actor, detail } as const
    })
    const handed = await certified(folder, [ADMINISTRATOR, ...people.approvers.map(({ id }) => id)], clock.now())
    if (isRefusal(handed)) return handed
    const own = fleetCertificates(files)
    if (isRefusal(own)) return own
    const issued = [
      ...own.map(({ facts, of }) => certificateEvent(actor, facts, of)),
      ...[...handed.values()].map(one => certificateEvent(actor, one.issued)),
    ]
    const events = [opening, ...made, ...first, ...issued]
    const settings = settingsOf(folder, config, wrappingFile.key.spki, crypto)
    if (isRefusal(settings)) return settings
    const begun = [...repositories, settingsFile(crypto, settings)]
    await record(world, { files: begun, accounts: accounts.map(rowOf) }, events)
    for (const [name, one] of handed) profiles.set(name, one)
    for (const repo of ['image', 'approval', 'director'] as const) {
      const root = repositories.find(file => file.repo === repo && file.path === 'root.json')
      writeWhole(files.root(repo), root!.bytes)
    }
  } finally {
    store.close()
  }
  const by = { audit: keys.audit.key, crypto }
  for (const [name, one] of profiles) {
    const into = name === ADMINISTRATOR ? files.profile : join(files.profiles, name)
    writeProfile(folder, config, name, into, one, by)
  }
  // The config last: a folder without it is not a fleet's, whatever moment power failed at.
  writeWhole(files.config, stringify(config))
  const at = (profile: string): string => join(profile, 'profile.yaml')
  const approvers = people.approvers.map(({ id }) => ({ id, profile: at(join(files.profiles, id)) }))
  const place = config.console === undefined ? null : consolePlace(folder, config.console, setup.host)
  if (isRefusal(place)) return place
  const console = place === null ? null : `${place.url}/`
  return { folder, name: config.name, url: config.url, profile: at(files.profile), console, approvers }
}

/** Whose signatures count, beside the fleet's own: read before anything is made. */
type People = {
  readonly anchors: readonly AnchorJson[]
  readonly release: Signer
  readonly approvers: readonly Approver[]
  readonly provenanceKeys: readonly AnchorJson[]
}

async function loadPeople(setup: FleetSetup, crypto: Crypto, openSigner: OpenSigner): Promise<People | Refusal> {
  const anchors = loadAnchors(setup.firmwareKey, 'a key that signs envelopes', crypto)
  if (isRefusal(anchors)) return anchors
  const provenanceKeys = loadAnchors(setup.provenanceKey ?? [], 'a key that signs statements', crypto)
  if (isRefusal(provenanceKeys)) return provenanceKeys
  const release = await openSigner(setup.releaseKey)
  if (isRefusal(release)) return release
  const approvers: Approver[] = []
  const names = approverNames(setup.approverKey)
  for (const [index, reference] of setup.approverKey.entries()) {
    const signer = await openSigner(reference)
    if (isRefusal(signer)) return signer
    approvers.push({ id: names[index]!, signer })
  }
  return { anchors, release, approvers, provenanceKeys }
}

function loadAnchors(paths: readonly string[], expected: string, crypto: Crypto): AnchorJson[] | Refusal {
  const anchors: AnchorJson[] = []
  for (const path of paths) {
    const key = loadPublicKey(path)
    if (isRefusal(key)) return key
    if (!canSignMetadata(key)) return refuse('key-algorithm-unsupported', path, expected, key.alg)
    anchors.push({ kid: keyId(key, crypto), alg: key.alg, spki: toBase64(key.spki) })
  }
  return anchors
}

const OPTIONS = 'the options of fleet init'

function configOf(setup: FleetSetup, { anchors, provenanceKeys }: People): FleetConfig | Refusal {
  const { name, host, port, demand = [], builder = [] } = setup
  const asked = demand.length + builder.length + provenanceKeys.length > 0
  const written = {
    kind: 'voltseal-fleet',
    name,
    url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    listen: { host, port },
    anchors,
    metadataMillis: setup.metadataLife,
    tickMillis: setup.tick,
    maxBlobBytes: 512 * 1024 * 1024,
    ...(asked ? { publish: { demand, builders: builder, provenanceKeys } } : {}),
    // Beside the fleet's own door when that is not on a network, or else on this machine's usual address.
    ...(setup.consolePort === undefined
      ? {}
      : { console: { host: isLoopback(host) ? host : '127.0.0.1', port: setup.consolePort } }),
    ...(setup.signIn === true ? { signIn: true } : {}),
    ...(setup.oneOrganisation === true ? { governance: { separateOrganisations: false } } : {}),
    log: 'info',
  }
  return parseConfig<FleetConfig>(FleetConfig, written, OPTIONS)
}

function makeKeys(folder: string): Record<FleetKey, Signer> | Refusal {
  const keys: Partial<Record<FleetKey, Signer>> = {}
  for (const name of FLEET_KEYS) {
    const signer = generateKeyFile(fleetFiles(folder).key(name), 'ed25519')
    if (isRefusal(signer)) return signer
    keys[name] = signer
  }
  return keys as Record<FleetKey, Signer>
}

async function makeAuthority(folder: string, host: string, now: Instant): Promise<void> {
  const files = fleetFiles(folder)
  const authority = await createAuthority('Voltseal fleet', now)
  writeAuthority(files.authority('fleet'), authority)
  const hosts = host === '127.0.0.1' ? [host, 'localhost'] : [host]
  writeAuthority(
    files.server,
    await certifyNewKey(authority, { identity: { kind: 'fleet', id: 'server' }, hosts }, now),
  )
}

/** A key and a certificate for each of the first people. */
async function certified(
  folder: string,
  names: readonly string[],
  now: Instant,
): Promise<ReadonlyMap<string, Certified> | Refusal> {
  const all = new Map<string, Certified>()
  for (const name of names) {
    const one = await certifyPerson(folder, name, now)
    if (isRefusal(one)) return one
    all.set(name, one)
  }
  return all
}

/** What the certificates say that the fleet made for itself: its authority's, and its server's. */
function fleetCertificates(files: ReturnType<typeof fleetFiles>): { facts: CertificateFacts; of: string }[] | Refusal {
  const own = []
  for (const [of, at] of [
    ['the authority of the fleet', files.authority('fleet')],
    ['the fleet server', files.server],
  ] as const) {
    const read = readAuthority(at)
    if (isRefusal(read)) return read
    const facts = certificateFacts(read.cert)
    if (isRefusal(facts)) return facts
    own.push({ facts, of })
  }
  return own
}

/** The first metadata of the image and approval repositories, and the root of the director's. */
async function found(
  world: FleetWorld,
  keys: Record<FleetKey, Signer>,
  people: People,
  threshold: number,
): Promise<RepoFile[] | Refusal> {
  const one = (signer: Signer): RoleSpec => ({ keys: [signer.key], threshold: 1 })
  const online = (repo: 'image' | 'approval' | 'director') => ({
    root: one(keys[`${repo}-root`]),
    snapshot: one(keys[`${repo}-snapshot`]),
    timestamp: one(keys[`${repo}-timestamp`]),
  })
  const approvers = { keys: people.approvers.map(({ signer }) => signer.key), threshold }
  const image = await foundOne(world, 'image', { ...online('image'), targets: one(people.release) }, keys, [
    people.release,
  ])
  if (isRefusal(image)) return image
  const approval = await foundOne(
    world,
    'approval',
    { ...online('approval'), targets: approvers },
    keys,
    people.approvers.map(({ signer }) => signer),
  )
  if (isRefusal(approval)) return approval
  const root = await foundRoot(
    world,
    'director',
    { ...online('director'), targets: one(keys['director-targets']) },
    keys,
  )
  return isRefusal(root) ? root : [...image, ...approval, { repo: 'director', path: 'root.json', bytes: root }]
}

type Roles = Parameters<typeof writeRoot>[1]

async function foundRoot(
  world: FleetWorld,
  repo: 'image' | 'approval' | 'director',
  roles: Roles,
  keys: Record<FleetKey, Signer>,
): Promise<Uint8Array | Refusal> {
  const written = writeRoot({ version: 1, expires: yearsOn(world, 10) }, roles, world.crypto)
  if (isRefusal(written)) return written
  // The server's own keys are known by the names of their files until people hold them.
  const owners = FLEET_KEYS.filter(name => name.startsWith(`${repo}-`)).map(
    name => [keyId(keys[name].key, world.crypto), name] as const,
  )
  return signedBy(world, { ...written, ...ownersMember(new Map(owners)) }, [keys[`${repo}-root`]])
}

async function foundOne(
  world: FleetWorld,
  repo: 'image' | 'approval',
  roles: Roles,
  keys: Record<FleetKey, Signer>,
  targetSigners: readonly Signer[],
): Promise<RepoFile[] | Refusal> {
  const root = await foundRoot(world, repo, roles, keys)
  if (isRefusal(root)) return root
  const file = await signedBy(world, writeTargets({ version: 1, expires: yearsOn(world, 1) }, []), targetSigners)
  if (isRefusal(file)) return file
  const targets = readMetadata('targets', file, `${repo}: targets`)
  if (isRefusal(targets)) return targets
  const begun = resume(repo, new Map([['root.json', root]]), world.crypto)
  if (isRefusal(begun)) return begun
  const written = await nextFiles(world, repo, begun.set, targets, world.clock.now())
  return isRefusal(written) ? written : [...rootFiles(repo, begun.set.root), ...written.files]
}

async function signedBy(
  world: FleetWorld,
  written: JsonObject,
  signers: readonly Signer[],
): Promise<Uint8Array | Refusal> {
  const signatures = []
  for (const signer of signers) {
    const signature = await signer.sign(signableBytes(written), 'der')
    if (isRefusal(signature)) return signature
    signatures.push(signatureBy(signer.key, signature, world.crypto))
  }
  return seal(written, signatures)
}

const yearsOn = (world: FleetWorld, years: number): Instant =>
  instant(Math.ceil((world.clock.now() + millis(years * YEAR)) / 1000) * 1000)
