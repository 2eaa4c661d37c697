import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Bell } from '../../../src/apps/gateway/bell.ts'
import { ownTimers } from '../../worlds/own-timers.ts'

const HOUR = 3_600_000
describe('a bell', () => {
  test('wakes all who wait, and leaves no timer', async t => {
    const timers = ownTimers(t)
    const bell = new Bell()
    const waiting = [bell.next(HOUR), bell.next(HOUR)]
    assert.equal(timers(), 2)
    bell.ring()
    await Promise.all(waiting)
    assert.equal(timers(), 0)
  })

  test('wakes one who is told to stop, and nobody else', async t => {
    const timers = ownTimers(t)
    const bell = new Bell()
    const stop = new AbortController()
    const other = bell.next(HOUR)
    const waiting = bell.next(HOUR, stop.signal)
    stop.abort()
    await waiting
    await bell.next(HOUR, stop.signal)
    assert.equal(timers(), 1)
    bell.close()
    await other
    assert.equal(timers(), 0)
  })

  test('rung for one wakes who waits under that name, and all others go on waiting', async t => {
    const timers = ownTimers(t)
    const bell = new Bell()
    const others = [bell.next(HOUR), bell.next(HOUR, undefined, 'bms-2')]
    const mine = bell.next(HOUR, undefined, 'bms-1')
    bell.ring('bms-1')
    await mine
    assert.equal(timers(), 2)
    bell.ring()
    await Promise.all(others)
    assert.equal(timers(), 0)
  })

  test('that is closed lets nobody wait', async () => {
    const bell = new Bell()
    const waiting = bell.next(HOUR)
    bell.close()
    await waiting
    await bell.next(HOUR)
  })
})
