import { NEVER } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { keyValueStore } from '../../src/state/key-value-store.ts'
import { versionedStore } from '../../src/state/versioned-store.ts'
import { windowStore } from '../../src/state/window-store.ts'
import type { Stream } from '../../src/stream/stream.ts'
import { untilTimeLimit, untilWindowCloses } from '../../src/stream/suppression.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Declare, topology } from '../../src/stream/topology.ts'
import { within } from '../../src/windows/join-window.ts'
import { hopping, session, sliding, tumbling } from '../../src/windows/windows.ts'
import { out, text, topologyOf } from '../support/drive.ts'

const joiner = (left: unknown, right: unknown) => `${left}+${right}`
const named = { name: 's', key: serdes.string, value: serdes.string }

/** What users without types can write: the compiler would refuse it. */
const untyped = (value: unknown) => value as never

const fromText =
  (declare: (declare: Declare, records: Stream<string | null, string | null>) => unknown) => () =>
    topologyOf((all) => {
      declare(all, all.stream(text('t')))
    })

type Case = readonly [what: string, javaSource: string, declare: () => unknown]
type Refused = readonly [...Case, sentence: RegExp]

/** Each was declared with Kafka Streams 4.3.1 as well, which accepts it, and refuses what is in the next table. */
const accepted: readonly Case[] = [
  ['a tumbling window of 1 ms without grace', 'TimeWindows', () => tumbling({ sizeMs: 1 })],
  ['an advance as large as the window', 'TimeWindows', () => hopping({ sizeMs: 10, advanceMs: 10 })],
  ['an advance that does not divide the window', 'TimeWindows', () => hopping({ sizeMs: 10, advanceMs: 3 })],
  ['a sliding window of 1 ms', 'SlidingWindows', () => sliding({ differenceMs: 1 })],
  ['a session with a gap of 0', 'SessionWindows', () => session({ gapMs: 0 })],
  ['a join window of 0', 'JoinWindows', () => within({ ms: 0 })],
  ['a join window before the record', 'JoinWindows', () => within({ beforeMs: 10, afterMs: -5 })],
  ['a join window behind the record', 'JoinWindows', () => within({ beforeMs: -5, afterMs: 10 })],
  ['a join window of one instant', 'JoinWindows', () => within({ beforeMs: -10, afterMs: 10 })],
  ['one side of a join window said by itself', 'JoinWindows', () => within({ ms: 10, beforeMs: -10 })],
  [
    'a retention of size plus grace',
    'TimeWindowedKStreamImpl',
    counted((records) => records.windowedBy(tumbling({ sizeMs: 10, graceMs: 5 })), 15),
  ],
  [
    'a retention of twice the difference plus grace',
    'SlidingWindowedKStreamImpl',
    counted((records) => records.windowedBy(sliding({ differenceMs: 10, graceMs: 5 })), 25),
  ],
  [
    'a retention of gap plus grace',
    'SessionWindowedKStreamImpl',
    counted((records) => records.windowedBy(session({ gapMs: 10, graceMs: 5 })), 15),
  ],
  [
    'a buffer of no records',
    'BufferConfig',
    suppressed({ limitMs: 0 }, { recordsMax: 0, whenFull: 'emitEarly' }),
  ],
  ['a history of 0', 'VersionedKeyValueStore', () => versionedStore({ ...named, historyMs: 0 })],
  [
    'a window store that keeps just a window',
    'Stores',
    () => windowStore({ ...named, sizeMs: 10, retentionMs: 10 }),
  ],
  ['a grace as long as the history', 'StreamTableJoinNode', joinedWithGrace(10, 10)],
  ['a name of 249 characters', 'Named', fromText((_, records) => records.filter('x'.repeat(249), Boolean))],
  ['a step that is named as a topic', 'Named', fromText((_, records) => records.filter('t', Boolean))],
  ['a stream of one topic, twice', 'SourceGraphNode', fromText(({ stream }) => stream(text('t')))],
  ['a stream merged with itself', 'KStreamImpl', fromText((_, records) => records.merge(records))],
  [
    'a stream joined with itself',
    'KStreamImpl',
    fromText((_, records) => records.join(records, joiner, within({ ms: 1 }))),
  ],
  ['a table joined with itself', 'KTableImpl', ofTable((rows) => rows.join(rows, joiner))],
  [
    'a table joined with itself by foreign key',
    'KTableImpl',
    ofTable((rows) => rows.join(rows, { foreignKey: (value) => value }, joiner)),
  ],
  [
    'a table joined with its own changes',
    'KTableImpl',
    ofTable((rows) => rows.toStream().join(rows, joiner)),
  ],
  [
    'a topic written by two steps',
    'InternalTopologyBuilder',
    fromText((_, records) => {
      records.to(out)
      records.to(out)
    }),
  ],
  [
    'a topic written that is read',
    'InternalTopologyBuilder',
    fromText((_, records) => records.to(text('t'))),
  ],
  [
    'a group that is aggregated twice',
    'GroupedStreamAggregateBuilder',
    fromText((_, records) => {
      const group = records.groupBy('by value', (value) => value)
      group.count()
      group.reduce((a) => a)
    }),
  ],
  [
    'a topic of 249 characters, read and written',
    'StreamsBuilder',
    fromText(({ table }, records) => {
      records.to(text('x'.repeat(249)))
      records.to(text('x'.repeat(249)))
      table(text('y'.repeat(249)))
    }),
  ],
  ['nothing at all', 'StreamsBuilder', () => topologyOf(() => {})],
]

