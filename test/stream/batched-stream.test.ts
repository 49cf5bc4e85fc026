import { expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import type { BatchPolicy } from '../../src/stream/graph.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { MemorySink } from '../support/memory-sink.ts'

function batched(policy: BatchPolicy) {
  return topology('batched', ({ stream }) => {
    stream(topic('in', { key: serdes.string, value: serdes.string }))
      .batch(policy)
      .to(new MemorySink())
  })
}

test.each([
  { rowsMax: 0, waitMsMax: 1 },
  { rowsMax: 1.5, waitMsMax: 1 },
  { rowsMax: Number.NaN, waitMsMax: 1 },
  { rowsMax: 1, waitMsMax: -1 },
])('a batch of %o, by which nothing could go out, is refused when it is declared', (policy) => {
  expect(() => batched(policy)).toThrow(expect.objectContaining({ code: 'BAD_TOPOLOGY' }))
})

test('a batch of one row that waits for nothing is a batch', () => {
  expect(() => batched({ rowsMax: 1, waitMsMax: 0 })).not.toThrow()
})
