import type { Observable } from 'rxjs'
import type { Compression } from '../compression/compression.ts'
import type { RivuletError } from '../errors.ts'
import type { Headers, RawChunk } from '../records/chunk.ts'

/** One connection of a program to a Kafka cluster, or to the embedded broker: the same protocol. */
export interface Kafka {
  /** Topics, offsets and groups. */
  readonly admin: KafkaAdmin
  /** A producer without transactions. It connects when it is first used. */
  producer(options?: ProducerOptions): KafkaProducer
  /**
   * Shuts out (fences) whoever else uses this `transactionalId` and finishes what they left open, before it
   * resolves. What the fenced one has committed is visible to `admin.committedOffsets` then, and nothing follows.
   */
  transactionalProducer(options: TransactionalProducerOptions): Promise<TransactionalProducer>
  /** A member of a group. It joins when its `events$` are subscribed to. */
  consumer(options: ConsumerOptions): KafkaConsumer
  /**
   * Reads one partition without a group. With `toOffset` (exclusive) it completes there; with `'follow'` never.
   * The next fetch waits until the subscriber's `next` has returned; unsubscribing stops it at once.
   * Faults that may pass are retried for ever, without gap or repetition.
   */
  read(topic: string, partition: number, range: ReadRange): Observable<Fetched>
  /** Closes every connection; producers and consumers should be closed before. */
  close(): Promise<void>
}

/** One partition of one topic. */
export interface TopicPartition {
  /** The topic's real name. */
  readonly topic: string
  /** From 0 on. */
  readonly partition: number
}

/** `offset` is that of the next record to read, as in Kafka. */
export interface PartitionOffset extends TopicPartition {
  /** Of the next record to read. */
  readonly offset: number
  /** Kept with the committed offset, at most 4,096 bytes: what belongs to the offset, such as a task's stream times. */
  readonly metadata?: string
}

// --- admin ---

/** A topic that must be there. */
export interface TopicToEnsure {
  /** The topic's real name. */
  readonly name: string
  /** If it is made. */
  readonly partitions: number
  /** If it is made: Kafka's topic settings; default: the broker's. */
  readonly config?: Readonly<Record<string, string>>
}

/** What a program does with topics and groups. Faults that may pass are retried. */
export interface KafkaAdmin {
  /**
   * Makes what is missing and waits until every partition has a leader. Answers the real partition counts: a topic
   * that exists keeps its own number and settings.
   */
  ensureTopics(topics: readonly TopicToEnsure[]): Promise<ReadonlyMap<string, number>>
  /** All topics that this client may see, by their real names; those of Kafka itself are not among them. */
  topicNames(): Promise<readonly string[]>
  /** Topics that don't exist are absent. */
  partitionCounts(names: readonly string[]): Promise<ReadonlyMap<string, number>>
  /** Its settings as they hold now, by Kafka's names. */
  topicConfig(topic: string): Promise<ReadonlyMap<string, string>>
  /**
   * `endOffset` is the end of what read_committed can read: an open transaction hides what follows it. With
   * `read_uncommitted` it is the end of what all in-sync replicas have.
   */
  offsets(topic: string, isolation?: Isolation): Promise<readonly PartitionRange[]>
  /**
   * What of these partitions is there, to the end of what all in-sync replicas have, also of open transactions. Each leader is
   * asked once: the partitions of one that does not answer are absent.
   */
  ranges(partitions: readonly TopicPartition[]): Promise<readonly (TopicPartition & PartitionRange)[]>
  /** The first record of the partition that is no older, by its timestamp; the end of what read_committed can read: there is none. */
  offsetAt(of: TopicPartition, timestampMs: number): Promise<number>
  /** One entry for each partition of the topics; `offset` is undefined where nothing was committed. */
  committedOffsets(groupId: string, topics: readonly string[]): Promise<readonly CommittedOffset[]>
  /**
   * The same of these partitions, once no open transaction may commit another offset of theirs: who goes on from them must
   * not overtake who was there before. Waits for as long as such a transaction may be open.
   */
  settledOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
    signal?: AbortSignal,
  ): Promise<readonly CommittedOffset[]>
  /** Deletes what lies before `beforeOffset`: for repartition topics, whose records were worked off. */
  deleteRecords(topic: string, partition: number, beforeOffset: number): Promise<void>
  /** Deletes topics with all that is in them. */
  deleteTopics(names: readonly string[]): Promise<void>
  /** Who is in the group at the moment; of a group that does not exist, nobody. */
  groupMembers(groupId: string): Promise<readonly string[]>
  /** Who in the group has which partitions; nobody has any while they are shared out anew. */
  groupOwners(groupId: string): Promise<readonly PartitionOwner[]>
  /** Forgets a group with all that it has committed. Rejects with `KAFKA_FAILED` while it has members. */
  deleteGroup(groupId: string): Promise<void>
}

