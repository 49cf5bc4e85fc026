import type { Observable, ObservableInput } from 'rxjs'
import type { OperatorContext } from '../operators/operator.ts'
import type { BufferBounds } from '../operators/suppress.ts'
import type { Chunk, Headers } from '../records/chunk.ts'
import type { RetryPolicy } from '../retry.ts'
import type { Serde } from '../serdes/serde.ts'
import type { StoreSpec } from '../state/store.ts'
import type { Windows } from '../windows/custom-windows.ts'
import type { JoinWindow } from '../windows/join-window.ts'
import type { SessionWindows, SlidingWindows, TimeWindows } from '../windows/windows.ts'
import type { OffsetReset } from './offset-reset.ts'
import type { Sink } from './sink.ts'
import type { Source } from './source.ts'
import type { Topic } from './topic.ts'

/** A chunk whose types nobody knows any more: the graph holds steps of all types side by side. */
export type AnyChunk = Chunk<unknown, unknown>

/**
 * An operator as the graph knows it: without its types. They are written as methods, whose parameters TypeScript
 * compares both ways, so that the typed builder hands its operators over without a cast.
 */
export interface UntypedOperator {
  /** Applies the operator, as `observable.pipe(operator)` does. */
  connect(source: Observable<AnyChunk>): Observable<AnyChunk>
}

/** One output of a node. Most have `main` only; side outputs and branches have ports of their own. */
export interface Port {
  /** The node's `id`. */
  readonly node: number
  /** `main`, a branch's name, `late` or `dropped`. */
  readonly port: string
}

/** What every node has. */
export interface NodeBase {
  /** Position in the order of declaration, which is the order in which a record reaches children. */
  readonly id: number
  /** Tells the kinds of nodes apart. */
  readonly type: string
  /** Unique in its topology. */
  readonly name: string
  /** The DSL's word for it, such as `mapValues`. */
  readonly kind: string
}

/** Reads a topic. All steps that read the same topic share one. */
export interface TopicSourceNode extends NodeBase {
  readonly type: 'topic-source'
  /** What is read, with its serdes. Of a pattern, its name is the pattern's text: no topic is named so. */
  readonly topic: Topic<unknown, unknown>
  /** All topics whose name it finds are read; absent: the one. */
  readonly pattern?: RegExp
  /** The whole topic goes to every instance, before anything else. */
  readonly global: boolean
  /** Null values are tombstones, not dead letters. */
  readonly tombstones: boolean
  /** Where event time comes from; absent: Kafka's timestamp. */
  readonly timestampMs?: TimestampExtractor
  /** Which records are heartbeats; absent: none. */
  readonly heartbeat?: HeartbeatTest
  /** Where a partition is begun; absent: at its first record. */
  readonly offsetReset?: OffsetReset
}

/** Tells records that only say how far event time has come: no step sees them, but they close windows. */
export interface HeartbeatTest {
  /** Whether the record is one. */
  test(value: unknown, key: unknown): boolean
}

/** Takes event time from the record; a negative answer drops it as `negative-timestamp`. */
export interface TimestampExtractor {
  /** Event time, ms since the epoch; negative: the record is dropped. */
  extract(value: unknown, key: unknown, recordTimestampMs: number): number
}

/** Reads an observable: the beginning of a path, without partitions. */
export interface ExternalSourceNode extends NodeBase {
  readonly type: 'external-source'
  /** What is subscribed to when the topology starts. */
  readonly source: Source<unknown>
  /** Where what the source could not decode goes. */
  readonly deadLetters: Topic<Buffer | null, Buffer | null> | undefined
  /** How what it emits becomes a record. */
  readonly record: SourceRecordMapper
  /** How often it is subscribed to again when it has failed. */
  readonly retry: RetryPolicy
  /** What the program does when it completes. */
  readonly onComplete: 'go-on' | 'stop'
}

/** How what a source emits becomes a record. */
export interface SourceRecordMapper {
  /** The record's key; null: none. */
  key(value: unknown): unknown
  /** Event time, ms since the epoch. `nowMs`: wall-clock time. */
  timestampMs(value: unknown, nowMs: number): number
  /** The record's headers; absent: no record has any. */
  headers?(value: unknown): Headers | undefined
  /** Where the source goes on behind the value; absent: it keeps no position in Kafka. */
  position?(value: unknown): unknown
}

