import { type Authority, certificateFacts, createAuthority, issueCertificate } from '../../adapters/certificates.ts'
import { readText, writeWhole } from '../../adapters/config-file.ts'
import { fromBase64, sameBytes, toBase64, toHex } from '../../core/encoding/bytes.ts'
import { refuseDecryptionKey } from '../../core/fleet/decryption-key.ts'
import { findController, parseSite, type Site, siteBytes } from '../../core/fleet/topology.ts'
import { parseVerifierKey, verifierKey } from '../../core/ledger/signed-note.ts'
import { firstHead } from '../../core/ledger/site-chain.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { canSignMetadata, keyId } from '../../core/trust/keys.ts'
import { record } from '../../flows/audit.ts'
import { certificateEvent, type Issued } from '../../flows/certify.ts'
import { foundDirector } from '../../flows/direct.ts'
import { type By, person } from '../../flows/persons.ts'
import type { ControllerRow, FleetWorld } from '../../flows/ports.ts'
import { recognised } from '../../flows/recognise.ts'
import { witnessNameOf } from '../../flows/witness.ts'
import type { GatheredStore } from '../../flows/witness-ports.ts'
import type { DeviceRequest, EnrolSite } from '../../wire/fleet-api.ts'
import type { EnrolledSite } from '../../wire/fleet-views.ts'
import { fleetFiles } from './files.ts'

/** What the enrolment of a site needs beside the fleet's world. */
export type EnrolmentSetup = {
  readonly folder: string
  readonly url: string
  readonly gathered: Pick<GatheredStore, 'witnessKey'>
}

/**
 * Takes a site in: registers its controllers with the keys that sign their reports, gives its gateway a certificate for
 * the fleet's door, and makes the site an authority of its own, under which the gateway serves and the controllers call.
 * (Development: a request is believed on the word of the person who brings it. EST takes this place later.)
 */
export class Enrolment {
  readonly #world: FleetWorld
  readonly #setup: EnrolmentSetup

  constructor(world: FleetWorld, setup: EnrolmentSetup) {
    this.#world = world
    this.#setup = setup
  }

  /**
   * Durable on return; the same request again answers with fresh certificates for the same keys. Refuses what
   * `parseSite` refuses, `controller-unknown` (a request for one that the site does not have), `controller-duplicate`
   * (two requests for one), `controller-missing` (none for one of the site), `enrolment-key-malformed`,
   * `enrolment-key-shared`, `enrolment-key-changed` (unless a person says that the device was replaced), `enrolment-key-former` (whoever says so),
   * and what `refuseDecryptionKey` and `issueCertificate` refuse.
   */
  enrol(by: By, request: EnrolSite): Promise<EnrolledSite | Refusal> {
    return this.#world.store.exclusive(() => this.#enrol(by, request))
  }

  async #enrol(by: By, request: EnrolSite): Promise<EnrolledSite | Refusal> {
    const site = parseSite(request.site, 'site.yaml')
    if (isRefusal(site)) return site
    const replaced = new Set(request.replaced)
    const rows = await this.#rows(site, request.controllers, replaced)
    if (isRefusal(rows)) return rows
    const gatewayKey = signingKey(request.gateway.reportKey)
    if (gatewayKey === null) return malformedKey(`the gateway of ${site.site}`)
    const known = await this.#world.store.site(site.site)
    if (known !== null && !sameBytes(known.gatewayKey, gatewayKey)) {
      const subject = `the gateway of ${site.site}`
      return refuse('enrolment-key-changed', subject, 'the key it was registered with', 'another one')
    }
    const shared = rows.find(({ reportKey }) => sameBytes(reportKey, gatewayKey))
    if (shared !== undefined) return sharedKey(`${site.site}/${shared.id}`, 'its gateway')
    const witness = await this.#witnessKey(site.site, request.gateway.witnessKey)
    if (isRefusal(witness)) return witness
    const issued = await this.#issue(site, request)
    if (isRefusal(issued)) return issued
    const files = known === null ? await foundDirector(this.#world, site.site) : []
    if (isRefusal(files)) return files
    const { upstream, head } = known ?? { upstream: 0, head: firstHead() }
    const row = { id: site.site, site: siteBytes(site), gatewayKey, upstream, head }
    const actor = person(by)
    const certificates = certificatesOf(issued)
    if (isRefusal(certificates)) return certificates
    const key = this.#keyId(gatewayKey)
    // If power fails before this commit, nobody has the certificates, and nothing is registered; behind it, the same request
    // again is answered with others.
    const witnessed = witness === null ? {} : { witnessKeys: [{ site: site.site, key: witness }] }
    await record(this.#world, { sites: [row], controllers: rows, files, ...witnessed }, [
      {
        kind: 'site-registered',
        actor,
        site: site.site,
        detail: { region: site.region, controllers: rows.length, key, ...(witness === null ? {} : { witness }) },
      },
      ...rows.map(({ id, class: of, hardware, reportKey, decryptionKey }) => {
        // With the key itself, whoever reads the log can verify what the device signed.
        const keys = { key: this.#keyId(reportKey), reportKey: toBase64(reportKey), ...this.#decryption(decryptionKey) }
        const detail = { class: of, hardware, ...keys, ...(replaced.has(id) ? { replaced: true } : {}) }
        return { kind: 'controller-registered', actor, site: site.site, controller: id, detail } as const
      }),
      ...certificates.map(one => certificateEvent(actor, one)),
    ])
    return issued
  }

