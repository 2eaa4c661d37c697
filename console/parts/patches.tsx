import { useEffect, useRef, useState } from 'preact/hooks'
import { showBytes } from '../../src/core/campaign/link.ts'
import type { ReleasePatches } from '../../src/wire/patch-api.ts'
import { isFault } from '../live/ask.ts'
import { change } from '../live/change.ts'
import { askAgain, useView } from '../live/views.ts'
import { COUNTED, type PatchLine, patchesPath, patchLines } from '../picture/patch-words.ts'
import { useSession } from '../shell/session.tsx'
import { Mark } from './mark.tsx'
import { Progress } from './progress.tsx'
import { type Column, Table } from './table.tsx'
import './patches.css'

/** How often what is being made is asked for, in milliseconds. */
const SOON = 2000
/** What is less of an image is drawn as much of it: that something is there has to be seen. The words beside it are exact. */
const SEEN = 0.015
/** Releases that are shown before somebody asks for more. */
const SHOWN = 4

/** The patches to some releases, one below the other. */
export function Patches({ releases }: { releases: readonly string[] }) {
  const [shown, setShown] = useState(SHOWN)
  return (
    <div class="patches">
      {releases.slice(0, shown).map(path => (
        <PatchesTo key={path} release={path} />
      ))}
      {releases.length > shown && (
        <button type="button" onClick={() => setShown(releases.length)}>
          Patches to {releases.length - shown} more
        </button>
      )}
    </div>
  )
}

function PatchesTo({ release }: { release: string }) {
  const path = patchesPath(release)
  const view = useView<ReleasePatches>(path)
  const isWaiting = view.value?.bases.some(({ state }) => state === 'wanted') === true
  // Who may not read the log is not told when one is made.
  useEffect(() => {
    if (!isWaiting) return
    const timer = setInterval(() => askAgain(one => one === path), SOON)
    return () => clearInterval(timer)
  }, [isWaiting, path])
  if (view.value === null) return <p class="empty">{view.fault?.detail ?? 'Asking the server …'}</p>
  return <Bases patches={view.value} path={path} />
}

function Bases({ patches, path }: { patches: ReleasePatches; path: string }) {
  const { class: of, version, full, target, encrypted, counted } = patches
  const { may } = useSession()
  const [said, setSaid] = useState<{ readonly text: string; readonly isFault: boolean } | null>(null)
  const told = useRef<HTMLParagraphElement>(null)
  // What was pressed goes away: who works by keys or listens goes on from what came of it.
  useEffect(() => told.current?.focus(), [said])
  const to = `${of} ${version}`
  const make = async ({ base, from }: PatchLine): Promise<void> => {
    const sent = await change('/v1/patches', { base, target })
    askAgain(one => one === path)
    setSaid(
      isFault(sent)
        ? { text: sent.fault.detail, isFault: true }
        : { text: `The patch from ${from} to ${to} is asked for.`, isFault: false },
    )
  }
  const columns: readonly Column<PatchLine>[] = [
    { head: 'From', cell: ({ from }) => <span class="mono">{from}</span> },
    { head: 'Controllers', number: true, cell: ({ controllers }) => controllers },
    { head: 'What travels to each', cell: line => <Travels line={line} full={full} /> },
    {
      head: 'Patch',
      cell: ({ kind, state }) => (
        <>
          {kind !== null && <Mark kind={kind} />} {state}
        </>
      ),
    },
  ]
  const press: Column<PatchLine> = {
    head: 'To be made',
    unseen: true,
    cell: line =>
      line.label !== null && (
        <button type="button" onClick={() => void make(line)}>
          {line.label}
          <span class="unseen">
            : from {line.from} to {to}
          </span>
        </button>
      ),
  }
  const lines = patchLines(patches)
  const isPressed = may('publish') && lines.some(({ label }) => label !== null)
  return (
    <div class="patches-to">
      <p>
        To <a href={`/releases?release=${encodeURIComponent(patches.path)}`}>{to}</a>, whose image has {showBytes(full)}
        {encrypted && '. It travels encrypted: its publisher makes its patches, with the release'}
      </p>
      {COUNTED[counted] !== null && <p class="quiet">{COUNTED[counted]}</p>}
      <Table
        label={`Patches to ${to}`}
        columns={isPressed ? [...columns, press] : columns}
        rows={lines}
        keyOf={({ base }) => base}
      />
      {said !== null && (
        <p ref={told} tabIndex={-1} class={said.isFault ? 'form-fault' : 'quiet'}>
          {said.text}
        </p>
      )}
    </div>
  )
}

function Travels({ line: { travels }, full }: { line: PatchLine; full: number }) {
  if (travels === null) return <>known when it is made</>
  return (
    <div class="patches-travel">
      <Progress confirmed={Math.max(travels.bytes, full * SEEN)} total={full} />
      <span>{travels.text}</span>
    </div>
  )
}
