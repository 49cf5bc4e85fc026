import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findTimestamp } from '../../../src/broker/log/find-by-time.ts'
import { placeBatch } from '../../../src/broker/log/record-batch.ts'
import { MemoryDirectory } from '../../../src/storage/memory.ts'
import { batchOf, openLog, recordsIn, valuesIn, virtualClock } from '../support.ts'

const orders = (...values: string[]) => batchOf(values.map((value) => ({ key: 'k', value })))

describe('a partition log', () => {
  test('numbers records through all batches and segments, and reads from any of them', () => {
    const log = openLog({ config: { 'segment.bytes': '300' } })
    for (let i = 0; i < 50; i++) log.append(orders(`${i} a`, `${i} b`, `${i} c`))
    expect(log.segments.length).toBeGreaterThan(10)
    expect(log.endOffset).toBe(150)
    for (let offset = 0; offset < 150; offset++) {
      const slice = log.read(offset, 1, false)
      expect(slice?.nextOffset).toBe(offset - (offset % 3) + 3)
    }
    expect(recordsIn(log).map((record) => record.offset)).toEqual(Array.from({ length: 150 }, (_, i) => i))
  })

  test('answers with whole batches within the limit, but one at least', () => {
    const log = openLog()
    const batchBytes = orders('x').length
    for (let i = 0; i < 10; i++) log.append(orders('x'))
    expect(log.read(0, 1, false)?.nextOffset).toBe(1)
    expect(log.read(0, batchBytes * 3 + 5, false)?.nextOffset).toBe(3)
    expect(log.read(4, 1_000_000, false)?.nextOffset).toBe(10)
    expect(log.read(10, 1_000_000, false)).toBeUndefined()
  })

  test('refuses offsets outside of it', () => {
    const log = openLog()
    log.append(orders('x'))
    expect(() => log.read(2, 1, false)).toThrow(/not within 0 to 1/)
    log.deleteBefore(1)
    expect(() => log.read(0, 1, false)).toThrow(/not within 1 to 1/)
  })

  test('answers a batch that was sent twice with its first offset, also after a restart', () => {
    const directory = new MemoryDirectory(virtualClock())
    const send = (baseSequence: number) =>
      batchOf([{ value: 'a' }, { value: 'b' }], { producerId: 7, baseSequence })
    const log = openLog({ directory })
    for (const sequence of [0, 2, 4]) log.append(send(sequence))
    expect(log.append(send(2)).baseOffset).toBe(2)
    const again = openLog({ directory })
    expect(again.append(send(4)).baseOffset).toBe(4)
    expect(() => again.append(send(8))).toThrow(/sequence 8 after 5/)
    expect(again.append(send(6)).baseOffset).toBe(6)
    expect(() =>
      again.append(batchOf([{ value: 'x' }], { producerId: 7, producerEpoch: 1, baseSequence: 5 })),
    ).toThrow(/begins with sequence 0/)
    again.append(batchOf([{ value: 'x' }], { producerId: 7, producerEpoch: 1, baseSequence: 0 }))
    expect(() => again.append(send(8))).toThrow(/epoch 0 is fenced/)
  })

  test('goes on counting sequences from 0 behind 2³¹ − 1', () => {
    const log = openLog()
    const send = (baseSequence: number) =>
      log.append(batchOf([{ value: 'a' }, { value: 'b' }], { producerId: 7, baseSequence }))
    log.append(batchOf([{ value: 'a' }], { producerId: 7, baseSequence: 2 ** 31 - 2 }))
    send(2 ** 31 - 1)
    expect(send(1).baseOffset).toBe(3)
  })

  test('remembers open and aborted transactions over a restart', () => {
    const directory = new MemoryDirectory(virtualClock())
    const log = openLog({ directory })
    const producer = { producerId: 1, producerEpoch: 0 }
    log.append(batchOf([{ value: 'a' }], { ...producer, baseSequence: 0, transactional: true }))
    log.appendMarker({ outcome: 'abort', restsOnState: 0 }, producer)
    log.append(batchOf([{ value: 'b' }], { ...producer, baseSequence: 1, transactional: true }))
    log.append(orders('c'))
    for (const each of [log, openLog({ directory })]) {
      expect(each.lastStableOffset).toBe(2)
      expect(each.abortedIn(0, 4)).toEqual([{ producerId: 1, firstOffset: 0, lastOffset: 1 }])
      expect(each.abortedIn(2, 4)).toEqual([])
      expect(each.producers.open()).toEqual([producer])
    }
  })

  test('finds the first record that is late enough', () => {
    const log = openLog({ config: { 'segment.bytes': '500' } })
    for (let i = 0; i < 40; i++) log.append(batchOf([{ value: 'x' }], { timestampMs: 1_000 + i * 10 }))
    expect(findTimestamp(log, 0)).toMatchObject({ offset: 0 })
    expect(findTimestamp(log, 1_191)).toMatchObject({ offset: 20, timestampMs: 1_200 })
    expect(findTimestamp(log, 1_391)).toBeUndefined()
  })

  test('says with LOG_CORRUPT where a sealed segment is damaged, and cuts nothing', () => {
    const directory = new MemoryDirectory(virtualClock())
    const log = openLog({ directory, config: { 'segment.bytes': '200' } })
    for (let i = 0; i < 10; i++) log.append(orders(`${i}`))
    const [first] = log.segments
    first?.file.truncate(first.sizeBytes - 1)
    const failure = expect(() => openLog({ directory }))
    failure.toThrow(
      expect.objectContaining({ code: 'LOG_CORRUPT', place: expect.objectContaining({ topic: 'orders' }) }),
    )
  })

  test('says which offsets are missing where a segment is, and changes nothing', () => {
    const directory = new MemoryDirectory(virtualClock())
    const log = openLog({ directory, config: { 'segment.bytes': '200' } })
    for (let i = 0; i < 10; i++) log.append(orders(`${i}`))
    const [, second, third] = log.segments
    directory.remove(second!.name)
    const before = directory.files()
    const range = `offsets ${second!.baseOffset} to ${third!.baseOffset - 1} are missing`
    expect(() => openLog({ directory })).toThrow(range)
    expect(directory.files()).toEqual(before)
  })

  test('takes a damaged base offset for damage, although no CRC covers it, and removes no segment', () => {
    for (const by of [-1, 1, 1_000]) {
      const directory = new MemoryDirectory(virtualClock())
      const log = openLog({ directory, config: { 'segment.bytes': '200' } })
      for (let i = 0; i < 10; i++) log.append(orders(`${i}`))
      const { file, baseOffset } = log.segments[1]!
      const bytes = Buffer.from(file.read(0, file.sizeBytes))
      placeBatch(bytes, baseOffset + by, 0)
      file.truncate(0)
      file.append(bytes)
      const before = directory.files()
      expect(() => openLog({ directory })).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }))
      expect(directory.files()).toEqual(before)
    }
  })

  test('refuses a torn tail below its recovery point, and keeps each one that it cuts', () => {
    const directory = new MemoryDirectory(virtualClock())
    const log = openLog({ directory })
    for (const value of ['first', 'second']) log.append(orders(value))
    const { file, name } = log.segments[0]!
    file.truncate(file.sizeBytes - 1)
    expect(() => openLog({ directory, recoveryPoint: { startOffset: 0, endOffset: 2 } })).toThrow(
      /damaged at byte \d+: offsets 1 to 1, which were on the medium, are not there/,
    )
    const again = openLog({ directory, recoveryPoint: { startOffset: 0, endOffset: 1 } })
    expect(valuesIn(again)).toEqual(['first'])
    again.segments[0]!.file.append(Buffer.from('torn'))
    openLog({ directory })
    const at = again.segments[0]!.sizeBytes
    expect(directory.files().toSorted()).toEqual([name, `${name}.cut-${at}`, `${name}.cut-${at}-2`])
  })

  test('that ends before its start goes on there, and gives no offset twice', () => {
    const directory = new MemoryDirectory(virtualClock())
    const log = openLog({ directory })
    for (const value of ['a', 'b']) log.append(orders(value))
    for (let starts = 0; starts < 2; starts++) {
      const again = openLog({ directory, startOffset: 5 })
      expect([again.startOffset, again.endOffset]).toEqual([5 + 0, 5 + starts])
      expect(again.append(orders('c')).baseOffset).toBe(5 + starts)
    }
  })

  test('that hides what is not on the medium shows it, and wakes who waits for it, once it is', async () => {
    const log = openLog({ hidesUnsynced: true })
    log.append(orders('a'))
    let woken = 0
    log.onMore(() => woken++)
    expect([log.read(0, 100, false), log.highWatermark, log.lastStableOffset]).toEqual([undefined, 0, 0])
    await log.sync()
    expect([valuesIn(log), log.highWatermark, log.lastStableOffset, woken]).toEqual([['a'], 1, 1, 1])
  })

  test('syncs for whoever asks while another sync is under way', async () => {
    const log = openLog()
    log.append(orders('a'))
    const file = log.segments[0]!.file
    let finish = () => {}
    file.sync = () => new Promise((resolve) => (finish = resolve))
    const order: string[] = []
    const first = log.sync().then(() => order.push('first'))
    file.sync = async () => void order.push('its own')
    await log.sync()
    expect(order).toEqual(['its own'])
    finish()
    await first
  })

  test('cuts a tail whose bytes are damaged, although its lengths are right', () => {
    const directory = new MemoryDirectory(virtualClock())
    const log = openLog({ directory })
    for (const value of ['first', 'second']) log.append(orders(value))
    const file = log.segments[0]!.file
    const bytes = Buffer.from(file.read(0, file.sizeBytes))
    const at = bytes.indexOf('second')
    bytes[at] = (bytes[at] ?? 0) ^ 1
    file.truncate(0)
    file.append(bytes)
    expect(valuesIn(openLog({ directory }))).toEqual(['first'])
  })

  test('is opened after any crash with a prefix of what was appended, and with all that was synced', async () => {
    const values = fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 4 })
    const appends = fc.array(fc.record({ values, sync: fc.boolean() }), { minLength: 1, maxLength: 25 })
    const damage = fc.record({
      keep: fc.double({ min: 0, max: 1, noNaN: true }),
      garbage: fc.uint8Array({ maxLength: 90 }),
    })
    await fc.assert(
      fc.asyncProperty(appends, damage, async (steps, { keep, garbage }) => {
        const directory = new MemoryDirectory(virtualClock())
        const log = openLog({ directory, config: { 'segment.bytes': '400' } })
        const appended: string[] = []
        let synced = 0
        let syncedBytes = 0
        let active = log.segments.at(-1)
        for (const step of steps) {
          log.append(orders(...step.values))
          if (active !== log.segments.at(-1)) {
            // What was before a new segment is on the medium.
            active = log.segments.at(-1)
            synced = appended.length
            syncedBytes = 0
          }
          appended.push(...step.values)
          if (!step.sync) continue
          await log.sync()
          synced = appended.length
          syncedBytes = active?.sizeBytes ?? 0
        }
        const unsyncedBytes = (active?.sizeBytes ?? 0) - syncedBytes
        active?.file.truncate(syncedBytes + Math.floor(unsyncedBytes * keep))
        active?.file.append(Buffer.from(garbage))

        const reopened = openLog({ directory, config: { 'segment.bytes': '400' } })
        const found = valuesIn(reopened)
        expect(found.length).toBeGreaterThanOrEqual(synced)
        expect(found).toEqual(appended.slice(0, found.length))
        expect(reopened.append(orders('next')).baseOffset).toBe(found.length)
        expect(valuesIn(openLog({ directory }))).toEqual([...found, 'next'])
      }),
      { numRuns: 300 },
    )
  })

  test('leaves nothing of an append that the disk refuses, and goes on when there is room', () => {
    const directory = new MemoryDirectory(virtualClock())
    const log = openLog({ directory })
    log.append(orders('before'))
    const file = log.segments[0]!.file
    const append = file.append.bind(file)
    file.append = () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
        code: 'ENOSPC',
        syscall: 'write',
      })
    }
    expect(() => log.append(orders('lost'))).toThrow(/ENOSPC/)
    file.append = append
    expect(log.append(orders('after')).baseOffset).toBe(1)
    expect(valuesIn(log)).toEqual(['before', 'after'])
  })
})
