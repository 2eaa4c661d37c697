import { type Refusal, refuse } from './refusal.ts'

/** What the system says where this user may not read. */
const NOT_PERMITTED = ['EACCES', 'EPERM']

/**
 * A file that is there and was not read, by the system's error code: one answer wherever files are read. Refuses
 * `file-not-permitted`, and `file-unreadable` for every other reason.
 */
export function notRead(path: string, code: string): Refusal {
  return NOT_PERMITTED.includes(code)
    ? refuse('file-not-permitted', path, 'leave to read it', code)
    : refuse('file-unreadable', path, 'a file that can be read', code)
}
