import { toHex } from '../../../src/core/encoding/bytes.ts'
import { SIGNED_ROOT } from '../../../src/core/ledger/proof-walk.ts'
import { type Codes, told } from '../../live/codes.ts'
import { saveFile } from '../../live/save-file.ts'
import { Mark, type MarkKind } from '../../parts/mark.tsx'
import { Scroll } from '../../parts/scroll.tsx'
import type { Proof } from '../../picture/proof.ts'
import { hashText, type Placed, placed, proofLines, rangeText, TOP, WIDTH } from '../../picture/proof-lines.ts'

const MIDDLE = WIDTH / 2
const MARKS: Readonly<Record<'holds' | 'breaks' | 'open', MarkKind>> = {
  holds: 'good',
  breaks: 'trust',
  open: 'unknown',
}

/** The way of an entry to the signed root, drawn from the bottom up, with the lines that say the same beside it. */
export function ProofDrawing({ proof, codes }: { proof: Proof; codes: Codes | null }) {
  const { height, rows } = placed(proof.walk?.steps ?? [])
  const lines = proofLines(proof)
  return (
    <div class="proof">
      <h3>Its proof</h3>
      <div class="proof-body">
        {rows.length > 0 && (
          <svg
            class="proof-drawing"
            viewBox={`0 0 ${WIDTH} ${height}`}
            role="img"
            aria-label="The way from the entry up to the signed root, and who signed it; the list beside it says the same."
          >
            {rows.map((row, at) => (
              <Step key={at} row={row} next={rows[at + 1] ?? null} />
            ))}
            <Signatures proof={proof} rootY={rows.at(-1)?.y ?? TOP} />
          </svg>
        )}
        <ol class="proof-lines" reversed>
          {lines.toReversed().map(({ name, text, standing, fault }) => (
            <li key={name} class={`proof-line proof-${standing}`}>
              <Mark kind={MARKS[standing]} />
              <span class="proof-words">
                <strong>{name}</strong> {standing === 'breaks' && <em>breaks here. </em>}
                {text}
                {fault !== null && <span class="advice">{told(fault, codes)}</span>}
              </span>
            </li>
          ))}
        </ol>
      </div>
      {proof.text !== null && <Download proof={proof} text={proof.text} />}
      <Table proof={proof} />
    </div>
  )
}

function Step({ row, next }: { row: Placed; next: Placed | null }) {
  const { y, step, sibling } = row
  const { standing, held, over } = step
  return (
    <g class={`proof-${standing}`}>
      {next !== null && (
        <path class={`proof-way proof-${next.step.standing}`} d={`M${MIDDLE} ${y - 9}V${next.y + 9}`} />
      )}
      {sibling !== null && step.sibling !== null && (
        <>
          <path
            class="proof-way"
            d={
              sibling.side === 'left'
                ? `M104 ${sibling.y}H${MIDDLE - 18}L${MIDDLE - 5} ${y + 8}`
                : `M236 ${sibling.y}H${MIDDLE + 18}L${MIDDLE + 5} ${y + 8}`
            }
          />
          <g transform={`translate(${sibling.side === 'left' ? 4 : 236} ${sibling.y - 15})`}>
            <rect class="proof-box" width="100" height="30" rx="3" />
            <text class="proof-hash" x="50" y="13">
              {hashText(step.sibling.hash)}
            </text>
            <text class="proof-range" x="50" y="25">
              {short(step.sibling.over.start, step.sibling.over.end)}
            </text>
          </g>
        </>
      )}
      <Node y={y} standing={standing} />
      <text
        class="proof-held"
        x={sibling?.side === 'left' ? MIDDLE + 14 : MIDDLE - 14}
        y={y + 4}
        text-anchor={sibling?.side === 'left' ? 'start' : 'end'}
      >
        {held === null
          ? ''
          : held === SIGNED_ROOT
            ? 'the root'
            : over.end - over.start === 1
              ? 'the entry'
              : `= ${held.replace('tile/', '')}`}
      </text>
    </g>
  )
}

