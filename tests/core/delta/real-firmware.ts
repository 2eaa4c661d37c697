import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { unzipSync } from 'fflate'

const ENTRY = 'firmware-base.bin'

/** The firmware of a hub, from a package of the registry: code of a Cortex-M4 that people use. */
export function realImage(hub: 'primehub' | 'essentialhub', version: '7-27' | '7-28'): Uint8Array {
  const archive = join(import.meta.dirname, `../../../node_modules/pybricks-${version}/build/${hub}.zip`)
  const image = unzipSync(new Uint8Array(readFileSync(archive)), { filter: ({ name }) => name === ENTRY })[ENTRY]
  if (image === undefined) throw new Error(`${archive} holds no ${ENTRY}`)
  return image
}
