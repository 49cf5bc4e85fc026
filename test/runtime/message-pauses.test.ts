import { expect, test } from 'vitest'
import { MessagePauses } from '../../src/runtime/message-pauses.ts'

class Messages {
  nowMs = 0
  readonly pauses = new MessagePauses({ now: () => this.nowMs })

  receive(count: number, everyMs: number): void {
    for (let i = 0; i < count; i++) {
      this.nowMs += everyMs
      this.pauses.received()
    }
  }
}

test('the longest pause is told once enough messages have come', () => {
  const site = new Messages()
  site.receive(29, 100)
  expect(site.pauses.longestMs).toBeUndefined()
  site.receive(1, 700)
  expect(site.pauses.longestMs).toBe(700)
})

test('an outage is no pause: neither it nor the time around it is counted', () => {
  const site = new Messages()
  site.receive(40, 100)
  site.pauses.interrupt()
  site.receive(1, 60_000)
  site.receive(5, 100)
  expect(site.pauses.longestMs).toBe(100)
})

test('a long pause is forgotten after ten minutes', () => {
  const site = new Messages()
  site.receive(40, 100)
  site.receive(1, 9_000)
  site.receive(310, 1_000)
  expect(site.pauses.longestMs).toBe(9_000)
  site.receive(310, 1_000)
  expect(site.pauses.longestMs).toBe(1_000)
})
