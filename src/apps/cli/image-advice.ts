import { type Container, containerAdvice, containerOf, type Purpose } from '../../core/delta/container.ts'
import type { Cli } from './cli.ts'

export type ImageAdvice = { readonly file: string; readonly container: Container; readonly text: string }

/** Warns of each image that is not the bytes that stand in flash, and gives what was said, for `--json`. */
export function adviseOnImages(
  { output }: Cli,
  purpose: Purpose,
  images: readonly { readonly file: string; readonly image: Uint8Array }[],
): readonly ImageAdvice[] {
  return images.flatMap(({ file, image }) => {
    const container = containerOf(image)
    if (container === null) return []
    const text = containerAdvice(container, `${file} is`, purpose)
    output.warn(text)
    return [{ file, container, text }]
  })
}