/** A circle holds, a shield with a cross breaks, a hatched square is not reached: the shape says it before the colour. */
function Node({ y, standing }: { y: number; standing: 'holds' | 'breaks' | 'open' }) {
  if (standing === 'holds') return <circle class="proof-node" cx={MIDDLE} cy={y} r="7" />
  if (standing === 'open') return <rect class="proof-node" x={MIDDLE - 7} y={y - 7} width="14" height="14" />
  return (
    <g transform={`translate(${MIDDLE - 11} ${y - 11})`}>
      <path class="proof-node" d="M11 0 21 4v7c0 5-4 8-10 11C5 19 1 16 1 11V4z" />
      <path class="proof-cross" d="m7 7 8 8m0-8-8 8" />
    </g>
  )
}

/** Above the root: the signature of the log, and a seal for each witness. */
function Signatures({ proof, rootY }: { proof: Proof; rootY: number }) {
  const { head, witnesses } = proof
  const shown = witnesses.slice(0, 8)
  const left = MIDDLE - (shown.length - 1) * 17
  return (
    <g class={head === null ? 'proof-breaks' : 'proof-holds'}>
      <path class="proof-way" d={`M${MIDDLE} ${rootY - 9}V${rootY - 30}`} />
      <rect class="proof-box" x="70" y={rootY - 52} width="200" height="22" rx="11" />
      <text class="proof-signed" x={MIDDLE} y={rootY - 37}>
        {head === null ? 'not signed' : `signed by ${head.key.name.slice(0, 24)}`}
      </text>
      {shown.map(({ name, standing }, at) => (
        <g key={name} class={`proof-${standing}`}>
          {standing === 'open' ? (
            <rect class="proof-node" x={left + at * 34 - 9} y={rootY - 84} width="18" height="18" />
          ) : (
            <circle class="proof-node" cx={left + at * 34} cy={rootY - 75} r="9" />
          )}
          {standing === 'holds' && <path class="proof-cross" d={`m${left + at * 34 - 4} ${rootY - 75} 3 3 5-6`} />}
          {standing === 'breaks' && <path class="proof-cross" d={`m${left + at * 34 - 4} ${rootY - 79} 8 8m0-8-8 8`} />}
        </g>
      ))}
    </g>
  )
}

const short = (start: number, end: number): string => (end - start === 1 ? `${start}` : `${start}–${end - 1}`)

/** The proof as a file: made here, of what was verified here. */
function Download({ proof, text }: { proof: Proof; text: string }) {
  const save = (): void => saveFile(`${proof.index}.tlog-proof`, 'text/plain', text)
  return (
    <p class="proof-take">
      <button type="button" onClick={save}>
        Download {proof.index}.tlog-proof
      </button>
      <span class="proof-note">
        Whoever has the key of the log verifies it without this server:{' '}
        <code>voltseal audit verify-proof {proof.index}.tlog-proof --key KEY</code>
      </span>
    </p>
  )
}

function Table({ proof }: { proof: Proof }) {
  const steps = proof.walk?.steps ?? []
  if (steps.length === 0) return null
  return (
    <details>
      <summary>Every step as a table</summary>
      <Scroll label="Steps of the proof">
        <table>
          <thead>
            <tr>
              <th>Over</th>
              <th>Joined with</th>
              <th>Read from</th>
              <th>Comes to</th>
              <th>Held against</th>
              <th>Result</th>
            </tr>
          </thead>
          <tbody>
            {steps.map(({ over, sibling, hash, held, standing }) => (
              <tr key={over.end - over.start}>
                <th scope="row">{rangeText({ ...over })}</th>
                <td>{sibling === null ? '–' : `${rangeText(sibling.over)} on the ${sibling.side}`}</td>
                <td class="mono">{sibling?.tiles.join(' ') ?? '–'}</td>
                <td class="mono">{hash === null ? '–' : toHex(hash)}</td>
                <td class="mono">{held ?? '–'}</td>
                <td>{standing}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  )
}
