import type { ComponentChildren } from 'preact'

/** What may be wider than its place, and then scrolls sideways: by the arrow keys too, so that Tab leads to it. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by the keyboard (WCAG 2.1.1)
    <section class="scroll" tabIndex={0} aria-label={`${label}, scrolls sideways`}>
      {children}
    </section>
  )
}
