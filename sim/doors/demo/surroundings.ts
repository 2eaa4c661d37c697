import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Site } from '../../../src/core/fleet/topology.ts'
import type { Totals } from '../../plant/bill.ts'
import type { StampedEvent } from '../site/events.ts'
import type { Server } from './children.ts'
import { shownPath } from './desk.ts'
import type { StageParts } from './parts.ts'

const PLANT = join('sim', 'doors', 'plant.ts')
const WEAK_LINK = join('sim', 'doors', 'weak-link.ts')
/** In the demo's folder: what all programs of a demo on a simulated clock go by. */
export const CLOCK = 'clock.json'
const root = join(import.meta.dirname, '../../..')

/** What the plant's process answers: see sim/doors/plant.ts. `early`: everything at once, a minute after the demo began. */
export type PlantBill = {
  readonly update: Totals
  readonly nature: Totals
  readonly naive: Totals
  readonly early: Totals
  readonly held: number
  readonly absences: readonly { readonly unit: string; readonly from: number; readonly to: number }[]
}

/** The world around a demo's site: its plant, and a weak way to the fleet. `fast`: the demo has a simulated clock. */
export class Surroundings {
  readonly #parts: StageParts
  readonly #site: Site
  readonly #fast: boolean
  #plant: Server | null = null
  #link: Server | null = null
  isDown = false
  #billed: (bill: PlantBill) => void = () => {}

  constructor(parts: StageParts, site: Site, fast: boolean) {
    this.#parts = parts
    this.#site = site
    this.#fast = fast
  }

  /** What of the world around the site is simulated: its plant, and a weak way to the fleet. */
  async begin(): Promise<void> {
    const { host, port, folder, screen, children, setting, plantPort, linkPort } = this.#parts
    if (setting.link !== null) {
      const { bytesPerSecond, loss } = setting.link
      const way = ['--listen', `${host}:${linkPort}`, '--to', `${host}:${port}`]
      const weak = ['--bytes-per-second', String(bytesPerSecond), '--loss', String(loss), '--seed', '7']
      screen.step('A weak link', `node ${shownPath(join(root, WEAK_LINK), folder)} ${[...way, ...weak].join(' ')}`)
      this.#link = await children.serve('link', WEAK_LINK, [...way, ...weak])
    }
    if (!setting.plant || !this.#fast) return
    const args = ['site.yaml', 'plant', host, String(plantPort), CLOCK]
    screen.step('A plant behind it', `node ${shownPath(join(root, PLANT), folder)} ${args.join(' ')}`)
    this.#plant = await children.serve('plant', PLANT, args, value => {
      if ('update' in value) this.#billed(value as unknown as PlantBill)
    })
    const config = join(folder, 'gateway', 'gateway.yaml')
    const conditions = { url: `https://${host}:${plantPort}/v1/conditions`, ca: '../plant/ca.pem' }
    writeFileSync(config, `${readFileSync(config, 'utf8')}${stringify({ conditions })}`)
    screen.step('The gateway asks it', 'gateway/gateway.yaml: conditions')
  }

  /** Takes the link away, or gives it back. */
  link(way: 'down' | 'up'): void {
    this.#parts.screen.step(way === 'down' ? 'The link goes' : 'The link is back', `echo ${way} > (stdin of the link)`)
    this.#link?.write(way)
    this.isDown = way === 'down'
  }

  /** What the plant paid for all of this, and what it would have paid had everything restarted at once. */
  bill(): Promise<PlantBill | null> {
    const plant = this.#plant
    if (plant === null) return Promise.resolve(null)
    const ids = this.#site.controllers
      .filter(one => this.#parts.setting.updated.includes(one.class))
      .map(({ id }) => id)
    return new Promise(resolve => {
      this.#billed = resolve
      plant.write(JSON.stringify({ bill: ids }))
    })
  }

  /** A controller that restarts takes its part of the plant away; one that is through gives it back. */
  feel({ event, controller }: StampedEvent): void {
    const away = event === 'activating' || event === 'power-lost' || event === 'halted'
    const back = event === 'confirmed' || event === 'reverted'
    if (away || back) this.#plant?.write(JSON.stringify(away ? { away: controller } : { back: controller }))
  }
}
