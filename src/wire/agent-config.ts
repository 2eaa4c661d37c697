import { type Static, Type } from 'typebox'
import type { HealthSpec } from '../core/firmware/release-facts.ts'

const closed = { additionalProperties: false }
const Millis = (maximum: number) => Type.Integer({ minimum: 1, maximum })
/** A program and its arguments, run as they stand: no shell. */
const Command = Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), { minItems: 1, maxItems: 64 })
const Account = Type.Union([
  Type.Integer({ minimum: 1, maximum: 0xffff_fffe }),
  Type.String({ pattern: '^[a-z_][a-z0-9_-]{0,31}$' }),
])

const PROBE_NAME = '^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$'

/** One way to see whether the controller works; a release names the probes that must pass after an update. */
export const ProbeConfig = Type.Union([
  /** Passes when the command ends with 0 in time. */
  Type.Object({ kind: Type.Literal('command'), run: Command, timeoutMillis: Millis(600_000) }, closed),
  /** Passes when a GET on this machine answers 2xx in time. */
  Type.Object(
    {
      kind: Type.Literal('http'),
      url: Type.String({ pattern: '^http://(?:127(?:\\.\\d{1,3}){3}|\\[::1\\]|localhost)(?::\\d{1,5})?(?:/[!-~]*)?$' }),
      timeoutMillis: Millis(600_000),
    },
    closed,
  ),
  /** Passes when the application has written to its heartbeat pipe within this time. */
  Type.Object({ kind: Type.Literal('heartbeat'), withinMillis: Millis(600_000) }, closed),
  /** Passes when the number that the command prints is within the tolerance of the one before the update. */
  Type.Object(
    {
      kind: Type.Literal('figure'),
      run: Command,
      timeoutMillis: Millis(600_000),
      tolerance: Type.Union([
        Type.Object({ absolute: Type.Number({ minimum: 0 }) }, closed),
        Type.Object({ relative: Type.Number({ minimum: 0 }) }, closed),
      ]),
    },
    closed,
  ),
])
export type ProbeConfig = Static<typeof ProbeConfig>

/** `agent.yaml`: what `voltseal agent run` goes by, beside what the board was made as. */
export const AgentConfig = Type.Object(
  {
    kind: Type.Literal('voltseal-agent'),
    application: Type.Object(
      {
        arguments: Type.Array(Type.String({ maxLength: 4096 }), { maxItems: 64 }),
        environment: Type.Record(
          Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }),
          Type.String({ maxLength: 4096 }),
        ),
        /** Whom it runs as; absent: as the agent itself, which development alone should do. */
        user: Type.Optional(Account),
        group: Type.Optional(Account),
        /** How long it has to end when it is told to, in milliseconds. */
        stopMillis: Millis(600_000),
        /** The first pause before it is started again, in milliseconds; doubled each time. */
        restartMillis: Millis(60_000),
      },
      closed,
    ),
    probes: Type.Record(Type.String({ pattern: PROBE_NAME }), ProbeConfig),
    /** What every trial has to hold for, whatever its release says; absent: `LEAST_TRIAL`. */
    trial: Type.Optional(
      Type.Object(
        {
          /** The shortest health window, in milliseconds. */
          leastWindowMillis: Millis(86_400_000),
          /** Probes that must pass in every trial, by their names above. */
          probes: Type.Array(Type.String({ pattern: PROBE_NAME }), { maxItems: 64, uniqueItems: true }),
        },
        closed,
      ),
    ),
    /** Between two regular reports, in milliseconds, from a minute to a day; absent: a quarter of an hour. */
    reportMillis: Type.Optional(Type.Integer({ minimum: 60_000, maximum: 86_400_000 })),
    /** Bytes of memory for a patch at most, or none at all; absent: 16 MiB. A patch that needs more is not offered. */
    patches: Type.Optional(Type.Union([Type.Integer({ minimum: 1024, maximum: 0x7fff_ffff }), Type.Literal('off')])),
    /** How long the second stage may be silent before it is ended, in milliseconds. */
    watchdogMillis: Type.Integer({ minimum: 500, maximum: 3_600_000 }),
    /** The machine's watchdog, such as /dev/watchdog; absent: none. */
    watchdogDevice: Type.Optional(Type.String({ pattern: '^/' })),
    /** Where what runs is put, on a file system that may hold programs; absent: `run` in the agent's folder. */
    runtime: Type.Optional(Type.String({ pattern: '^/' })),
  },
  closed,
)
export type AgentConfig = Static<typeof AgentConfig>

/** A release that asks for no more than a moment is watched for this long all the same. */
const LEAST_TRIAL = { leastWindowMillis: 10_000, probes: [] }

/** The least that every trial has to hold for on a controller with this configuration. */
export function leastTrial({ trial }: AgentConfig): HealthSpec {
  const { leastWindowMillis: windowMillis, probes } = trial ?? LEAST_TRIAL
  return { windowMillis, probes }
}

/** Milliseconds between two regular reports of a controller with this configuration. */
export const reportEvery = ({ reportMillis }: Pick<AgentConfig, 'reportMillis'>): number => reportMillis ?? 900_000

const PATCH_MEMORY = 16 * 1024 * 1024

/** Bytes of memory that a controller with this configuration has for a patch; null: it applies none. */
export const patchMemory = ({ patches = PATCH_MEMORY }: Pick<AgentConfig, 'patches'>): number | null =>
  patches === 'off' ? null : patches

/** What `voltseal agent init` writes: no probe, no other user. */
export const FIRST_AGENT_CONFIG: AgentConfig = {
  kind: 'voltseal-agent',
  application: { arguments: [], environment: {}, stopMillis: 5_000, restartMillis: 500 },
  probes: {},
  trial: LEAST_TRIAL,
  watchdogMillis: 60_000,
}