/** A step within a task. */
export interface OperatorNode extends NodeBase {
  readonly type: 'operator'
  /** Where its records come from; one operator for each. */
  readonly inputs: readonly Port[]
  /** What the task keeps for it. */
  readonly stores: readonly StoreSpec[]
  /** Whether one record may become several: where order matters, they are cut apart behind it. */
  readonly expands: boolean
  /** Whether it makes the same of the same record, whenever: then a sink's own task may do it again. */
  readonly stateless: boolean
  /** Of an aggregation over windows, or of a join of streams. */
  readonly windows?: TimeWindows | SlidingWindows | Windows | SessionWindows | JoinWindow
  /** Of a suppression: how much it may hold; absent: whatever comes. */
  readonly bounds?: BufferBounds
  /** Of a suppression: its windows wait until they close. */
  readonly untilWindowCloses?: true
  /** Of an aggregation: the same where each window goes out once, for the suppression of that name behind it. */
  readonly final?: (suppression: string) => Pick<OperatorNode, 'stores' | 'connect'>
  /** One operator for each input. */
  connect(context: OperatorContext): readonly UntypedOperator[]
}

/** Ends one sub-topology and begins another: a topic of the application's own, partitioned by the new key. */
export interface RepartitionNode extends NodeBase {
  readonly type: 'repartition'
  /** Where its records come from. */
  readonly input: Port
  /** Name without the application's prefix. */
  readonly topicName: string
  /** How keys are written. */
  readonly key: Serde<unknown>
  /** How values are written. */
  readonly value: Serde<unknown>
  /** Absent: as many as the inputs of its sub-topology, or as what it is joined with. */
  readonly partitions?: number
  /** Which partition a record goes to; absent: its key says. */
  readonly partitionOf?: Partitioner
  /** Whether records with a null key pass; else they are left out, uncounted, as in Kafka Streams. */
  readonly nullKeys: boolean
  /** Makes the value that is written, for each record; absent: its own. */
  readonly call?: AsyncCall
}

/** A user's asynchronous function, between a task and the topic that takes its results. */
export interface AsyncCall {
  /** Begins a call. `signal` aborts when nobody waits for it any more. */
  begin(value: unknown, key: unknown, signal: AbortSignal): ObservableInput<unknown>
  /** Calls under way at a time, in each task. */
  readonly concurrencyMax: number
  /** How long one try may take. */
  readonly timeoutMs: number
  /** How often a call is tried, with which waits, and after which errors. */
  readonly retry: { readonly policy: RetryPolicy; readonly retryable: (error: unknown) => boolean }
}

/** Says where a record goes. */
export interface Partitioner {
  /** The record's partition, of so many that the topic has; undefined: the one that its key says. */
  partition(value: unknown, key: unknown, partitions: number): number | undefined
}

/** Writes records to a topic of the user's. */
export interface TopicSinkNode extends NodeBase {
  readonly type: 'topic-sink'
  /** Where its records come from. */
  readonly input: Port
  /** One topic, or one chosen for each record. */
  readonly topic: Topic<unknown, unknown> | TopicChooser
  /** Which partition a record goes to; absent: its key says. */
  readonly partitionOf?: Partitioner
}

/** Chooses the topic of each record. */
export interface TopicChooser {
  /** How keys are written, to all of them. */
  readonly key: Serde<unknown>
  /** How values are written, to all of them. */
  readonly value: Serde<unknown>
  /** The topic's name, without the environment's prefix. */
  choose(value: unknown, key: unknown): string
}

/** Hands records to an external system in batches. */
export interface ExternalSinkNode extends NodeBase {
  readonly type: 'external-sink'
  /** Where its records come from. */
  readonly input: Port
  /** What takes the batches. */
  readonly sink: Sink<unknown, unknown>
  /** When one goes out. */
  readonly batch: BatchPolicy
}

/** A batch goes out when it is full (16 MiB are a full one too, however few rows they are), or has waited long enough. */
export interface BatchPolicy {
  /** Rows of a full batch; at least 1. */
  readonly rowsMax: number
  /** How long a batch may gather from its first record on, ms of wall-clock time. */
  readonly waitMsMax: number
}

/** One step of a topology, of any kind. */
export type GraphNode =
  | TopicSourceNode
  | ExternalSourceNode
  | OperatorNode
  | RepartitionNode
  | TopicSinkNode
  | ExternalSinkNode

export function isChooser(topic: Topic<unknown, unknown> | TopicChooser): topic is TopicChooser {
  return 'choose' in topic
}

export function inputsOf(node: GraphNode): readonly Port[] {
  if (node.type === 'operator') return node.inputs
  return 'input' in node ? [node.input] : []
}
