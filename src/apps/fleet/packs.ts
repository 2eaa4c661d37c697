import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { makeFolders, readBytes, writeWhole } from '../../adapters/config-file.ts'
import { toHex } from '../../core/encoding/bytes.ts'
import { Misfit } from '../../core/encoding/shape.ts'
import { writePolicy } from '../../core/ledger/log-policy.ts'
import { PACK_LIMITS } from '../../core/ledger/pack/layout.ts'
import { type Query, queryJson, queryShape } from '../../core/ledger/pack/query.ts'
import { isRefusal, type Refusal, RefusalError, refuse } from '../../core/refusal/refusal.ts'
import type { Who } from '../../flows/admit.ts'
import type { Gathering } from '../../flows/ask-witnesses.ts'
import { cosignedFiles } from '../../flows/cosigned.ts'
import { sealPack } from '../../flows/seal.ts'
import type { PackView } from '../../wire/audit-views.ts'
import type { SealPack } from '../../wire/evidence-api.ts'
import { breathe } from '../process/breathe.ts'
import { refusalOf, refuseNoRoom } from '../process/disk.ts'
import { VERIFIER } from '../process/pack-parts.ts'
import { policyOf } from './log-views.ts'
import type { FromWorker, PackWork, ToWorker } from './pack-worker.ts'

/** Packs that are kept until somebody fetches them, of all accounts together; the oldest goes first. */
const KEPT = 10
/** A pack that nobody fetched is deleted after so long, in milliseconds. */
const FOR: number = 3_600_000

type Pack = {
  readonly by: string
  readonly begun: number
  readonly path: string
  worker: Worker | null
  view: PackView
}

/**
 * Evidence packs that the fleet server makes for who asks for them, one at a time. What is under way is in memory: a server that ends
 * gives it up. What is made lies in the folder `packs` for an hour, for the account that asked for it and nobody else.
 */
export class Packs {
  readonly #gathering: Gathering
  readonly #folder: string
  readonly #verifier: string
  readonly #packs = new Map<string, Pack>()

