import { compressionOf } from '../../compression/compression.ts'
import { messageOf } from '../../errors.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { LogConfig } from '../topic/topic-config.ts'
import { attribute, type BatchHeader, batchFault, batchHeaderBytes, readBatchHeader } from './record-batch.ts'
import { readRecords, recordsAddUp, type StoredRecord } from './records.ts'

/**
 * Checks what a producer sent for one partition: exactly one sound batch that the topic's settings admit. Records
 * are looked into only where a setting is about single records. Throws a `KafkaError`. Source: Kafka `LogValidator`.
 */
export function validateBatch(bytes: Buffer, config: LogConfig, nowMs: number): BatchHeader {
  const fault = batchFault(bytes)
  if (fault === 'crc') throw new KafkaError(errorCodes.corruptMessage, 'the CRC does not fit the batch')
  if (fault) throw new KafkaError(errorCodes.invalidRecord, 'not exactly one record batch of magic 2')
  if (bytes.length > config.maxMessageBytes) {
    const message = `${bytes.length} bytes are more than max.message.bytes, ${config.maxMessageBytes}`
    throw new KafkaError(errorCodes.messageTooLarge, message)
  }
  const header = readBatchHeader(bytes)
  if (header.recordCount < 1 || header.lastOffset - header.baseOffset !== header.recordCount - 1) {
    throw new KafkaError(errorCodes.invalidRecord, 'the count of records does not fit the offsets')
  }
  if (compressionOf(header.attributes) === undefined) {
    throw new KafkaError(errorCodes.unsupportedCompressionType, 'the compression is none of Kafka’s')
  }
  if (header.attributes & attribute.control) {
    throw new KafkaError(errorCodes.invalidRecord, 'clients write no control batches')
  }
  if (bytes.length === batchHeaderBytes || !recordsAddUp(bytes, header)) {
    throw new KafkaError(errorCodes.invalidRecord, 'the lengths of the records do not add up')
  }
  if (!config.stampsAppendTime) checkTimestamps(bytes, header, config, nowMs)
  if (config.compacts && recordsOf(bytes).some((record) => record.key === null)) {
    throw new KafkaError(errorCodes.invalidRecord, 'a compacted topic takes no record without a key')
  }
  return header
}

function checkTimestamps(bytes: Buffer, header: BatchHeader, config: LogConfig, nowMs: number): void {
  const latestMs = nowMs + config.timestampAfterMaxMs
  if (header.maxTimestampMs > latestMs) {
    throw new KafkaError(errorCodes.invalidTimestamp, 'later than message.timestamp.after.max.ms admits')
  }
  const earliestMs = nowMs - config.timestampBeforeMaxMs
  if (earliestMs <= 0) return
  if (recordsOf(bytes).some((record) => record.timestampMs < earliestMs)) {
    throw new KafkaError(errorCodes.invalidTimestamp, 'older than message.timestamp.before.max.ms admits')
  }
}

function recordsOf(bytes: Buffer): readonly StoredRecord[] {
  try {
    return readRecords(bytes)
  } catch (error) {
    throw new KafkaError(errorCodes.invalidRecord, `the records can't be read: ${messageOf(error)}`)
  }
}
