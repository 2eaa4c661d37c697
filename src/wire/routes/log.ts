import { Type } from 'typebox'
import { gatewaysOr, may } from '../access.ts'
import { route } from '../route.ts'

/** The log as the files of C2SP tlog-tiles, below `/log`: what gateways and auditors read it by, and any other tool of that format. */

const tag = 'audit'
const Path = Type.String({
  maxLength: 64,
  description: 'the rest of the tile’s path, with its slashes: x001/234/067.p/17',
})

export const logCheckpoint = route({
  method: 'GET',
  path: '/log/checkpoint',
  id: 'logCheckpoint',
  tag,
  summary:
    'The signed checkpoint over the whole log (C2SP tlog-checkpoint), with the cosignatures that there are of it',
  access: gatewaysOr('read-audit'),
  answers: { 200: { type: 'text/plain', what: 'a signed note' }, 304: null },
  codes: ['log-tile-missing'],
})

export const logWitnessed = route({
  method: 'GET',
  path: '/log/checkpoint.witnessed',
  id: 'logWitnessed',
  tag,
  summary: 'The newest checkpoint that enough witnesses have signed, with their signatures (C2SP tlog-cosignature)',
  access: gatewaysOr('read-audit'),
  answers: { 200: { type: 'text/plain', what: 'a signed note' }, 304: null },
  codes: [],
})

export const logTile = route({
  method: 'GET',
  path: '/log/tile/{level}/{path}',
  id: 'logTile',
  tag,
  summary: 'A tile of hashes of the log (C2SP tlog-tiles): it never changes',
  access: gatewaysOr('read-audit'),
  params: { level: Type.String({ pattern: '^[0-9]{1,2}$' }), path: Path },
  rest: true,
  answers: { 200: { type: 'application/octet-stream', what: 'hashes of 32 bytes, one after the other' } },
  codes: [],
})

export const logEntries = route({
  method: 'GET',
  path: '/log/tile/entries/{path}',
  id: 'logEntries',
  tag,
  summary: 'A bundle of entries of the log (C2SP tlog-tiles): it never changes',
  access: may('read-audit'),
  params: { path: Path },
  rest: true,
  answers: { 200: { type: 'application/octet-stream', what: 'entries, each behind its length in two bytes' } },
  codes: [],
})