  /** If power failed while packs lay here, the next start deletes them: they are made again from the log. */
  constructor(gathering: Gathering, folder: string, verifier: string = VERIFIER) {
    this.#gathering = gathering
    this.#folder = join(folder, 'packs')
    this.#verifier = verifier
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Those of an account, the newest first. */
  of(account: string): PackView[] {
    this.#forget()
    return [...this.#packs.values()]
      .filter(({ by }) => by === account)
      .map(({ view }) => view)
      .reverse()
  }

  /**
   * Begins to make a pack. Nothing is durable on return; when it is made, the log has an entry of it (`evidence-exported`). Refuses
   * `pack-under-way` while another one is made, and `request-malformed` for no query.
   */
  begin(who: Who, asked: SealPack['query']): PackView | Refusal {
    const query = queryShape(asked, 'query')
    if (query instanceof Misfit) return refuse('request-malformed', query.at, query.expected, query.actual)
    this.#forget()
    const busy = [...this.#packs.values()].find(({ worker }) => worker !== null)
    if (busy !== undefined) {
      return refuse('pack-under-way', 'evidence packs', 'one at a time', `one that is ${busy.view.state}`)
    }
    const { world } = this.#gathering
    const id = toHex(world.random.bytes(12))
    const begun = world.clock.now()
    const view: PackView = {
      ...{ id, begun, state: 'reading', done: 0, of: 0, query: queryJson(query) as SealPack['query'] },
      ...{ events: null, bytes: null, sealed: null, fault: null, warnings: [] },
    }
    const pack: Pack = { by: who.id, begun, path: join(this.#folder, `${id}.zip`), worker: null, view }
    this.#packs.set(id, pack)
    this.#start(pack, who, query)
    return view
  }

  /** Stops one that is under way. What the log has sealed stays sealed, and says that there is no such pack any more. Refuses `not-found`. */
  async cancel(account: string, id: string): Promise<PackView | Refusal> {
    const pack = this.#mine(account, id)
    if (isRefusal(pack)) return pack
    const { worker } = pack
    if (worker === null) return pack.view
    this.#ends(pack, { state: 'cancelled' })
    await worker.terminate()
    return pack.view
  }

  /** A pack that is made. Refuses `not-found`: it is not made, not there any more, or somebody else's. */
  file(account: string, id: string): Uint8Array | Refusal {
    this.#forget()
    const pack = this.#mine(account, id)
    if (isRefusal(pack)) return pack
    return pack.view.state === 'made' ? readBytes(pack.path, PACK_LIMITS.bytes) : this.#none(id)
  }

  /** Ends what is under way, and deletes what lies here. */
  async close(): Promise<void> {
    await Promise.all([...this.#packs.values()].map(({ worker }) => worker?.terminate()))
    this.#packs.clear()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #mine(account: string, id: string): Pack | Refusal {
    const pack = this.#packs.get(id)
    // Whose it is, is nobody else's business: it is as if there were none.
    return pack === undefined || pack.by !== account ? this.#none(id) : pack
  }

  #none = (id: string): Refusal =>
    refuse('not-found', `pack ${id.slice(0, 40)}`, 'a pack of yours that is made', 'none')

  #ends(pack: Pack, change: Partial<PackView>): void {
    pack.worker = null
    pack.view = { ...pack.view, ...change }
  }

  #start(pack: Pack, who: Who, query: Query): void {
    const { world, policy } = this.#gathering
    const workerData: PackWork = {
      query,
      policy: writePolicy(policyOf(world, policy), world.crypto),
      now: world.clock.now(),
      verifier: this.#verifier,
    }
    const worker = new Worker(new URL('./pack-worker.ts', import.meta.url), { workerData })
    pack.worker = worker
    const files = cosignedFiles(this.#gathering)
    const answers = async (message: FromWorker): Promise<void> => {
      if (pack.worker !== worker) return
      if (message.is === 'at') pack.view = { ...pack.view, ...stateAt(message) }
      else if (message.is === 'warning')
        pack.view = { ...pack.view, warnings: [...pack.view.warnings, message.text].slice(-20) }
      else if (message.is === 'refused') this.#fails(pack, message.refusal)
      else if (message.is === 'made') this.#keep(pack, message.zip, message.events)
      else {
        // The others have their turn between two files.
        await breathe()
        const answer =
          message.is === 'file' ? await files.file(message.path) : await this.#seal(pack, who, query, message)
        worker.postMessage({ ask: message.ask, answer } satisfies ToWorker)
      }
    }
    worker.on('message', (message: FromWorker) => {
      answers(message).catch((error: unknown) => {
        this.#fails(
          pack,
          error instanceof RefusalError ? error.refusal : (refusalOf(error, pack.path) ?? unexpected(error)),
        )
      })
    })
    worker.on('error', error => this.#fails(pack, unexpected(error)))
    worker.on('exit', () => {
      if (pack.worker === worker)
        this.#fails(pack, refuse('pack-not-made', 'the pack', 'a pack', 'nothing: its thread ended'))
    })
  }

  async #seal(
    pack: Pack,
    who: Who,
    query: Query,
    { claim: { manifest, size, events }, room }: { readonly claim: SealPack; readonly room: number },
  ): Promise<{ index: number } | Refusal> {
    pack.view = { ...pack.view, state: 'sealing', done: 0, of: 1, events }
    // Before the log seals a pack that this disk cannot keep.
    makeFolders(this.#folder, 0o700)
    const full = refuseNoRoom(this.#folder, room)
    if (full !== null) return full
    const sealed = await sealPack(this.#gathering.world, who, { manifest, query, size, events })
    if (!isRefusal(sealed)) pack.view = { ...pack.view, sealed: sealed.index }
    return sealed
  }

  /** If power fails in this, the next start deletes what there is; the log knows of a pack that nobody has. */
  #keep(pack: Pack, zip: Uint8Array, events: number): void {
    makeFolders(this.#folder, 0o700)
    writeWhole(pack.path, zip, 0o600)
    this.#ends(pack, { state: 'made', done: 1, of: 1, events, bytes: zip.length })
  }

  #fails(pack: Pack, { code, subject, expected, actual }: Refusal): void {
    if (pack.worker === null) return
    const { worker } = pack
    this.#ends(pack, { state: 'failed', fault: { code, subject, expected, actual } })
    void worker.terminate()
  }

  #forget(): void {
    const now = this.#gathering.world.clock.now()
    const done = [...this.#packs].filter(([, { worker }]) => worker === null)
    const over = Math.max(0, this.#packs.size - KEPT)
    for (const [at, [id, { begun, path }]] of done.entries()) {
      if (at >= over && now - begun < FOR) continue
      this.#packs.delete(id)
      rmSync(path, { force: true })
    }
  }
}

const stateAt = ({ stage, done, of }: FromWorker & { is: 'at' }): Pick<PackView, 'state' | 'done' | 'of'> => ({
  state: stage,
  done,
  of,
})

const unexpected = (error: unknown): Refusal =>
  refuse('pack-not-made', 'the pack', 'a pack', error instanceof Error ? error.message.slice(0, 200) : 'an error')
