/**
 * Figures in the Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats): counters and
 * histograms that grow, and gauges that are asked for at each look. Labels have few values by design: a kind, a state, a
 * route; never a device.
 */

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

type Labels = Readonly<Record<string, string>>

/** One line of a figure. */
export type Sample = { readonly labels: Labels; readonly value: number }

/** A figure as a whole: `gauge` may fall, `counter` only grows. */
export type Figure = {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter'
  readonly samples: readonly Sample[]
}

/** How long things took, in seconds, by a few labels. */
export class Histogram {
  readonly #name: string
  readonly #help: string
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, { labels: Labels; counts: number[]; sum: number; count: number }>()

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name
    this.#help = help
    this.#bounds = bounds
  }

  observe(seconds: number, labels: Labels = {}): void {
    const key = JSON.stringify(labels)
    const series = this.#series.get(key) ?? { labels, counts: this.#bounds.map(() => 0), sum: 0, count: 0 }
    this.#series.set(key, series)
    for (const [at, bound] of this.#bounds.entries()) if (seconds <= bound) series.counts[at]! += 1
    series.sum += seconds
    series.count += 1
  }

  text(): string {
    const lines = [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} histogram`]
    for (const { labels, counts, sum, count } of this.#series.values()) {
      for (const [at, bound] of this.#bounds.entries()) {
        lines.push(line(`${this.#name}_bucket`, { ...labels, le: String(bound) }, counts[at] as number))
      }
      lines.push(line(`${this.#name}_bucket`, { ...labels, le: '+Inf' }, count))
      lines.push(line(`${this.#name}_sum`, labels, sum), line(`${this.#name}_count`, labels, count))
    }
    return `${lines.join('\n')}\n`
  }
}

export function figureText({ name, help, type, samples }: Figure): string {
  const lines = samples.map(({ labels, value }) => line(name, labels, value))
  return `${[`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join('\n')}\n`
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
