import { statfsSync } from 'node:fs'
import { type Refusal, refuse } from '../../core/refusal/refusal.ts'

/** What the system says where the place is full, and where this user may not write or read. */
const FULL = ['ENOSPC', 'EDQUOT']
const NOT_PERMITTED = ['EACCES', 'EPERM', 'EROFS']

/**
 * What an error of the file system is to the person who runs a program: `no-space`, `file-not-permitted`, or `file-exists` where a
 * folder stands in the place of a file or a file in that of a folder. Null for every other error: that is a fault of ours, or dead
 * I/O. `place` is named where the system names none.
 */
export function refusalOf(error: unknown, place = 'a file of this command'): Refusal | null {
  const { code = '', path = place, syscall } = Object(error) as NodeJS.ErrnoException
  if (FULL.includes(code)) return refuse('no-space', path, 'room for what is written', code)
  if (code === 'EISDIR') return refuse('file-exists', path, 'a file, or nothing yet', 'a folder')
  if (code === 'ENOTDIR') return refuse('file-exists', path, 'folders on the way there', 'a file among them')
  // Some places, such as /proc, say so of a folder that nobody may make in them.
  if (code === 'ENOENT' && syscall === 'mkdir') return refuse('file-not-permitted', path, 'leave to make it', code)
  // Of a socket or a process it would say something else.
  const ofFiles =
    syscall === undefined || !['connect', 'listen', 'bind', 'kill', 'spawn'].includes(syscall.split(' ')[0] ?? '')
  if (NOT_PERMITTED.includes(code) && ofFiles) {
    return refuse('file-not-permitted', path, `leave to ${syscall ?? 'use'} it`, code)
  }
  return null
}

/** Refuses `no-space` where a folder's disk has no room for so many bytes now, before somebody does what is worth nothing without them. */
export function refuseNoRoom(folder: string, bytes: number): Refusal | null {
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  return free >= bytes ? null : refuse('no-space', folder, `room for ${bytes} bytes`, `${free}`)
}

/** Writes, and refuses what a disk that takes no write says: `no-space`, `file-not-permitted`. Other errors are thrown. */
export function unlessNotWritten(path: string, write: () => void): Refusal | null {
  try {
    write()
    return null
  } catch (error) {
    const { code } = Object(error) as NodeJS.ErrnoException
    if (code === 'EIO') return refuse('file-not-permitted', path, 'a disk that can be written', code)
    const refusal = refusalOf(error, path)
    if (refusal === null) throw error
    return refusal
  }
}