/** A partition, and who in the group has it. */
export interface PartitionOwner extends TopicPartition {
  /** Its id within the group, which begins with its client's, and the host that it connects from: `shop-5f0c…@10.0.0.7`. */
  readonly member: string
}

/** Whether records of transactions that may still be aborted count. */
export type Isolation = 'read_committed' | 'read_uncommitted'

/** What of a partition is there. */
export interface PartitionRange {
  /** From 0 on. */
  readonly partition: number
  /** The first record still there. */
  readonly lowOffset: number
  /** Behind the last record. */
  readonly endOffset: number
}

/** How far a group has come in a partition. */
export interface CommittedOffset extends TopicPartition {
  /** Of the next record to read; undefined: nothing was committed. */
  readonly offset: number | undefined
  /** What was committed with it; '' for nothing. */
  readonly metadata: string
}

// --- producing ---

/** Records in columns, all equally long. */
export interface OutgoingRecords {
  /** Null: none. */
  readonly keys: readonly (Buffer | null)[]
  /** Null: a tombstone. */
  readonly values: readonly (Buffer | null)[]
  /** Event times, ms since the epoch. */
  readonly timestampsMs: readonly number[]
  /** Absent: none of them has any. */
  readonly headers?: readonly (Headers | undefined)[]
}

/** How what goes to a topic is compressed; a function is asked by the topic's real name. */
export type CompressionChoice = Compression | ((topic: string) => Compression)

/**
 * Told of each record of a call that the broker refuses for good, by its place in the columns: it is left out, the others are
 * written, and the call resolves. Absent: the call rejects.
 */
export type Refused = (index: number, error: RivuletError) => void

/** How much a producer takes, how it writes, and when it gives up. */
export interface ProducerOptions {
  /** Default `none`. A `send` rejects with `BAD_CONFIG` where a package for it is missing. */
  readonly compression?: CompressionChoice
  /** Accepted and not yet acknowledged; beyond it `send` waits for room. Default 32 MiB. */
  readonly bytesInFlightMax?: number
  /** Aborted: whatever waits gives up. Without it, what may pass is retried for ever. */
  readonly signal?: AbortSignal
}

/** Writes to any topic, each record once, without transactions. */
export interface KafkaProducer {
  /**
   * Appends records to one partition, in the order of the calls, once each (idempotent). Resolves when all in-sync
   * replicas have them. Small calls that queue up share a batch. Faults that may pass are retried for ever, with
   * backoff; it rejects with a `RivuletError` (`KAFKA_FAILED`, place: topic and partition) when the broker refuses
   * the records themselves; of a call longer than a batch (1,000 records, 512 KiB) the beginning may be written then.
   * The buffers must not be changed until it has settled.
   */
  send(topic: string, partition: number, records: OutgoingRecords, refused?: Refused): Promise<SendResult>
  /** Resolves when there is room for another `send`, at once if there is some. */
  ready(): Promise<void>
  /** Accepted and not yet acknowledged. */
  readonly bytesInFlight: number
  /** Resolves when everything sent is acknowledged; then it takes nothing more. */
  close(): Promise<void>
}

/** Where the records of a `send` are. */
export interface SendResult {
  /**
   * The offset of the first record. The others follow, unless other producers write to the partition too and the call
   * was longer than a batch. −1 for no records, or if the broker no longer knows.
   */
  readonly baseOffset: number
}

