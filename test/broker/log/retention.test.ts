import { describe, expect, test } from 'vitest'
import { enforceRetention } from '../../../src/broker/log/retention.ts'
import type { TopicConfig } from '../../../src/broker/topic/topic-config.ts'
import { MemoryDirectory } from '../../../src/storage/memory.ts'
import { batchOf, openLog, valuesIn, virtualClock } from '../support.ts'

const now = 1_700_000_000_000

function filled(config: TopicConfig) {
  const directory = new MemoryDirectory(virtualClock())
  const log = openLog({ directory, config: { 'segment.bytes': '200', ...config } })
  for (let i = 0; i < 20; i++)
    log.append(batchOf([{ key: 'k', value: `${i}` }], { timestampMs: now - (20 - i) * 1_000 }))
  return { log, directory }
}

describe('retention', () => {
  test('removes the oldest segments beyond retention.bytes, and keeps at least so much', () => {
    const { log, directory } = filled({ 'retention.bytes': '600' })
    const before = log.sizeBytes
    const freed = enforceRetention(log, now)
    expect(freed).toBe(before - log.sizeBytes)
    expect(log.sizeBytes).toBeGreaterThanOrEqual(600)
    expect(log.sizeBytes).toBeLessThan(600 + 200)
    expect(log.startOffset).toBe(10)
    log.removeSegmentsBefore(log.startOffset)
    expect(log.startOffset).toBe(10)
    expect(openLog({ directory }).startOffset).toBe(10)
    expect(valuesIn(log).at(-1)).toBe('19')
  })

  test('removes segments whose newest record is older than retention.ms', () => {
    const { log } = filled({ 'retention.ms': '5000' })
    enforceRetention(log, now)
    const [oldest] = valuesIn(log)
    expect(Number(oldest)).toBeGreaterThanOrEqual(12)
    expect(Number(oldest)).toBeLessThanOrEqual(15)
  })

  test('removes the active segment too when all of it is too old, and goes on counting', () => {
    const { log, directory } = filled({ 'retention.ms': '5000' })
    enforceRetention(log, now + 60_000)
    expect(valuesIn(log)).toEqual([])
    expect(log.append(batchOf([{ value: 'next' }])).baseOffset).toBe(20)
    expect(openLog({ directory }).endOffset).toBe(21)
  })

  test('keeps everything at −1, and everything of a topic that is only compacted', () => {
    const compacted: TopicConfig = { 'retention.ms': '1', 'cleanup.policy': 'compact' }
    for (const config of [{ 'retention.ms': '-1' }, compacted]) {
      const { log } = filled(config)
      expect(enforceRetention(log, now + 1e9)).toBe(0)
      expect(log.startOffset).toBe(0)
    }
  })
})
