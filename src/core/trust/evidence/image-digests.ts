/**
 * By which digests (SHA-256, lower-case hex) evidence may name the image of a release. `whole` is that of the payload.
 * `parts`: for each image in it, the digests by any of which it may be named: its own, and that of the build's output
 * inside it, when it was wrapped afterwards. Empty when the payload cannot be looked into.
 */
export type ImageDigests = {
  readonly whole: string
  readonly parts: readonly { readonly name: string; readonly digests: readonly string[] }[]
}

/** Whether digests name the whole image: itself, or each of its parts. */
export function covers(stated: ReadonlySet<string>, { whole, parts }: ImageDigests): boolean {
  if (stated.has(whole)) return true
  return parts.length > 0 && parts.every(({ digests }) => digests.some(digest => stated.has(digest)))
}