/** Who a transactional producer is, and how long its transactions may take. */
export interface TransactionalProducerOptions {
  /** Of several producers with one id, only the newest can write. */
  readonly transactionalId: string
  /** The broker aborts what is open for longer. Default 60,000; at most 15 min. */
  readonly transactionTimeoutMs?: number | undefined
  /**
   * The group whose offsets every transaction commits: the coordinator is told with the first records, so that committing
   * need not wait for that. Absent: it is told with the offsets.
   */
  readonly groupId?: string
  /** As `ProducerOptions.compression`. */
  readonly compression?: CompressionChoice
  /** Aborted: whatever waits gives up. Without it, what may pass is retried for ever. */
  readonly signal?: AbortSignal
}

/**
 * One transaction at a time: it begins with the first `send` or `sendOffsets` after the last `commit` or `abort`.
 * `KAFKA_FENCED`: another producer of this id has taken over, the transaction timed out, or the broker has forgotten this
 * producer; make a new one.
 */
export interface TransactionalProducer {
  /** As it was made with. */
  readonly transactionalId: string
  /** As `KafkaProducer.send`, within the transaction. */
  send(topic: string, partition: number, records: OutgoingRecords, refused?: Refused): Promise<SendResult>
  /** Commits a group's offsets with the transaction. */
  sendOffsets(groupId: string, offsets: readonly PartitionOffset[]): Promise<void>
  /**
   * Makes everything sent since the last one visible, together. Waits for sends under way; rejects if one failed.
   * It is decided when this resolves; readers see it some milliseconds later.
   */
  commit(): Promise<void>
  /** Takes back everything since the last `commit`: no reader of committed records sees it. */
  abort(): Promise<void>
  /** Aborts what is open. */
  close(): Promise<void>
}

// --- consuming ---

/** Which group a consumer is in, and what it reads. */
export interface ConsumerOptions {
  /** Members of one group share the partitions. */
  readonly groupId: string
  /**
   * A name that no other member has, the same after each restart: then a restart within `sessionTimeoutMs` moves nothing,
   * and closing leaves the partitions where they are for as long. Default: none. Source: KIP-345.
   */
  readonly groupInstanceId?: string | undefined
  /** By their real names. */
  readonly topics: readonly string[]
  /** Where to begin a partition for which nothing was committed. Default `earliest`. */
  readonly startAt?: 'earliest' | 'latest'
  /** Who gets what; default: evenly, equally numbered partitions of all topics to the same member. */
  readonly assignor?: Assignor
  /** How long the group waits for a silent member. Default 10,000; Kafka allows no less than 6,000 by default. */
  readonly sessionTimeoutMs?: number | undefined
  /** Default 1,000: also how soon a rebalance is noticed. */
  readonly heartbeatIntervalMs?: number
  /** How long a member may flush when partitions are going to be taken from it. Default 60,000. */
  readonly rebalanceTimeoutMs?: number | undefined
  /** Of one partition in one fetch. Default 1 MiB. */
  readonly partitionFetchBytesMax?: number
  /** Of one fetch. Default 8 MiB. */
  readonly fetchBytesMax?: number
  /** How long the broker holds back an empty answer. Default 500. */
  readonly fetchWaitMsMax?: number
}

/** A member of a group, as its leader knows it. */
export interface GroupMember {
  /** Given by Kafka, new with each join of a new member. */
  readonly memberId: string
  /** What its `Assignor.userData` said when it joined. */
  readonly userData: Buffer
}

/** Decides who gets which partitions. All members must agree on the `name`. */
export interface Assignor {
  /** Said to Kafka as the group's protocol. */
  readonly name: string
  /** Sent with each join, for instance the stores a member has: sticky assignment. */
  userData?(): Buffer
  /** Runs in the member that Kafka made leader. `members` come in order of their id. */
  assign(
    members: readonly GroupMember[],
    partitionCounts: ReadonlyMap<string, number>,
  ): ReadonlyMap<string, readonly TopicPartition[]>
  /** What else each member is told, by its id; runs where `assign` does, with the same. */
  assignmentData?(
    members: readonly GroupMember[],
    partitionCounts: ReadonlyMap<string, number>,
  ): ReadonlyMap<string, Buffer>
  /** Hands a member what the leader told it, before what it was assigned is announced. */
  onAssignment?(data: Buffer): void
}

