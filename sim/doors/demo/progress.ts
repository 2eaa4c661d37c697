import type { StampedEvent } from '../site/events.ts'
import type { Ink, Screen } from './screen.ts'

/** Where one controller stands, for the view. */
type Standing = { readonly done: number; readonly word: string; readonly ink: Ink }

const WIDTH = 24
/** How much of the bar the download, the wait and the trial are. */
const SHARE = { download: 0.6, staged: 0.65, trial: 0.8, done: 1 } as const

/** The campaign as it goes on at the site: a bar for each controller on a terminal, a line for each change elsewhere. */
export class Progress {
  readonly #screen: Screen
  readonly #standings = new Map<string, Standing>()
  #campaign = ''

  constructor(screen: Screen, controllers: readonly string[]) {
    this.#screen = screen
    for (const id of controllers) this.#standings.set(id, { done: 0, word: 'waits', ink: 'dim' })
  }

  /** A line of `campaign watch`: what the campaign as a whole is doing. */
  campaign(line: string): void {
    const [, id = '', because = ''] = /^ {2}[^/ ]+\/(\S+) \S+: (waits: .+)$/.exec(line) ?? []
    // What the site says reaches the fleet behind what happens there: who goes by now waits no more.
    if (this.#standings.get(id)?.done === SHARE.staged)
      this.#stand(id, { done: SHARE.staged, word: because, ink: 'warn' })
    if (line.startsWith('  ') || line === this.#campaign) return
    this.#campaign = line
    if (!this.#screen.live) this.#screen.say(line)
    this.#screen.draw(() => this.lines())
  }

  event(event: StampedEvent): void {
    const before = this.#standings.get(event.controller)
    if (before === undefined) return
    const next = standingOf(event, before)
    if (next !== null) this.#stand(event.controller, next)
  }

  #stand(id: string, next: Standing): void {
    const before = this.#standings.get(id)
    this.#standings.set(id, next)
    const changed = next.word.replace(/\d+ %/, '') !== before?.word.replace(/\d+ %/, '')
    if (!this.#screen.live && changed) this.#screen.say(`  ${id}  ${next.word.replace(/ \d+ %$/, '')}`)
    this.#screen.draw(() => this.lines())
  }

  /** Ends the view; its last state stays on the screen. */
  end(): void {
    this.#screen.draw(() => this.lines(), true)
    this.#screen.keep()
  }

  lines(): string[] {
    const longest = Math.max(...[...this.#standings.keys()].map(id => id.length))
    const bars = [...this.#standings].map(([id, { done, word, ink }]) => {
      const filled = Math.round(done * WIDTH)
      const bar = `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}`
      return `  ${id.padEnd(longest)}  ${this.#screen.ink(ink, bar)}  ${word}`
    })
    return [this.#screen.ink('bold', this.#campaign), ...bars]
  }
}

function standingOf(event: StampedEvent, before: Standing): Standing | null {
  switch (event.event) {
    case 'assigned':
      return { done: 0, word: `downloads ${event.version} 0 %`, ink: 'warn' }
    case 'download': {
      const share = event.received / event.total
      const word = `${before.word.replace(/ \d+ %$/, '')} ${Math.floor(share * 100)} %`
      return { done: share * SHARE.download, word, ink: 'warn' }
    }
    case 'staged':
      return { done: SHARE.staged, word: `${event.version} is verified in flash; waits for its turn`, ink: 'warn' }
    case 'boot':
      if (!event.trial) return null
      return { done: SHARE.trial, word: `tries ${event.version} in slot ${event.slot}`, ink: 'warn' }
    case 'confirmed':
      return { done: SHARE.done, word: `confirmed ${event.version} in slot ${event.slot}`, ink: 'good' }
    case 'reverted':
      return { done: SHARE.done, word: `went back to slot ${event.slot}: ${event.cause}`, ink: 'bad' }
    case 'refused':
      return { done: before.done, word: `refused: ${event.code}`, ink: 'refused' }
    case 'power-lost':
      return { ...before, word: `lost its power (${event.where.replace('power lost ', '')})`, ink: 'bad' }
    default:
      return null
  }
}
