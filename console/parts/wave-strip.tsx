import type { CampaignControllerView } from '../../src/wire/fleet-views.ts'
import type { GateState, WavePicture } from '../picture/waves.ts'

const CELL = 52
const HIGH = 40
const PAD = 6
/** Above this, a wave is one bar with its shares: single cells could not be told apart. */
const CELLS = 16
const BAR = 260

const cut = (name: string): string => (name.length > 8 ? `${name.slice(0, 7)}…` : name)

/** One wave: what is planned is outlined, what is done is filled. */
export function Wave({ wave }: { wave: WavePicture }) {
  const { controllers, number, name, confirmed, failed } = wave
  const many = controllers.length > CELLS
  const inner = many ? BAR : controllers.length * CELL
  const width = inner + 2 * PAD
  const said = `Wave ${number}, ${name}: ${confirmed} of ${controllers.length} confirmed, ${failed} failed`
  return (
    <figure class="wave">
      <svg
        viewBox={`0 0 ${width} ${HIGH + 2 * PAD}`}
        width={width}
        height={HIGH + 2 * PAD}
        role="img"
        aria-label={said}
      >
        <rect x="0.5" y="0.5" width={width - 1} height={HIGH + 2 * PAD - 1} rx="4" class="plan" />
        {many ? (
          <Bar wave={wave} />
        ) : (
          controllers.map((one, at) => <Turn key={`${one.site}/${one.controller}`} one={one} x={PAD + at * CELL} />)
        )}
      </svg>
      <figcaption>
        <span class="wave-number">{number}</span> {name} · {confirmed}/{controllers.length}
      </figcaption>
    </figure>
  )
}

function Turn({ one, x }: { one: CampaignControllerView; x: number }) {
  const middle = CELL / 2
  return (
    <g transform={`translate(${x} ${PAD})`}>
      <title>{`${one.site}/${one.controller}: ${one.state}${one.detail === null ? '' : `, ${one.detail}`}`}</title>
      <rect x="2" y="1" width={CELL - 4} height="22" rx="3" class={`turn turn-${one.state}`} />
      {one.state === 'assigned' && (
        <path d={`M2 4a3 3 0 0 1 3-3h${middle - 5}v22H5a3 3 0 0 1-3-3z`} class="turn-half" />
      )}
      {one.state === 'confirmed' && <path d={`m${middle - 6} 12 4 4 8-8`} class="turn-tick" />}
      {one.state === 'failed' && <path d={`m${middle - 5} 7 10 10m0-10-10 10`} class="turn-tick" />}
      <text x={middle} y={HIGH - 3} text-anchor="middle" class="turn-name">
        {cut(one.controller)}
      </text>
    </g>
  )
}

function Bar({ wave: { controllers, confirmed, failed } }: { wave: WavePicture }) {
  const each = BAR / controllers.length
  return (
    <g transform={`translate(${PAD} ${PAD})`}>
      <rect width={BAR} height="22" class="turn turn-waiting" />
      <rect width={confirmed * each} height="22" class="turn turn-confirmed" />
      <rect x={confirmed * each} width={failed * each} height="22" class="turn turn-failed" />
      <text x="0" y={HIGH - 3} class="turn-name">
        {`${controllers.length} controllers, ${failed} failed`}
      </text>
    </g>
  )
}

const WORDS: Readonly<Record<GateState, string>> = {
  ahead: 'ahead',
  soaking: 'soaking',
  passed: 'passed',
  held: 'held',
  failed: 'closed',
}

/** The gate behind a wave: a diamond, with what was measured over what it asks for. */
export function Gate({ wave: { gate, measured, number } }: { wave: WavePicture }) {
  const said = `Gate ${number}: ${WORDS[gate]}${measured === null ? '' : `, ${measured.confirmed} confirmed, ${measured.failed} failed`}`
  return (
    <figure class="gate" title={said}>
      <svg viewBox="0 0 34 52" width="34" height="52" role="img" aria-label={said}>
        <path d="M0 26h34" class="gate-path" />
        <path d="M17 13 30 26 17 39 4 26z" class={`gate-${gate}`} />
        {gate === 'passed' && <path d="m12 26 4 4 7-8" class="turn-tick" />}
        {gate === 'failed' && <path d="m12.500 21.500 9 9m0-9-9 9" class="turn-tick" />}
        {gate === 'held' && <path d="M14 21v10m6-10v10" class="gate-bars" />}
        {gate === 'soaking' && <path d="M17 20v6l4 3" class="gate-hand" />}
      </svg>
      <figcaption>
        {WORDS[gate]}
        {gate !== 'ahead' && measured !== null && <span class="measured">{measured.confirmed}</span>}
      </figcaption>
    </figure>
  )
}