/** A member of a group: what it has, what it reads, what it commits. */
export interface KafkaConsumer {
  /**
   * Subscribing joins the group; it takes one subscriber. `close()` leaves it in order (`revoking`, then complete);
   * unsubscribing leaves it at once, without a word to the subscriber.
   * It errors only with what retrying can't mend, such as a missing permission, or a topic that has lost records which were
   * read already.
   */
  readonly events$: Observable<ConsumerEvent>
  /** From now on nothing is emitted for them; what was fetched already is kept for `resume`, not fetched twice. */
  pause(partitions: readonly TopicPartition[]): void
  /** Takes up what `pause` has stopped. */
  resume(partitions: readonly TopicPartition[]): void
  /** The next `fetched` of the partition begins there (or behind, if the record is deleted). `events$` errors if it ends before. */
  seek(topic: string, partition: number, offset: number): void
  /**
   * Rejects with `KAFKA_FENCED` when this member no longer has one of the partitions; then nothing was committed
   * of this call. Allowed up to `done()` of a `revoking`.
   */
  commit(offsets: readonly PartitionOffset[]): Promise<void>
  /** Joins the group once more, so that it is assigned by what its members say by now. Source: `Consumer.enforceRebalance`. */
  enforceRebalance(): void
  /** Emits `revoking` for what it has, waits for `done()`, leaves the group, completes `events$`. */
  close(): Promise<void>
}

/** Records of one partition as they came, with what is known about the rest. */
export interface Fetched {
  /** May be empty: then only the offsets are news. The buffers are views into the fetched bytes: copy what is kept. */
  readonly chunk: RawChunk
  /** The offset to go on from. Beyond the last record + 1 where transaction markers or compacted records were skipped. */
  readonly nextOffset: number
  /** The end of what can be read at the time: the lag is `endOffset − nextOffset`. */
  readonly endOffset: number
}

/** A partition that this member has from now on, and what the group has committed for it. */
export interface AssignedPartition extends TopicPartition {
  /** Undefined: nothing yet; reading begins at `startAt`. */
  readonly committedOffset: number | undefined
  /** What was committed with it; '' for nothing. */
  readonly committedMetadata: string
}

/** What a consumer is told. */
export type ConsumerEvent =
  | {
      /**
       * These partitions are added to what the member has (a first assignment may be empty). Fetching begins when the
       * handler has returned; it may `seek` or `pause` them.
       */
      readonly type: 'assigned'
      /** Each with what the group has committed. */
      readonly partitions: readonly AssignedPartition[]
    }
  | {
      /**
       * These partitions are going away; nothing of them is emitted any more. Flush, commit, then call `done()`: only
       * then, or after the rebalance timeout, may another member have them.
       */
      readonly type: 'revoking'
      /** All that go with this rebalance. */
      readonly partitions: readonly TopicPartition[]
      /** Says that nothing more will be committed of them. */
      done(): void
    }
  | {
      /** These are gone already, without a chance to commit: the session expired, or flushing took too long. */
      readonly type: 'lost'
      /** Those that the member had until now. */
      readonly partitions: readonly TopicPartition[]
    }
  | ({
      /** Records of one partition, or news of its end. */
      readonly type: 'fetched'
    } & Fetched)
  | ({
      /**
       * `fromOffset` was no longer in the log, so reading goes on at `toOffset`: the first that is. What lies between them
       * was deleted by the topic's retention before it was read.
       */
      readonly type: 'skipped'
      /** Where reading would have gone on. */
      readonly fromOffset: number
      /** Where it goes on. */
      readonly toOffset: number
    } & TopicPartition)

/** Which records of a partition are read. */
export type ReadRange =
  | {
      /** The first record, or the first behind it that is not deleted; absent: the first that is there. */
      readonly fromOffset?: number
      /** Completes before this one. */
      readonly toOffset: number
    }
  | {
      /** The first record, or the first behind it that is not deleted; absent: the first that is there. */
      readonly fromOffset?: number
      /** Never completes. */
      readonly toOffset: 'follow'
    }
