import { parseError } from '@clickhouse/client'
import { type ErrorCode, type ErrorPlace, messageOf, RivuletError } from '../errors.ts'
import { shortened } from '../shown.ts'
import { tlsRefusalOf } from '../tls.ts'

/** ClickHouse's names of faults that pass by themselves: load, network, another replica's leader, a restart. */
const passing = new Set([
  'ABORTED',
  'ALL_CONNECTION_TRIES_FAILED',
  'ALL_REPLICAS_ARE_STALE',
  'CANNOT_SCHEDULE_TASK',
  'KEEPER_EXCEPTION',
  'MEMORY_LIMIT_EXCEEDED',
  'NETWORK_ERROR',
  'NO_ZOOKEEPER',
  'QUERY_WAS_CANCELLED',
  'SOCKET_TIMEOUT',
  'TABLE_IS_BEING_RESTARTED',
  'TABLE_IS_READ_ONLY',
  'TIMEOUT_EXCEEDED',
  'TOO_FEW_LIVE_REPLICAS',
  'TOO_MANY_PARTS',
  'TOO_MANY_SIMULTANEOUS_QUERIES',
  'UNKNOWN_STATUS_OF_INSERT',
  'UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE',
])

/** Faults of a row, beside `CANNOT_PARSE_…`: the same bytes will be refused again, others may not be. */
const refusedRow = new Set([
  'ARGUMENT_OUT_OF_BOUND',
  'CANNOT_CONVERT_TYPE',
  'CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN',
  'CANNOT_READ_ALL_DATA',
  'DECIMAL_OVERFLOW',
  'INCORRECT_DATA',
  'TOO_LARGE_STRING_SIZE',
  'UNKNOWN_ELEMENT_OF_ENUM',
  'VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE',
  'VIOLATED_CONSTRAINT',
])

/** Faults of a table that fits no row, or that is not there. */
const refusedTable = new Set([
  'NO_SUCH_COLUMN_IN_TABLE',
  'TYPE_MISMATCH',
  'UNKNOWN_DATABASE',
  'UNKNOWN_IDENTIFIER',
  'UNKNOWN_TABLE',
])

/**
 * Translates whatever a ClickHouse client threw:
 * `CLICKHOUSE_UNREACHABLE` (retryable) when the server was not reached, the connection broke, or the server said that
 * the fault will pass; `CLICKHOUSE_REJECTED` for rows or a schema it refuses; `DISK_FULL` (retryable: space can be
 * made); `CLICKHOUSE_FAILED` for all else, retryable only when it was a proxy or a server that answered without
 * ClickHouse's own error. The result of an insert that ended so may be unknown: see `sink.ts`.
 */
export function translateError(error: unknown, place: ErrorPlace = {}): RivuletError {
  if (error instanceof RivuletError) return error
  const refusal = tlsRefusalOf(error)
  if (refusal) {
    const parameter = refusal.part ? `clickhouseSsl${refusal.part}` : 'clickhouseUrl'
    const options = { cause: error, place: { ...place, parameter } }
    return new RivuletError('CLICKHOUSE_FAILED', `ClickHouse ${refusal.why}`, options)
  }
  const [code, retryable] = classify(error)
  const subject = place.table === undefined ? 'ClickHouse' : `ClickHouse, table ${place.table}`
  // Such as a redirect's, which has no body.
  const said = firstLine(messageOf(error)) || 'what answered said no more than that it failed'
  return new RivuletError(code, `${subject}: ${said}`, {
    cause: error,
    retryable,
    place: typeOf(error) === 'AUTHENTICATION_FAILED' ? { ...place, parameter: 'clickhousePassword' } : place,
  })
}

/** Whether an insert was refused for one of its rows: without it, ClickHouse may take the others. */
export function isRefusedRow(error: unknown): boolean {
  if (!(error instanceof RivuletError) || error.code !== 'CLICKHOUSE_REJECTED') return false
  const type = typeOf(error.cause)
  return type !== undefined && refusesRow(type) && !isOfHeader.test(messageOf(error.cause))
}

/** What stands in front of the rows does not fit the table: then none of them does. */
const isOfHeader = /Type of '.*' must be|\(while reading header\)/

function refusesRow(type: string): boolean {
  return refusedRow.has(type) || type.startsWith('CANNOT_PARSE_')
}

function classify(error: unknown): [ErrorCode, retryable: boolean] {
  const type = typeOf(error)
  if (type !== undefined) {
    if (passing.has(type)) return ['CLICKHOUSE_UNREACHABLE', true]
    if (type === 'NOT_ENOUGH_SPACE' || /No space left on device/i.test(messageOf(error)))
      return ['DISK_FULL', true]
    // Descriptors come back, as memory does.
    if (/Too many open files/i.test(messageOf(error))) return ['CLICKHOUSE_UNREACHABLE', true]
    if (refusesRow(type) || refusedTable.has(type)) return ['CLICKHOUSE_REJECTED', false]
    return ['CLICKHOUSE_FAILED', false]
  }
  if (isConnectionFault(error)) return ['CLICKHOUSE_UNREACHABLE', true]
  return ['CLICKHOUSE_FAILED', isForeignAnswer(error)]
}

/**
 * `UNKNOWN_TABLE` and the like. Not by class: the embedded connection throws the `ClickHouseError` of another package,
 * and its raw inserts throw `Code: 60. DB::Exception: … (UNKNOWN_TABLE)` unparsed.
 */
function typeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const parsed = 'type' in error ? error : parseError(error)
  return 'type' in parsed && typeof parsed.type === 'string' ? parsed.type : undefined
}

const connectionFaults =
  /^(E(CONN(REFUSED|RESET|ABORTED)|MFILE|NFILE|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|AI_AGAIN|NOTFOUND)|ENOTFOUND)$/

function isConnectionFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && typeof error.code === 'string' && connectionFaults.test(error.code)) return true
  // The client's own words, and Node's for a keep-alive socket that the server closed.
  if (/^Timeout error|socket hang up|aborted by the server|premature close/i.test(error.message)) return true
  return error instanceof AggregateError && error.errors.some(isConnectionFault)
}

/**
 * The client gives no status: an answer that holds no error of ClickHouse becomes a plain `Error` of its body when it is no
 * 2xx, and one of JSON's when it is. That is a proxy, or a server that is starting or falling over.
 */
function isForeignAnswer(error: unknown): boolean {
  if (error instanceof SyntaxError) return true
  return (
    error instanceof Error && error.constructor === Error && !('code' in error) && error.cause === undefined
  )
}

function firstLine(message: string): string {
  return shortened(message.split('\n', 1)[0] ?? '', 500)
}
