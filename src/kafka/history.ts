import { RivuletError } from '../errors.ts'
import type { Cluster, Leader } from './cluster.ts'
import { epochEndRequest } from './epoch-end.ts'
import type { TopicPartition } from './types.ts'

/** Nodes that have not heard of a newer leader hear of it sooner. */
const staleMsMax = 30_000

/** Where a reader stands: behind a record of that leader epoch. */
export interface ReadUpTo {
  readonly position: number
  readonly epoch: number
  /** Since when it asks. */
  readonly sinceMs: number
}

/**
 * One attempt: answers with the partition's leader, if its log holds what was read up to there. Rejects, for good, with
 * `KAFKA_FAILED` where it is another log, or has lost its end.
 */
export async function checkHistory(
  cluster: Cluster,
  of: TopicPartition,
  { position, epoch, sinceMs }: ReadUpTo,
  use: string,
): Promise<Leader> {
  const { topic, partition } = of
  const leader = await cluster.leaderOf(of)
  const what = `Can't ask partition ${partition} of topic ${topic} for its leader epochs`
  if (leader.epoch < epoch) {
    cluster.forgetLeader(of)
    if (cluster.options.clock.now() - sinceMs > staleMsMax) throw lostRecords(of, position, 0)
    throw new RivuletError('KAFKA_UNREACHABLE', `${what}: it was read under a newer one`, { retryable: true })
  }
  const end = await cluster.withLeader(of, use, what, (link) =>
    link.send(epochEndRequest(of, leader.epoch, epoch)),
  )
  if (end.epoch >= 0 && end.endOffset >= position) return leader
  throw lostRecords(of, position, Math.max(0, end.endOffset))
}

/** The topic lost its end, or was made anew: what was read of it is not there any more. */
export function lostRecords(
  { topic, partition }: TopicPartition,
  position: number,
  endOffset: number,
): RivuletError {
  const message =
    `${topic}/${partition} was read up to offset ${position}, but what it had there is gone from offset ${endOffset} on: the ` +
    'topic has lost its end (an unclean leader election, or a loss of power), or was made anew. What was derived from the ' +
    "lost records can't be taken back: give the topic back what it had, or reset the application and begin anew"
  return new RivuletError('KAFKA_FAILED', message, { place: { topic, partition, offset: position } })
}
