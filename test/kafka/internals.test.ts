import { createRequire } from 'node:module'
import { expect, test, vi } from 'vitest'
import '../../src/kafka/internals.ts'
import { kafkajsLogger } from '../../src/kafka/kafkajs-logger.ts'
import { silentLogger } from '../../src/logger.ts'

const require = createRequire(import.meta.url)
const RequestQueue: new (
  options: object,
) => {
  scheduleCheckPendingRequests(): void
  destroy(): void
  readonly pending: object[]
} = require('kafkajs/src/network/requestQueue')
const { version }: { version: string } = require('kafkajs/package.json')

test('kafkajs is the version whose inside is used', () => {
  expect(version).toBe('2.2.4')
})

test('an idle connection sets no timers: only a request that waits is looked after', () => {
  const setTimer = vi.spyOn(globalThis, 'setTimeout')
  try {
    const queue = new RequestQueue({ requestTimeout: 1_000, logger: kafkajsLogger(silentLogger) })
    queue.scheduleCheckPendingRequests()
    expect(setTimer).not.toHaveBeenCalled()
    queue.pending.push({})
    queue.scheduleCheckPendingRequests()
    expect(setTimer).toHaveBeenCalledTimes(1)
    queue.destroy()
  } finally {
    setTimer.mockRestore()
  }
})
