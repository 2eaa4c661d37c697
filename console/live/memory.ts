import { fromHex, toHex } from '../../src/core/encoding/bytes.ts'
import type { Memory } from './log-reader.ts'

const name = (key: string): string => `voltseal.log.${key}`

/** The browser's own storage: it survives the page. Without it (a private window) nothing is remembered. */
export const browserMemory: Memory = {
  recall: key => {
    const [size = '', hex = ''] = (attempt(() => localStorage.getItem(name(key))) ?? '').split(' ')
    const root = fromHex(hex)
    return /^[1-9]\d{0,14}$/.test(size) && root?.length === 32 ? { size: Number(size), root } : null
  },
  remember: (key, { size, root }) => {
    attempt(() => localStorage.setItem(name(key), `${size} ${toHex(root)}`))
  },
}

function attempt<T>(work: () => T): T | null {
  try {
    return work()
  } catch {
    return null
  }
}
