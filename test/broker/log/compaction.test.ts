import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Compaction } from '../../../src/broker/log/compaction.ts'
import type { PartitionLog } from '../../../src/broker/log/partition-log.ts'
import { batchBaseOffset, placeBatch } from '../../../src/broker/log/record-batch.ts'
import { segmentName } from '../../../src/broker/log/segment.ts'
import { systemClock } from '../../../src/clock.ts'
import { MemoryDirectory } from '../../../src/storage/memory.ts'
import { batchOf, openLog, recordsIn, virtualClock } from '../support.ts'

const day = 86_400_000
const settings = { 'cleanup.policy': 'compact', 'segment.bytes': '300', 'min.cleanable.dirty.ratio': '0' }

function compacted(config: Record<string, string> = {}) {
  const clock = virtualClock()
  const directory = new MemoryDirectory(clock)
  const log = openLog({ directory, clock, config: { ...settings, ...config } })
  // Its pauses are real ones: only the age of files is under test.
  const pausing = { ...clock, sleep: systemClock.sleep }
  const compaction = new Compaction(log, { clock: pausing, keysMax: 1_000, sliceBytes: 1_000 })
  return { clock, directory, log, compaction }
}

const put = (log: PartitionLog, key: string, value: string | null) => log.append(batchOf([{ key, value }]))
const pairsIn = (log: PartitionLog, options?: { committed: boolean }) =>
  recordsIn(log, options).map(({ key, value }) => [String(key), value && String(value)])

/** What a reader of all of it knows in the end. */
function tableIn(log: PartitionLog): Map<string, string> {
  const latest = new Map(pairsIn(log) as [string, string | null][])
  return new Map([...latest].filter((pair): pair is [string, string] => pair[1] !== null))
}