const refused: readonly Refused[] = [
  ['a window of 0', 'TimeWindows', () => tumbling({ sizeMs: 0 }), /sizeMs .* at least 1, not 0/],
  ['a negative grace', 'TimeWindows', () => tumbling({ sizeMs: 1, graceMs: -1 }), /graceMs .* not -1/],
  ['an advance of 0', 'TimeWindows', () => hopping({ sizeMs: 10, advanceMs: 0 }), /advanceMs .* not 0/],
  [
    'an advance beyond the window',
    'TimeWindows',
    () => hopping({ sizeMs: 10, advanceMs: 11 }),
    /fall between/,
  ],
  ['a negative difference', 'SlidingWindows', () => sliding({ differenceMs: -1 }), /differenceMs/],
  ['a negative gap', 'SessionWindows', () => session({ gapMs: -1 }), /gapMs .* at least 0, not -1/],
  ['a negative join window', 'JoinWindows', () => within({ ms: -1 }), /end before it begins/],
  [
    'a join window that ends before it begins',
    'JoinWindows',
    () => within({ beforeMs: -11, afterMs: 10 }),
    /beforeMs \(-11\) \+ afterMs \(10\) is negative/,
  ],
  ['a negative grace of a join', 'JoinWindows', () => within({ ms: 1, graceMs: -1 }), /graceMs/],
  [
    'a retention below size plus grace',
    'TimeWindowedKStreamImpl',
    counted((records) => records.windowedBy(tumbling({ sizeMs: 10, graceMs: 5 })), 14),
    /"c" forgets a window after 14 ms.* at least 15/,
  ],
  [
    'a retention below twice the difference plus grace',
    'SlidingWindowedKStreamImpl',
    counted((records) => records.windowedBy(sliding({ differenceMs: 10, graceMs: 5 })), 24),
    /at least 25/,
  ],
  [
    'a retention below gap plus grace',
    'SessionWindowedKStreamImpl',
    counted((records) => records.windowedBy(session({ gapMs: 10, graceMs: 5 })), 14),
    /at least 15/,
  ],
  [
    'waiting for the windows of a table without any',
    'KTableImpl',
    ofTable((rows) => rows.suppress(untyped(untilWindowCloses))),
    /until must be "timeLimit", not "windowCloses"/,
  ],
  [
    'a suppression of a versioned table',
    'KTableImpl',
    fromText(({ table }) => table(text('v'), { versionedMs: 10 }).suppress(untilTimeLimit({ limitMs: 1 }))),
    /versioned table/,
  ],
  ['a negative history', 'Stores', () => versionedStore({ ...named, historyMs: -1 }), /historyMs/],
  [
    'a history of a global table',
    'GlobalKTable',
    fromText(({ globalTable }) => globalTable(text('g'), untyped({ versionedMs: 10 }))),
    /"g" is read as globalTable, which keeps no past/,
  ],
  ['a grace beyond the history', 'StreamTableJoinNode', joinedWithGrace(10, 11), /waits 11 ms.* keeps 10 ms/],
  [
    'a grace of a table without history',
    'KStreamImpl',
    fromText(({ table }, records) => records.join(table(text('u')), joiner, { graceMs: 0 })),
    /not versioned/,
  ],
  [
    'a window store that forgets before the window ends',
    'Stores',
    () => windowStore({ ...named, sizeMs: 10, retentionMs: 9 }),
    /at least sizeMs/,
  ],
  [
    'a window store of negative size',
    'Stores',
    () => windowStore({ ...named, sizeMs: -1, retentionMs: 9 }),
    /sizeMs/,
  ],
  ['an empty name', 'Named', fromText((_, records) => records.filter('', Boolean)), /can't name a step/],
  ['the name "."', 'Named', fromText((_, records) => records.filter('.', Boolean)), /can't name a step/],
  ['the name ".."', 'Named', fromText((_, records) => records.filter('..', Boolean)), /can't name a step/],
  [
    'a name of 250 characters',
    'Named',
    fromText((_, records) => records.filter('x'.repeat(250), Boolean)),
    /up to 249 characters/,
  ],
  [
    'an empty name of a store',
    'Materialized',
    fromText(({ table }) => table(text('u'), { store: '' })),
    /can't name a step or a store/,
  ],
  [
    'two steps of one name',
    'InternalTopologyBuilder',
    fromText((_, records) => records.filter('n', Boolean).filter('n', Boolean)),
    /two steps are named "n"/,
  ],
  [
    'two stores of one name',
    'InternalTopologyBuilder',
    fromText(({ stream }, records) => {
      records.groupByKey().count({ store: 'c' })
      stream(text('u')).groupByKey().count('other', { store: 'c' })
    }),
    /two stores are named "c"/,
  ],
  [
    'a store of a global table with the name of another',
    'InternalTopologyBuilder',
    fromText(({ globalTable }, records) => {
      globalTable(text('g'), { store: 'c' })
      records.groupByKey().count('c')
    }),
    /two stores are named "c"/,
  ],
  [
    'two repartition topics of one name',
    'InternalTopologyBuilder',
    fromText((_, records) => {
      records.repartition('r')
      records.repartition('r')
    }),
    /two steps are named "r-repartition"/,
  ],
  ['one topic as table twice', 'InternalTopologyBuilder', readAs('table', 'table'), /as table twice/],
  [
    'one topic as stream and table',
    'InternalTopologyBuilder',
    readAs('stream', 'table'),
    /as stream and as table/,
  ],
  [
    'one topic as table and stream',
    'InternalTopologyBuilder',
    readAs('table', 'stream'),
    /as table and as stream/,
  ],
  [
    'one topic as global table and stream',
    'InternalTopologyBuilder',
    readAs('globalTable', 'stream'),
    /"x" is read/,
  ],
  [
    'one topic as global table and table',
    'InternalTopologyBuilder',
    readAs('globalTable', 'table'),
    /"x" is read/,
  ],
  [
    'one topic as global table twice',
    'InternalTopologyBuilder',
    readAs('globalTable', 'globalTable'),
    /twice/,
  ],
  [
    'no topic to read',
    'StreamsBuilder',
    fromText(({ stream }) => stream(untyped(undefined))),
    /needs its topic/,
  ],
  [
    'no topic to write',
    'KStreamImpl',
    fromText((_, records) => records.to(untyped(undefined))),
    /needs its topic/,
  ],
  [
    'no predicate',
    'KStreamImpl',
    fromText((_, records) => records.filter(untyped('f'))),
    /"f" needs its predicate/,
  ],
  [
    'no mapper',
    'KStreamImpl',
    fromText((_, records) => records.mapValues(untyped(null))),
    /needs its mapper/,
  ],
  [
    'no mapper of a group',
    'KStreamImpl',
    fromText((_, records) => records.groupBy(untyped(null))),
    /its mapper/,
  ],
  [
    'no other to merge',
    'KStreamImpl',
    fromText((_, records) => records.merge(untyped(null))),
    /needs its other/,
  ],
  [
    'no other to join',
    'KStreamImpl',
    fromText((_, records) => records.join(untyped(null), joiner, within({ ms: 1 }))),
    /"join" needs its other/,
  ],
  [
    'no window to join in',
    'KStreamImpl',
    fromText((_, records) => records.join('j', records, joiner, untyped(undefined))),
    /"j" needs its window/,
  ],
  [
    'no initializer',
    'KGroupedStreamImpl',
    fromText((_, records) => records.groupByKey().aggregate('a', untyped({ aggregator: joiner }))),
    /"a" needs its initializer/,
  ],
  [
    'no aggregator',
    'KGroupedStreamImpl',
    fromText((_, records) => records.groupByKey().aggregate('a', untyped({ initializer: () => '' }))),
    /"a" needs its aggregator/,
  ],
  [
    'no reducer',
    'KGroupedStreamImpl',
    fromText((_, records) => records.groupByKey().reduce(untyped(null))),
    /needs its reducer/,
  ],
  [
    'no windows',
    'KGroupedStreamImpl',
    fromText((_, records) => records.groupByKey().windowedBy(untyped(null))),
    /needs its windows/,
  ],
]

/** Kafka Streams takes these without a word: docs/kafka-streams.md says why they are refused here. */
const refusedHereOnly: readonly Refused[] = [
  [
    'a sliding window of 0',
    'SlidingWindows',
    () => sliding({ differenceMs: 0 }),
    /differenceMs .* at least 1/,
  ],
  [
    'no partitions of a repartition topic',
    'Repartitioned',
    fromText((_, records) => records.repartition('r', { partitions: 0 })),
    /partitions .* at least 1, not 0/,
  ],
  ['a negative time limit', 'Suppressed', () => untilTimeLimit({ limitMs: -1 }), /limitMs/],
  [
    'a negative bound of records',
    'BufferConfig',
    suppressed({ limitMs: 1 }, { recordsMax: -1, whenFull: 'emitEarly' }),
    /recordsMax .* not -1/,
  ],
  [
    'a negative bound of bytes',
    'BufferConfig',
    suppressed({ limitMs: 1 }, { bytesMax: -1, whenFull: 'shutDown' }),
    /bytesMax .* not -1/,
  ],
  ['a negative grace of a table join', 'Joined', joinedWithGrace(10, -1), /graceMs .* not -1/],
  ['the topic ".."', 'StreamsBuilder', () => text('..'), /can't name a topic/],
  [
    'names of stores that differ in what no topic can be called',
    'Materialized',
    fromText((_, records) => {
      records.groupByKey().count('订单')
      records.groupByKey().count('客户')
    }),
    /the stores "订单" and "客户" would share the changelog/,
  ],
  [
    'a changelog with a name that no topic can have',
    'InternalTopologyBuilder',
    fromText((_, records) => records.groupByKey().count('x'.repeat(249))),
    /can't name a topic/,
  ],
  [
    'steps whose calls would share a topic',
    'InternalTopologyBuilder',
    fromText((_, records) => {
      records.mapAsync('look up', async () => 1, { concurrencyMax: 1, timeoutMs: 1 })
      records.mapAsync('look-up', async () => 1, { concurrencyMax: 1, timeoutMs: 1 })
    }),
    /the steps "look up" and "look-up" would share the topic "look-up-results"/,
  ],
  [
    'a step that writes into a topic of the application itself',
    'InternalTopologyBuilder',
    fromText((_, records) => {
      records.repartition('r')
      records.to(text('app-r-repartition'))
    }),
    /which the application makes for itself behind "r-repartition"/,
  ],
  [
    'a changelog that is read',
    'InternalTopologyBuilder',
    fromText(({ stream }, records) => {
      records.groupByKey().count('c')
      stream(text('app-c-changelog'))
    }),
    /"app-c-changelog", which the application makes for itself behind "c"/,
  ],
  [
    'two functions that take the time from one topic',
    'SourceGraphNode',
    () =>
      topologyOf(({ stream }) => {
        stream(text('t'), { timestampMs: () => 1 })
        stream(text('t'), { timestampMs: () => 2 })
      }),
    /"t" is read twice, with two functions for timestampMs/,
  ],
  [
    'stages of two topologies',
    'KStreamImpl',
    () => {
      let other: Stream<string | null, string | null> | undefined
      fromText((_, records) => {
        other = records
      })()
      fromText((_, records) => records.merge('both', untyped(other)))()
    },
    /"both" brings together stages of two topologies/,
  ],
]

/** What only a program without types can say. */
const refusedNumbers: readonly (readonly [what: string, declare: () => unknown, sentence: RegExp])[] = [
  ['a size of NaN', () => tumbling({ sizeMs: Number.NaN }), /sizeMs must be a whole number .* not NaN/],
  ['half a millisecond', () => within({ ms: 0.5 }), /beforeMs must be a whole number, not 0.5/],
  [
    'an endless grace',
    () => session({ gapMs: 1, graceMs: Number.POSITIVE_INFINITY }),
    /graceMs .* not Infinity/,
  ],
  ['a number that is a text', () => tumbling({ sizeMs: untyped('60000') }), /sizeMs .* not "60000"/],
  [
    'an advance that is a text',
    () => hopping({ sizeMs: 10, advanceMs: untyped('5') }),
    /advanceMs .* not "5"/,
  ],
  ['a size that is not there', () => tumbling(untyped({})), /sizeMs .* not undefined/],
  [
    'a bound of NaN',
    suppressed({ limitMs: 1 }, { recordsMax: Number.NaN, whenFull: 'emitEarly' }),
    /recordsMax/,
  ],
  ['a limit that is not there', () => untilTimeLimit(untyped({})), /limitMs .* not undefined/],
  [
    'a retention of NaN',
    counted((records) => records.windowedBy(tumbling({ sizeMs: 1 })), Number.NaN),
    /retentionMs/,
  ],
  [
    'tries of NaN',
    fromText((_, records) =>
      records.mapAsync('call', async () => 1, {
        concurrencyMax: 1,
        timeoutMs: 1,
        retry: { attemptsMax: Number.NaN, initialMs: 1, waitMsMax: 1 },
      }),
    ),
    /attemptsMax .* not NaN/,
  ],
  [
    'bounds that do not say what happens when they are reached',
    suppressed({ limitMs: 1 }, untyped({ recordsMax: 1 })),
    /whenFull must be "emitEarly" or "shutDown", not undefined/,
  ],
  [
    'a strategy of emission that there is none of',
    fromText((_, records) =>
      records.groupByKey().windowedBy(tumbling({ sizeMs: 1 }), { emit: untyped('onClose') }),
    ),
    /emit must be "onUpdate" or "onWindowClose", not "onClose"/,
  ],
  [
    'windows of an aggregation for a join',
    fromText((_, records) => records.join(records, joiner, untyped(tumbling({ sizeMs: 1 })))),
    /window.kind must be "join", not "time"/,
  ],
  ['a topic without serdes', () => topic('t', untyped({})), /the topic "t" needs its key serde/],
  ['no source', () => topologyOf(({ source }) => source('s', untyped(undefined))), /"s" needs its source/],
  ['no processor', fromText((_, records) => records.process('p', untyped({}))), /"p" needs its processor/],
  ['a declaration that takes its time', () => topology('app', async () => {}), /asynchronous function/],
]

const isBadTopology = (sentence: RegExp) =>
  expect.objectContaining({ code: 'BAD_TOPOLOGY', message: expect.stringMatching(sentence) })

describe('where a topology is declared', () => {
  test.each(accepted)('%s is accepted, as by %s', (_, __, declare) => {
    expect(declare).not.toThrow()
  })

  test.each(refused)('%s is refused, as by %s', (_, __, declare, sentence) => {
    expect(declare).toThrow(isBadTopology(sentence))
  })

  test.each(refusedHereOnly)('%s is refused, though not by %s', (_, __, declare, sentence) => {
    expect(declare).toThrow(isBadTopology(sentence))
  })

  test.each(refusedNumbers)('%s is refused with a sentence', (_, declare, sentence) => {
    expect(declare).toThrow(isBadTopology(sentence))
  })

  test('a refusal says where: the step, the topic, and the parameter', () => {
    const at = (place: object) => expect.objectContaining({ place })
    const forgetful = counted((records) => records.windowedBy(tumbling({ sizeMs: 10 })), 9)
    expect(forgetful).toThrow(at({ step: 'c', parameter: 'retentionMs' }))
    expect(readAs('table', 'table')).toThrow(at({ topic: 'x' }))
    const unparted = () => topic('t', { ...named, partitions: 0 })
    expect(unparted).toThrow(at({ topic: 't', parameter: 'partitions' }))
    const idle = fromText((_, records) => records.filter(untyped('f')))
    expect(idle).toThrow(at({ step: 'f', parameter: 'predicate' }))
  })

  test('what can not run is refused already: a source that keeps state before it has partitions', () => {
    const declare = () =>
      topologyOf(({ source }) => source('s', NEVER, { key: () => 'k' }).process('p', kept))
    expect(declare).toThrow('the source "s" has no partitions yet: send it to a topic before "p"')
  })
})

const kept = { stores: { counts: keyValueStore(named) }, processor: () => () => {} }

type Grouped = ReturnType<Stream<string, string>['groupByKey']>
type Windowed = ReturnType<Grouped['windowedBy']>

function counted(windowed: (group: Grouped) => Pick<Windowed, 'count'>, retentionMs: number): () => unknown {
  return () =>
    topologyOf(({ stream }) => {
      windowed(stream(topic('t', named)).groupByKey()).count('c', { retentionMs })
    })
}

function ofTable(declare: (rows: ReturnType<typeof tableOf>) => unknown): () => unknown {
  return () =>
    topologyOf((all) => {
      declare(tableOf(all))
    })
}

function tableOf({ table }: Declare) {
  return table(text('rows'))
}

function suppressed(
  limit: { readonly limitMs: number },
  bounds: Parameters<ReturnType<typeof tableOf>['suppress']>[1],
): () => unknown {
  return ofTable((rows) => rows.suppress(untilTimeLimit(limit), untyped(bounds)))
}

function joinedWithGrace(versionedMs: number, graceMs: number): () => unknown {
  return fromText(({ table }, records) =>
    records.join(table(text('u'), { versionedMs }), joiner, { graceMs }),
  )
}

type Reading = 'stream' | 'table' | 'globalTable'

function readAs(first: Reading, second: Reading): () => unknown {
  return () =>
    topologyOf((declare) => {
      declare[first](text('x'))
      declare[second](text('x'))
    })
}
