import { of } from 'rxjs'
import { expect, test } from 'vitest'
import { createClock } from '../../src/clock.ts'
import type { Fetched, Kafka, KafkaAdmin } from '../../src/kafka/types.ts'
import { silentLogger } from '../../src/logger.ts'
import { BytesColumn } from '../../src/records/bytes-column.ts'
import { settingsOf } from '../../src/runtime/environment.ts'
import { leadsOn } from '../../src/runtime/leads-on.ts'
import { type Covered, fingerprintOf } from '../../src/state/checkpoint.ts'
import { VirtualTime } from '../../src/testing/simulation/virtual-time.ts'

const hourMs = 3_600_000
const time = new VirtualTime()
const clock = createClock(
  time.scheduler(
    () => time.nowMs,
    (work) => work(),
  ),
)

interface Stored {
  readonly offset: number
  readonly value: string
}

/** A changelog whose tombstones are kept for a day, and of whose last known record this is left. */
function changelogWith({ offset, value }: Stored) {
  const chunk: Fetched['chunk'] = {
    ...{ topic: 'log', partition: 0, offsets: [offset], timestampsMs: [1] },
    ...{ keys: BytesColumn.of([Buffer.from('k')]), values: BytesColumn.of([Buffer.from(value)]) },
  }
  const admin: Pick<KafkaAdmin, 'topicConfig'> = {
    topicConfig: async () => new Map([['delete.retention.ms', String(24 * hourMs)]]),
  }
  const kafka: Pick<Kafka, 'admin' | 'read'> = {
    admin: admin as KafkaAdmin,
    read: () => of({ chunk, nextOffset: offset + 1, endOffset: offset + 1 }),
  }
  return {
    context: { settings: settingsOf({ kafka: kafka as Kafka, clock }), logger: silentLogger },
    topic: 'log',
    partition: 0,
  }
}

const witness = { offset: 9, fingerprint: fingerprintOf(Buffer.from('k'), Buffer.from('v'), 1) }
const covered = (agoMs: number, rest: Partial<Covered> = {}): Covered => ({
  ...{ nextOffset: 10, knownAtMs: time.nowMs - agoMs, witness },
  ...rest,
})

test.each([
  ['it is young, and its last record lies where it lay', covered(hourMs), 50, true],
  ['the changelog ends before it', covered(hourMs), 9, false],
  ['tombstones may have gone behind it', covered(13 * hourMs), 50, false],
  ['a clock says that it is of another day', covered(-13 * hourMs), 50, false],
  ['it is old, but nothing has been committed since', covered(99 * hourMs), 11, true],
  ['it was torn off while it was made', covered(Number.POSITIVE_INFINITY), 50, false],
  ['it has seen no record', covered(hourMs, { witness: undefined }), 50, false],
])('of a checkpoint, where %s', async (_, checkpoint, toOffset, expected) => {
  expect(await leadsOn(checkpoint, changelogWith({ offset: 9, value: 'v' }), toOffset)).toBe(expected)
})

test.each([
  ['has another record there', { offset: 9, value: 'w' }],
  ['has none there any more', { offset: 12, value: 'v' }],
])('a changelog that %s does not lead on from a checkpoint', async (_, stored) => {
  expect(await leadsOn(covered(hourMs), changelogWith(stored), 50)).toBe(false)
  // Not even where it seems to end there.
  expect(await leadsOn(covered(hourMs), changelogWith(stored), 10)).toBe(false)
})
