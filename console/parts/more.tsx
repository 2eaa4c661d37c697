/** What asks for the next page of a list, where there is one. */
export function More({ more }: { more: (() => void) | null }) {
  if (more === null) return null
  return (
    <button type="button" onClick={more}>
      More
    </button>
  )
}
