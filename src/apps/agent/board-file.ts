import { type Static, Type } from 'typebox'
import { readConfig } from '../../adapters/config-file.ts'
import { fromBase64, toBase64 } from '../../core/encoding/bytes.ts'
import type { KeyAlgorithm } from '../../core/encoding/crypto.ts'
import type { Anchor } from '../../core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { type FlashArea, faultOf } from '../../core/slot/layout.ts'
import { parseConfig } from '../../wire/config.ts'
import { AnchorJson, Name } from '../../wire/fleet-api.ts'
import { agentFiles } from './files.ts'

const closed = { additionalProperties: false }
const Size = Type.Integer({ minimum: 1, maximum: 2 ** 40 })
const Area = Type.Object({ size: Size, sector: Size }, closed)
/** The areas that may stand on a block device of their own. */
export const AREAS = [
  'record0',
  'record1',
  'a',
  'a1',
  'a2',
  'a3',
  'b',
  'b1',
  'b2',
  'b3',
  'golden',
  'history',
  'journal',
] as const satisfies readonly FlashArea[]
const Path = Type.Optional(Type.String({ pattern: '^/' }))
const PATHS = Object.fromEntries(AREAS.map(area => [area, Path])) as Record<FlashArea, typeof Path>

/** `board.json`: what a board was made as, for ever. The token is not secret: it marks the board's processes. */
export const BoardFile = Type.Object(
  {
    kind: Type.Literal('voltseal-board'),
    v: Type.Literal(1),
    id: Name,
    site: Name,
    token: Type.String({ pattern: '^[0-9a-f]{32}$' }),
    device: Type.Object(
      {
        vendor: Type.String(),
        class: Type.String(),
        hardware: Type.String(),
        bootloader: Type.Integer({ minimum: 0 }),
        components: Type.Array(Type.String(), { minItems: 1, maxItems: 4 }),
        /** The keys of the factory. Those that are accepted today are in the element. */
        anchors: Type.Array(AnchorJson, { minItems: 1 }),
        /** Takes encrypted releases only. */
        requireEncryption: Type.Optional(Type.Boolean()),
      },
      closed,
    ),
    geometry: Type.Object(
      {
        record: Area,
        slot: Area,
        golden: Area,
        history: Area,
        /** Absent on a board that was made before patches. */
        journal: Type.Optional(Area),
        parts: Type.Array(Area, { maxItems: 3 }),
        imageOffset: Size,
      },
      closed,
    ),
    devices: Type.Object(PATHS, closed),
  },
  closed,
)
export type BoardFile = Static<typeof BoardFile>

/** Refuses `board-missing` (nothing was made here), `file-unreadable`, `config-malformed`. */
export function readBoardFile(folder: string): BoardFile | Refusal {
  const path = agentFiles(folder).board
  const value = readConfig(path)
  if (isRefusal(value)) {
    return value.code === 'file-missing'
      ? refuse('board-missing', folder, 'a board that agent init made', 'none')
      : value
  }
  const board = parseConfig<BoardFile>(BoardFile, value, path)
  if (isRefusal(board)) return board
  const fault = faultOf(board.geometry)
  return fault === null ? board : refuse('config-malformed', path, 'a geometry that holds', fault)
}

export function anchorsOf({ device }: BoardFile): Anchor[] {
  return device.anchors.map(({ kid, alg, spki }) => {
    return { kid, key: { alg: alg as KeyAlgorithm, spki: fromBase64(spki) ?? new Uint8Array(0) } }
  })
}

export const anchorJson = ({ kid, key }: Anchor): AnchorJson => ({ kid, alg: key.alg, spki: toBase64(key.spki) })
