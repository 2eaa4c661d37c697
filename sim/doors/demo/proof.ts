import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Misfit } from '../../../src/core/encoding/shape.ts'
import { readBundle } from '../../../src/core/ledger/bundle.ts'
import type { ChangeReport } from '../../../src/core/ledger/change-report.ts'
import { CHECKPOINT_PATH, tilePath, tilesBetween, WITNESSED_PATH } from '../../../src/core/ledger/tiles.ts'
import type { CampaignView, ControllerView } from '../../../src/wire/fleet-views.ts'
import type { Desk } from './desk.ts'

export const CAMPAIGN = 'pybricks-7-28'
/** In the fleet's folder: who has to sign the log. */
export const POLICY = 'witnesses.policy'

/** What a demo leaves behind for whoever asks later: the campaign, the log, the version map, reports and records. */
export class Proof {
  readonly #desk: Desk
  readonly #folder: string
  readonly #site: string

  constructor(desk: Desk, folder: string, site: string) {
    this.#desk = desk
    this.#folder = folder
    this.#site = site
  }

  /** Verifies the export, as an auditor would: offline, with the log's key and its witness's. As `text` answers it. */
  verifyLog(asJson: boolean): Promise<string> {
    const policy = ['--policy', join('fleet', POLICY)]
    return this.#desk.text('Verify it, offline', ['audit', 'verify', 'audit', ...policy], asJson)
  }

  /** The campaign as it stands. */
  async campaign(): Promise<CampaignView> {
    return (await this.#desk.command(null, ['campaign', 'show', CAMPAIGN])) as CampaignView
  }

  /** Exports the audit log; answers its entries, one to a line, and the newest checkpoint that its witness has signed too. */
  async exportLog(): Promise<{ readonly entries: string; readonly checkpoint: string }> {
    await this.#desk.command('Export the audit log', ['audit', 'export', 'audit'])
    const at = (path: string): Uint8Array => readFileSync(join(this.#folder, 'audit', path))
    const checkpoint = Buffer.from(at(CHECKPOINT_PATH)).toString()
    const entries: string[] = []
    for (const tile of tilesBetween(0, Number(checkpoint.split('\n')[1]))) {
      if (tile.level !== 'entries') break
      const read = readBundle(at(tilePath(tile)), tile.width)
      if (read instanceof Misfit) throw new Error(`${tilePath(tile)}: ${read.actual}`)
      entries.push(...read.map(entry => Buffer.from(entry).toString()))
    }
    const isWitnessed = checkpoint.split('\n').filter(line => line.startsWith('— ')).length > 1
    const witnessed = isWitnessed ? checkpoint : Buffer.from(at(WITNESSED_PATH)).toString()
    return { entries: entries.join('\n'), checkpoint: witnessed }
  }

  /** What each controller runs, as it attested, by its id. */
  async versions(): Promise<ReadonlyMap<string, string>> {
    const list = (await this.#desk.command(null, ['controller', 'list'])) as readonly ControllerView[]
    return new Map(list.map(one => [one.id, one.version ?? '–']))
  }

  /** Which versions run where at the site, as the inventory counts them. */
  versionMap(asJson: boolean): Promise<string> {
    const asked = ['fleet', 'versions', '--site', this.#site, '--by', 'rack']
    return this.#desk.text('The version map of the site', asked, asJson)
  }

  /** The report of changes as an auditor would make it: offline, from the export alone. Kept as JSON and as CSV. */
  async changes(): Promise<ChangeReport> {
    const files = ['--out', 'changes.json', '--csv', 'changes.csv']
    return (await this.#desk.command('The change report', [
      'audit',
      'changes',
      CAMPAIGN,
      'audit',
      ...files,
    ])) as ChangeReport
  }

  /** The record that each of these controllers leaves behind, kept in `records/ID.json`; answers whose there are. */
  async records(ids: readonly string[]): Promise<readonly string[]> {
    mkdirSync(join(this.#folder, 'records'), { recursive: true })
    const kept: string[] = []
    for (const id of ids) {
      const title = kept.length === 0 ? 'The record of each device' : null
      const history = await this.#desk.command(title, ['controller', 'history', `${this.#site}/${id}`])
      if (history === null) continue
      writeFileSync(join(this.#folder, 'records', `${id}.json`), `${JSON.stringify(history, null, 2)}\n`)
      kept.push(id)
    }
    return kept
  }
}