describe('compaction', () => {
  test('keeps the last record of each key, with its offset and in order', async () => {
    const { log, compaction } = compacted()
    for (let i = 0; i < 60; i++) put(log, `k${i % 3}`, `${i}`)
    const freed = await compaction.run()
    expect(freed).toBeGreaterThan(1_000)
    const sealedEnd = log.segments.at(-1)!.baseOffset
    const inSealed = recordsIn(log).filter(({ offset }) => offset < sealedEnd)
    expect(inSealed.map(({ offset }) => offset)).toEqual([sealedEnd - 3, sealedEnd - 2, sealedEnd - 1])
    expect(log.startOffset).toBe(0)
    expect(log.read(5, 1, false)?.nextOffset).toBe(sealedEnd - 2)
  })

  test('gives the same table before and after, for any writes of any producers, passes, days and restarts', async () => {
    const write = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      value: fc.option(fc.string({ maxLength: 20 }), { freq: 4 }),
      // Those that have a number: their last batches stay, whatever has become of what is in them.
      producerId: fc.option(fc.constantFrom(1, 2, 3), { nil: undefined }),
    })
    const step = fc.oneof(
      { weight: 9, arbitrary: write },
      fc.constant('compact' as const),
      fc.constant('a day' as const),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const { log, compaction, directory, clock } = compacted()
        const table = new Map<string, string>()
        const sequences = new Map<number, number>()
        for (const each of steps) {
          if (each === 'compact') await compaction.run()
          else if (each === 'a day') await clock.advance(day + 1)
          else {
            const { producerId, ...record } = each
            const baseSequence = sequences.get(producerId ?? 0) ?? 0
            log.append(batchOf([record], producerId === undefined ? {} : { producerId, baseSequence }))
            sequences.set(producerId ?? 0, baseSequence + 1)
            if (record.value === null) table.delete(record.key)
            else table.set(record.key, record.value)
          }
        }
        await compaction.run()
        expect(tableIn(log)).toEqual(table)
        const reopened = openLog({ directory, config: settings })
        expect(pairsIn(reopened)).toEqual(pairsIn(log))
        expect(reopened.endOffset).toBe(log.endOffset)
      }),
      { numRuns: 200 },
    )
  })

  test('leaves alone what a start may go back to', async () => {
    const { log, compaction } = compacted()
    for (let i = 0; i < 30; i++) put(log, 'a', `${i}`)
    const [first, second] = log.segments
    const beforeOffset = second!.nextOffset - 1
    await compaction.run(beforeOffset)
    const offsets = recordsIn(log).map(({ offset }) => offset)
    expect(offsets[0]).toBe(first!.nextOffset - 1)
    expect(offsets.slice(1)).toEqual(
      Array.from({ length: 30 - first!.nextOffset }, (_, i) => first!.nextOffset + i),
    )
  })

  test('keeps tombstones for delete.retention.ms, so that slow readers see them', async () => {
    const { log, compaction, clock } = compacted()
    put(log, 'gone', 'value')
    put(log, 'gone', null)
    for (let i = 0; i < 10; i++) put(log, 'other', `${i}`)
    const [, tombstone] = recordsIn(log)
    // However old they are: who has read the value just now must find its end.
    await clock.advance(day + 1)
    await compaction.run()
    expect(recordsIn(log)).toContainEqual({ ...tombstone, bytes: expect.anything() })
    expect(pairsIn(log)).not.toContainEqual(['gone', 'value'])
    await clock.advance(day + 1)
    for (let i = 0; i < 10; i++) put(log, 'other', `${i}`)
    await compaction.run()
    expect(pairsIn(log).map(([key]) => key)).not.toContain('gone')
  })

  test('keeps a tombstone for as long as what it deletes is kept for its producer', async () => {
    const { log, compaction, clock } = compacted()
    const others = () => {
      for (let i = 0; i < 10; i++) put(log, 'other', `${i}`)
    }
    log.append(batchOf([{ key: 'gone', value: 'value' }], { producerId: 5, baseSequence: 0 }))
    put(log, 'gone', null)
    others()
    await clock.advance(day + 1)
    await compaction.run()
    expect(tableIn(log)).toEqual(new Map([['other', '9']]))
    log.append(batchOf([{ key: 'other', value: 'of the same' }], { producerId: 5, baseSequence: 1 }))
    others()
    await clock.advance(day + 1)
    await compaction.run()
    expect(pairsIn(log).map(([key]) => key)).not.toContain('gone')
  })

  test('drops aborted records and markers, and what is left needs no marker after a restart', async () => {
    const { log, compaction, directory } = compacted()
    const producer = { producerId: 1, producerEpoch: 0 }
    let baseSequence = 0
    const send = (key: string, value: string) =>
      log.append(
        batchOf([{ key, value }], { ...producer, baseSequence: baseSequence++, transactional: true }),
      )
    send('a', 'committed')
    log.appendMarker({ outcome: 'commit', restsOnState: 0 }, producer)
    send('a', 'aborted')
    send('b', 'aborted')
    log.appendMarker({ outcome: 'abort', restsOnState: 0 }, producer)
    for (let i = 0; i < 10; i++) put(log, 'other', `${i}`)
    expect(log.abortedIn(0, log.endOffset)).toHaveLength(1)
    await compaction.run()
    for (const each of [log, openLog({ directory, config: settings })]) {
      // A reader that is told of one and finds no marker passes over what the producer wrote later.
      expect(each.abortedIn(0, each.endOffset)).toEqual([])
      expect(pairsIn(each, { committed: true })).toContainEqual(['a', 'committed'])
      expect(pairsIn(each).filter(([, value]) => value === 'aborted')).toEqual([])
      expect(each.lastStableOffset).toBe(each.endOffset)
      expect(each.producers.open()).toEqual([])
    }
  })

  test('leaves open transactions and the active segment alone', async () => {
    const { log, compaction } = compacted()
    put(log, 'a', '1')
    log.append(
      batchOf([{ key: 'a', value: 'open' }], { producerId: 1, baseSequence: 0, transactional: true }),
    )
    for (let i = 0; i < 30; i++) put(log, 'a', `${i}`)
    expect(await compaction.run()).toBe(0)
    expect(recordsIn(log)).toHaveLength(32)
  })

  test('keeps the sequence of an idempotent producer over a restart', async () => {
    const { log, compaction, directory } = compacted()
    log.append(batchOf([{ key: 'a', value: 'x' }], { producerId: 5, baseSequence: 0 }))
    for (let i = 0; i < 30; i++) put(log, 'a', `${i}`)
    await compaction.run()
    const reopened = openLog({ directory, config: settings })
    expect(
      reopened.append(batchOf([{ key: 'a', value: 'x' }], { producerId: 5, baseSequence: 0 })).baseOffset,
    ).toBe(0)
  })

  test('leaves segments that are refused when a base offset in them is another one that fits as well', async () => {
    const { log, compaction, directory } = compacted()
    for (let i = 0; i < 30; i++) put(log, 'a', `${i}`)
    await compaction.run()
    const { file, baseOffset } = log.segments.find(({ compacted, sizeBytes }) => compacted && sizeBytes > 0)!
    const bytes = Buffer.from(file.read(0, file.sizeBytes))
    expect(batchBaseOffset(bytes)).toBeGreaterThan(baseOffset)
    placeBatch(bytes, batchBaseOffset(bytes) - 1, 0)
    file.truncate(0)
    file.append(bytes)
    expect(() => openLog({ directory, config: settings })).toThrow('is not what its compaction wrote')
  })

  test('is taken as it is from before names and recovery points told of it, and held to what it is from then on', async () => {
    const { log, compaction, directory } = compacted()
    for (let i = 0; i < 30; i++) put(log, `k${i % 2}`, `${i}`)
    await compaction.run()
    for (const { name, compacted, baseOffset } of log.segments)
      if (compacted) directory.rename(name, segmentName(baseOffset).name)
    const reopened = openLog({ directory, config: settings })
    expect(pairsIn(reopened)).toEqual(pairsIn(log))
    const recoveryPoint = { startOffset: 0, endOffset: log.endOffset }
    expect(pairsIn(openLog({ directory, config: settings, recoveryPoint }))).toEqual(pairsIn(log))
    reopened.segments.find(({ sizeBytes }) => sizeBytes > 0)?.file.truncate(0)
    expect(() => openLog({ directory, config: settings, recoveryPoint })).toThrow(
      'is not what its compaction wrote',
    )
  })

  test('takes up where a crash between its two last steps left off', async () => {
    const { log, compaction, directory } = compacted({ 'segment.bytes': '200' })
    for (let i = 0; i < 12; i++) put(log, 'a', `${i}`)
    const second = log.segments[1]!
    const copy = second.file.read(0, second.sizeBytes)
    await compaction.run()
    expect(directory.files()).not.toContain('compacting')
    // As if the merged segment had been renamed, but the second one not yet removed.
    const merged = log.segments[0]!
    if (merged.nextOffset > second.baseOffset)
      directory.open(`${String(second.baseOffset).padStart(20, '0')}.log`).append(copy)
    directory.open('compacting').append(Buffer.from('half'))
    const reopened = openLog({ directory, config: settings })
    expect(pairsIn(reopened)).toEqual(pairsIn(log))
  })
})
