import { getEventListeners } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test, vi } from 'vitest'
import { aborted, abortedWith } from '../src/aborted.ts'
import { createClock } from '../src/clock.ts'

describe('a controller that is aborted with another signal', () => {
  test('is aborted as soon as that is, for the same reason, also where it has been before', () => {
    const other = new AbortController()
    const before = abortedWith(other.signal)
    other.abort('why')
    expect([before.signal.reason, abortedWith(other.signal).signal.reason]).toEqual(['why', 'why'])
  })

  test('leaves nothing behind at the other one when it was aborted alone', () => {
    const other = new AbortController()
    const controller = abortedWith(other.signal)
    expect(getEventListeners(other.signal, 'abort')).toHaveLength(1)
    controller.abort('mine')
    expect(getEventListeners(other.signal, 'abort')).toHaveLength(0)
    other.abort('why')
    expect(controller.signal.reason).toBe('mine')
  })

  test('does not keep alive who still listens to it', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage: () => void = runInNewContext('gc')
    const listening = () => {
      const listener = { abort() {} }
      const { signal } = abortedWith(new AbortController().signal)
      signal.addEventListener('abort', () => listener.abort())
      return new WeakRef(listener)
    }
    const listener = listening()
    await setImmediate()
    collectGarbage()
    expect(listener.deref()).toBeUndefined()
  })
})

test('many wait for one signal, and Node takes none of it for a leak', async () => {
  const warned = vi.fn()
  process.on('warning', warned)
  const { signal } = new AbortController()
  const clock = createClock(new VirtualTimeScheduler())
  for (let i = 0; i < 20; i++) {
    void aborted(signal)
    void clock.sleep(1, signal)
  }
  await setImmediate()
  process.off('warning', warned)
  expect(warned).not.toHaveBeenCalled()
})
