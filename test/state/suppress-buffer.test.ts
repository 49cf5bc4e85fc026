import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { Headers } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { Heap } from '../../src/state/heap.ts'
import { suppressBuffer } from '../../src/state/suppress-buffer.ts'
import { survivesRestart } from '../support/restart-property.ts'

describe('the buffer of a suppression', () => {
  test('holds the same and goes on the same after a restart', () => {
    survivesRestart({
      spec: () => suppressBuffer({ name: 's', key: serdes.string, value: serdes.long, measured: false }),
      op: fc.oneof(
        fc.record({
          key: fc.constantFrom('a', 'b', 'c'),
          value: fc.option(fc.nat(9)),
          oldValue: fc.option(fc.nat(9)),
          timestampMs: fc.nat(9),
          headers: fc.constantFrom<Headers | undefined>(undefined, [
            ['trace', Buffer.from('x')],
            ['none', null],
            ['trace', Buffer.alloc(0)],
          ]),
        }),
        fc.constant('take' as const),
      ),
      apply(store, op) {
        if (op === 'take') {
          const taken = store.takeFirst()
          return taken && { ...taken, keyBytes: undefined, dirty: undefined }
        }
        store.put(op.timestampMs, op.key, op.value, op.oldValue, op.timestampMs, op.headers)
        return store.prior(op.key)
      },
      contents: (store) => [store.size, store.firstMs, store.bytes, store.prior('a'), store.prior('b')],
    })
  })
  test('queues a key once, and nothing that is gone, for however long it follows a changelog', () => {
    const added = vi.spyOn(Heap.prototype, 'add')
    const taken = vi.spyOn(Heap.prototype, 'takeFirst')
    const spec = suppressBuffer({ name: 's', key: serdes.string, value: serdes.long, measured: false })
    const [store, copy] = [spec.create(), spec.create()]
    const follow = () =>
      store.drainChanges((key, value, timestampMs) => copy.restore(key, value, timestampMs))
    for (let windowMs = 0; windowMs < 50; windowMs += 10) {
      for (let value = 1; value <= 20; value++) {
        store.put(windowMs, `key ${windowMs}`, value, value - 1, windowMs)
        follow()
      }
      store.takeFirst()
      follow()
    }
    expect(copy.size).toBe(0)
    // Each of them once in the store, and once in its copy.
    expect(added).toHaveBeenCalledTimes(2 * 5)
    expect(taken).toHaveBeenCalledTimes(2 * 5)
    vi.restoreAllMocks()
  })
})
