import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { openGatewayStore, type SqliteGatewayStore } from '../../src/adapters/store-sqlite/gateway.ts'
import { openWitnessStore, type SqliteWitnessStore } from '../../src/adapters/store-sqlite/witnessed.ts'
import { answering } from '../../src/apps/witness/answering.ts'
import { millis } from '../../src/core/encoding/units.ts'
import { parseSite } from '../../src/core/fleet/topology.ts'
import { type AuditEntry, parseEntry } from '../../src/core/ledger/entry.ts'
import { readPolicy } from '../../src/core/ledger/log-policy.ts'
import { type NoteKey, verifierKey } from '../../src/core/ledger/signed-note.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import { type Gathering, GatheringMemory } from '../../src/flows/ask-witnesses.ts'
import { appendEntries } from '../../src/flows/audit.ts'
import type { Witness } from '../../src/flows/cosign.ts'
import { storedLog } from '../../src/flows/log-files.ts'
import { offerCheckpoint, takeWitnessing } from '../../src/flows/offer-checkpoint.ts'
import type { SiteWorld } from '../../src/flows/ports.ts'
import { type SiteWitness, siteWitness } from '../../src/flows/witness.ts'
import type { LogLink, WitnessLink, WitnessStore } from '../../src/flows/witness-ports.ts'
import { testSigner } from '../core/ledger/keys.ts'
import { quay } from './quay.ts'
import type { QuietFleet } from './quiet-fleet.ts'

/** Witnesses of a quiet fleet's log, in this process: what they keep is in real stores, and nothing goes over a network. */

export const logKeyOf = ({ world }: QuietFleet): NoteKey => ({ name: world.name, key: world.auditSigner.key })

/** Lets the log grow by so many entries. `what` tells one history from another. */
export async function grow(fleet: QuietFleet, count: number, what = 'grows'): Promise<void> {
  const actor = { kind: 'fleet', id: fleet.world.name } as const
  for (let n = 0; n < count; n += 1) {
    await appendEntries(fleet.world, [{ kind: 'policy-changed', actor, detail: { what, n } }])
  }
}

export const sizeOf = async ({ world }: QuietFleet): Promise<number> => (await world.store.log()).size

/** The entries of the log of some kinds. */
export async function entriesOf(fleet: QuietFleet, ...kinds: string[]): Promise<AuditEntry[]> {
  const rows = await fleet.world.store.entries(0, await sizeOf(fleet))
  return rows.map(({ bytes }) => orThrow(parseEntry(bytes, 'an entry'))).filter(({ kind }) => kinds.includes(kind))
}

/** A witness as a program has it, on a database of its own. */
export class TestWitness {
  readonly name: string
  readonly file: string
  readonly key: string
  readonly seed: number
  readonly #fleet: QuietFleet
  store!: SqliteWitnessStore
  witness!: Witness
  /** What it answers instead; null: what it would. */
  instead: { status: number; type: string; body: string } | Refusal | null = null
  asked = 0

  constructor(fleet: QuietFleet, seed: number) {
    this.#fleet = fleet
    this.seed = seed
    this.name = `witness.example/w${seed}`
    this.file = join(fleet.folder, `witness-${seed}.sqlite`)
    this.key = verifierKey(crypto, { name: this.name, key: testSigner(seed).key }, 'cosignature') as string
    this.open()
  }

  /** Starts it anew; `through` stands between it and its store. */
  open(through: (store: WitnessStore) => WitnessStore = store => store, change: Partial<Witness> = {}): void {
    this.store?.close()
    this.store = orThrow(openWitnessStore(this.file))
    const key = logKeyOf(this.#fleet)
    this.witness = {
      name: this.name,
      signer: testSigner(this.seed),
      logs: new Map([[key.name, [key]]]),
      store: through(this.store),
      clock: this.#fleet.clock,
      crypto,
      isTrouble: code => code === 'log-forked',
      ...change,
    }
  }

  readonly link: WitnessLink = {
    addCheckpoint: async body => {
      this.asked += 1
      if (this.instead !== null) return this.instead
      const { answer } = await answering(this.witness, pino({ level: 'silent' }))(body)
      return { ...answer, body: answer.body ?? '' }
    },
  }
}

export const AWAY = refuse('not-reachable', 'a witness', 'a witness that answers', 'ECONNREFUSED')

/** How a fleet server that has just started gathers; `lines`: its policy. */
export function gatheringOf(fleet: QuietFleet, lines: readonly string[] = ['quorum none']): Gathering {
  const { world } = fleet
  const policy = orThrow(readPolicy(`${lines.join('\n')}\n`, crypto))
  const memory = new GatheringMemory()
  return { world, store: fleet.gathered, files: storedLog(world.store), policy, patience: millis(60_000), memory }
}

/** A gateway of the site quay as a witness, with a store of its own. `gathering`: the fleet server that it calls. */
export class TestGateway {
  readonly key: string
  readonly #folder: string
  readonly #fleet: QuietFleet
  readonly #gathering: () => Gathering
  store!: SqliteGatewayStore
  site!: SiteWitness

  constructor(fleet: QuietFleet, gathering: () => Gathering) {
    this.#fleet = fleet
    this.#gathering = gathering
    this.#folder = mkdtempSync(join(fleet.folder, 'gateway-'))
    this.key = verifierKey(crypto, { name: 'gateway/quay', key: testSigner(40).key }, 'cosignature') as string
    this.open()
  }

  /** Starts it anew. */
  open(
    change: Partial<LogLink> = {},
    through: (store: SqliteGatewayStore) => SiteWorld['store'] = store => store,
  ): void {
    this.store?.close()
    this.store = orThrow(openGatewayStore(join(this.#folder, 'gateway.sqlite')))
    const site = orThrow(parseSite(quay(), 'site.yaml'))
    const { clock } = this.#fleet
    const world = { site, store: through(this.store), clock, crypto, signer: testSigner(41) } as unknown as SiteWorld
    const link: LogLink = {
      offered: old => offerCheckpoint(this.#gathering(), old),
      witnessed: said => takeWitnessing(this.#gathering(), 'quay', said),
      ...change,
    }
    this.site = siteWitness(world, logKeyOf(this.#fleet), testSigner(40), link)
  }

  /** Registers its key at the fleet, as an enrolment does. */
  async enrol(): Promise<void> {
    await this.#fleet.world.store.commit({ witnessKeys: [{ site: 'quay', key: this.key }] })
  }

  /** What it has for the fleet: kind and code of each entry. */
  async alarms(): Promise<(readonly [string, string | undefined])[]> {
    const items = await this.store.outbox(1000)
    return items
      .map(({ bytes }) => orThrow(parseEntry(bytes, 'an entry')))
      .map(({ kind, code }) => [kind, code] as const)
  }

  end(): void {
    this.store.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

export const codeOf = (value: unknown): string | null => (isRefusal(value) ? value.code : null)
