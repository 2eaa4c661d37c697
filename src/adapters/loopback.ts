import { isIP } from 'node:net'

/** True for an address of this machine that no network carries: 127.0.0.0/8 and ::1. A name is not an address. */
export function isLoopback(host: string): boolean {
  return (isIP(host) === 4 && host.startsWith('127.')) || host === '::1'
}