  /**
   * The key by which the gateway cosigns; null when it says none. It is never exchanged: a fleet server that has become somebody
   * else's could then cosign its log itself.
   */
  async #witnessKey(site: string, asked: string | undefined): Promise<string | null | Refusal> {
    const known = await this.#setup.gathered.witnessKey(site)
    if (asked === undefined) return known
    const subject = `the gateway of ${site}`
    const key = parseVerifierKey(this.#world.crypto, asked, 'cosignature')
    if (key?.name !== witnessNameOf(site)) {
      return refuse('witness-key-unsuitable', subject, `the key of ${witnessNameOf(site)}`, asked.slice(0, 120))
    }
    if (known === null || known === asked) return asked
    return refuse('enrolment-key-changed', subject, 'the witness key it was registered with', 'another one')
  }

  #keyId(spki: Uint8Array): string {
    return keyId({ alg: 'ecdsa-p256', spki }, this.#world.crypto)
  }

  #decryption(key: Uint8Array | null): { decryptionKey?: string } {
    return key === null ? {} : { decryptionKey: toHex(this.#world.crypto.sha256(key)) }
  }

  async #rows(
    site: Site,
    requests: readonly DeviceRequest[],
    replaced: ReadonlySet<string>,
  ): Promise<ControllerRow[] | Refusal> {
    const rows = new Map<string, ControllerRow>()
    for (const { id, reportKey: encoded, decryption } of requests) {
      const found = findController(site, id)
      const key = `${site.site}/${id}`
      if (found === null) return refuse('controller-unknown', key, 'a controller of the site', 'none of that id')
      if (rows.has(id)) return refuse('controller-duplicate', key, 'one device', 'two requests under the same id')
      const reportKey = signingKey(encoded)
      if (reportKey === null) return malformedKey(key)
      const twin = [...rows.values()].find(row => sameBytes(row.reportKey, reportKey))
      if (twin !== undefined) return sharedKey(key, twin.id)
      const before = await this.#world.store.controller(site.site, id)
      const isAnother = before !== null && !sameBytes(before.reportKey, reportKey)
      if (isAnother && !replaced.has(id)) {
        return refuse('enrolment-key-changed', key, 'the key it was registered with', 'another one')
      }
      // Its numbers would begin anew, and whoever kept what the old key signed could say all of it again.
      if (isAnother && (await this.#world.store.hadReportKey(site.site, id, reportKey))) {
        return refuse('enrolment-key-former', key, 'a report key that it never had before', 'one that was replaced')
      }
      // Another device begins anew: what the old one said is not its word, and its numbers are its own.
      const known = isAnother ? null : before
      const decryptionKey = this.#decryptionKey(key, decryption, reportKey, known)
      if (isRefusal(decryptionKey)) return decryptionKey
      const { class: of, hardware } = found
      rows.set(id, {
        site: site.site,
        id,
        class: of,
        hardware,
        reportKey,
        decryptionKey,
        report: known?.report ?? null,
        sequence: known?.sequence ?? 0,
      })
    }
    const missing = site.controllers.find(({ id }) => !rows.has(id))
    if (missing === undefined) return [...rows.values()]
    return refuse(
      'controller-missing',
      `${site.site}/${missing.id}`,
      'a request of every controller',
      'none of this one',
    )
  }

  /**
   * The decryption key that a controller is registered with. One that came later is taken in; one that was there is never
   * exchanged, nor left out: somebody else could then read what is wrapped for it.
   */
  #decryptionKey(
    subject: string,
    asked: DeviceRequest['decryption'],
    reportKey: Uint8Array,
    known: ControllerRow | null,
  ): Uint8Array | null | Refusal {
    const before = known?.decryptionKey ?? null
    if (asked === undefined) return before
    const [key, signature] = [fromBase64(asked.key), fromBase64(asked.signature)]
    if (key === null || signature === null) {
      return refuse('decryption-key-malformed', subject, 'a key and a signature in base64', 'something else')
    }
    const fault = refuseDecryptionKey(key, signature, reportKey, this.#world.crypto, subject)
    if (fault !== null) return fault
    if (before === null || sameBytes(before, key)) return key
    return refuse('enrolment-key-changed', subject, 'the decryption key it was registered with', 'another one')
  }

  async #issue(site: Site, request: EnrolSite): Promise<EnrolledSite | Refusal> {
    const now = this.#world.clock.now()
    const fleetCa = readAuthority(fleetFiles(this.#setup.folder).authority('fleet'))
    if (isRefusal(fleetCa)) return fleetCa
    const siteCa = await this.#siteAuthority(site.site)
    if (isRefusal(siteCa)) return siteCa
    const identity = { kind: 'gateway', site: site.site } as const
    const cert = await issueCertificate(fleetCa, request.gateway.csr, { identity }, now)
    if (isRefusal(cert)) return cert
    const grant = { identity, hosts: request.gateway.hosts }
    const serverCert = await issueCertificate(siteCa, request.gateway.serverCsr, grant, now)
    if (isRefusal(serverCert)) return serverCert
    const controllers: Record<string, { cert: string; reportKey: string }> = {}
    for (const { id, csr, reportKey } of request.controllers) {
      const grant = { identity: { kind: 'controller', site: site.site, id } } as const
      const issued = await issueCertificate(siteCa, csr, grant, now)
      if (isRefusal(issued)) return { ...issued, subject: `${site.site}/${id}, ${issued.subject}` }
      controllers[id] = { cert: issued, reportKey }
    }
    const roots = await this.#roots()
    if (isRefusal(roots)) return roots
    const { url } = this.#setup
    const taken = await recognised(this.#world)
    if (isRefusal(taken)) return taken
    const anchors = taken.map(({ kid, key }) => ({ kid, alg: key.alg, spki: toBase64(key.spki) }))
    const fleet = { url, ca: fleetCa.cert }
    const log = verifierKey(this.#world.crypto, { name: this.#world.name, key: this.#world.auditSigner.key })
    if (log === null) return refuse('log-signer-unsuitable', 'the key of the log', 'an Ed25519 key', 'another one')
    const gateway = { cert, serverCert }
    return { site: site.site, fleet, siteCa: siteCa.cert, gateway, controllers, roots, anchors, log }
  }

  /** The roots in force: whoever stole the keys of an older one cannot begin another chain for a new gateway. */
  async #roots(): Promise<EnrolledSite['roots'] | Refusal> {
    const roots: Record<string, string> = {}
    for (const repo of ['image', 'approval', 'director'] as const) {
      const bytes = await this.#world.store.file(repo, 'root.json')
      if (bytes === null) return refuse('store-without-root', repo, 'root.json', 'none')
      roots[repo] = toBase64(bytes)
    }
    return roots as EnrolledSite['roots']
  }

  async #siteAuthority(site: string): Promise<Authority | Refusal> {
    const files = fleetFiles(this.#setup.folder).authority(`site-${site}`)
    const known = readAuthority(files)
    if (!isRefusal(known) || known.code !== 'file-missing') return known
    const made = await createAuthority(`Voltseal site ${site}`, this.#world.clock.now())
    writeAuthority(files, made)
    return made
  }
}

/** What the certificates say that an enrolment issues, for the log. */
function certificatesOf({ gateway, controllers }: EnrolledSite): readonly Issued[] | Refusal {
  const issued: Issued[] = []
  const all = [gateway.cert, gateway.serverCert, ...Object.values(controllers).map(({ cert }) => cert)]
  for (const cert of all) {
    const facts = certificateFacts(cert)
    if (isRefusal(facts)) return facts
    issued.push(facts)
  }
  return issued
}

/** An ECDSA P-256 key from base64 of its SubjectPublicKeyInfo; null when it is none. */
function signingKey(encoded: string): Uint8Array | null {
  const spki = fromBase64(encoded)
  return spki !== null && canSignMetadata({ alg: 'ecdsa-p256', spki }) ? spki : null
}

const malformedKey = (subject: string): Refusal =>
  refuse('enrolment-key-malformed', subject, 'an ECDSA P-256 key (SubjectPublicKeyInfo in base64)', 'something else')

const sharedKey = (subject: string, other: string): Refusal =>
  refuse('enrolment-key-shared', subject, 'a report key of its own', `the key of ${other}`)

export type AuthorityFiles = { readonly cert: string; readonly key: string }

export function readAuthority(files: AuthorityFiles): Authority | Refusal {
  const cert = readText(files.cert, 1 << 16)
  if (typeof cert !== 'string') return cert
  const key = readText(files.key, 1 << 16)
  return typeof key === 'string' ? { cert, key } : key
}

/** The key first: if power fails between the two, the next enrolment finds no certificate and makes both again. */
export function writeAuthority(files: AuthorityFiles, authority: Authority): void {
  writeWhole(files.key, authority.key, 0o600)
  writeWhole(files.cert, authority.cert)
}
