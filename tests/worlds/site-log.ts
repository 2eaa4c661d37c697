import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import { type ChainItem, headBehind } from '../../src/core/ledger/site-chain.ts'

/** The heads of a gateway's own log in front of some items and behind them, as its manifest says them. */
export function heads(before: Uint8Array, items: readonly ChainItem[]): { before: string; head: string } {
  return { before: toHex(before), head: toHex(headBehind(nodeCrypto, before, items)) }
}
