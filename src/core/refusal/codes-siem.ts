import type { CodeTable } from './code.ts'

const later = { exit: 75, status: 503, action: 'retry' } as const

/** The log on its way to a SIEM: syslog over TLS. */
export const siemCodes = {
  'siem-not-reachable': {
    ...later,
    exit: 69,
    title: 'no connection to the receiver of the log can be made',
    fix: 'Check host and port under siem in fleet.yaml, and that the receiver listens. Nothing is lost: the log is kept, and sent from where the receiver stands.',
  },
  'siem-tls-refused': {
    ...later,
    exit: 69,
    title: 'the receiver of the log and this server did not agree on a TLS connection',
    fix: 'Check ca, cert, key and serverName under siem in fleet.yaml, what the receiver permits, and both clocks. Nothing was sent to a receiver that was not the right one.',
  },
  'siem-connection-lost': {
    ...later,
    title: 'the connection to the receiver of the log broke',
    fix: 'Nothing is lost: what may have been under way is sent again, with the same indices. If it happens again and again, look at the receiver and at what stands between.',
  },
  'siem-stalled': {
    ...later,
    title: 'the receiver of the log does not read what it is sent',
    fix: 'Look at the receiver: its queue is full, or its disk. The log is kept, and sent when it reads again.',
  },
  'siem-unconfirmed': {
    ...later,
    title: 'the receiver of the log did not close a connection that was ended',
    fix: 'A receiver closes when it has read to the end (RFC 5425, 4.4); until it does, nobody knows what it has. Look at the receiver, or at what stands between.',
  },
  'siem-behind': {
    ...later,
    title: 'the receiver of the log is behind',
    fix: 'It takes entries, and more slowly than they come. "voltseal siem status" shows how far behind it is; look at the receiver and at the line.',
  },
} as const satisfies CodeTable
