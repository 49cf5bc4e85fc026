import { type ErrorPlace, RivuletError } from '../../errors.ts'
import type { LogDirectory } from '../../storage/storage.ts'
import type { LogConfig } from '../topic/topic-config.ts'
import { parseSegmentName, type ScannedBatch, Segment, type SegmentName } from './segment.ts'

/** What is known of a log: that everything in `[startOffset, endOffset)` is on the medium. */
export interface RecoveryPoint {
  /** Segments wholly before it may be gone. */
  readonly startOffset: number
  readonly endOffset: number
}

export interface LogToRecover {
  readonly directory: LogDirectory
  readonly config: LogConfig
  readonly place: ErrorPlace
  /** Undefined: nothing is known, and what is there is taken as it is. */
  readonly recoveryPoint: RecoveryPoint | undefined
}

export interface RecoveredLog {
  /** In the order of offsets; none in a new log. */
  readonly segments: Segment[]
  /** How much of the last segment is sound: what is behind was being written in a crash. */
  readonly soundBytes: number
  /** What a compaction that was cut short has left. */
  readonly leftovers: readonly string[]
}

/** What a compaction writes, before it takes the place of the segments that it was made of. */
export const compactingName = 'compacting'

const copyBlockBytes = 1_048_576
const advice =
  'restore it; or, to go on without it, move it, what follows it and the "recovery-points" files of this broker away'

/**
 * Reads and checks all segments of a log, calling `each` for every batch in order, and changes nothing on the disk. Throws
 * `LOG_CORRUPT` where anything is damaged or missing that a crash can't explain: all but the end of the last segment, behind
 * the recovery point.
 */
export function recoverSegments(log: LogToRecover, each: (batch: ScannedBatch) => void): RecoveredLog {
  const { directory, recoveryPoint } = log
  const { names, leftovers } = surveyed(log)
  const segments: Segment[] = []
  let soundBytes = 0
  for (const name of names) {
    checkFollows(log, segments.at(-1), name)
    const segment = new Segment(directory, name)
    const isActive = name === names.at(-1) && !name.compacted
    const isSparse = name.compacted !== undefined || (mayBeCompacted(log) && !isActive)
    soundBytes = segment.recover(isSparse ? 'increasing' : 'contiguous', each)
    if (!isActive && soundBytes < segment.sizeBytes)
      throw corrupt(log, `${path(log, name.name)} is damaged at byte ${soundBytes}`)
    const checksum = name.compacted?.checksum
    if (checksum !== undefined && checksum !== segment.checksum)
      throw corrupt(log, `${path(log, name.name)} is not what its compaction wrote`)
    segments.push(segment)
  }
  const [first, last] = [segments[0], segments.at(-1)]
  const endOffset = last?.nextOffset ?? 0
  if (recoveryPoint && endOffset < recoveryPoint.endOffset) {
    const ends = last
      ? `${path(log, last.name)} ends or is damaged at byte ${soundBytes}`
      : `${directory.path} is empty`
    const lost = `offsets ${endOffset} to ${recoveryPoint.endOffset - 1}`
    throw corrupt(log, `${ends}: ${lost}, which were on the medium, are not there`)
  }
  if (recoveryPoint && first && first.baseOffset > recoveryPoint.startOffset)
    throw missing(log, recoveryPoint.startOffset, first.baseOffset)
  return { segments, soundBytes, leftovers }
}

/** Takes the end of a segment, from `fromBytes` on, into a file of its own beside it. Returns the name of that. */
export function cutTail(directory: LogDirectory, segment: Segment, fromBytes: number): string {
  const kept = freeName(directory, `${segment.name}.cut-${fromBytes}`)
  const copy = directory.open(kept)
  for (let at = fromBytes; at < segment.sizeBytes; at += copyBlockBytes)
    copy.append(segment.file.read(at, copyBlockBytes))
  copy.syncNow()
  copy.close()
  segment.file.truncate(fromBytes)
  return kept
}

/** The same with all of a segment. */
export function cutSegment(directory: LogDirectory, segment: Segment): void {
  segment.file.close()
  directory.rename(segment.name, freeName(directory, `${segment.name}.cut-0`))
}

function freeName(directory: LogDirectory, wanted: string): string {
  const taken = new Set(directory.files())
  let name = wanted
  for (let i = 2; taken.has(name); i++) name = `${wanted}-${i}`
  return name
}

/** The segments in order, without those that a compacted one stands for: these were to be removed. */
function surveyed(log: LogToRecover): { names: SegmentName[]; leftovers: string[] } {
  const files = log.directory.files()
  const leftovers: string[] = files.filter((name) => name === compactingName)
  const names: SegmentName[] = []
  const found = files.flatMap((name) => parseSegmentName(name) ?? [])
  // The widest first of those that begin together.
  found.sort((a, b) => a.baseOffset - b.baseOffset || endOf(b) - endOf(a))
  let coveredTo = 0
  for (const each of found) {
    if (each.baseOffset < coveredTo && endOf(each) <= coveredTo) leftovers.push(each.name)
    else names.push(each)
    coveredTo = Math.max(coveredTo, endOf(each))
  }
  return { names, leftovers }
}

const endOf = ({ compacted }: SegmentName) => compacted?.endOffset ?? 0

/** Whether sealed segments may be compacted without such a name: before there were names, there were no recovery points. */
export function mayBeCompacted(log: Pick<LogToRecover, 'config' | 'recoveryPoint'>): boolean {
  return log.config.compacts && !log.recoveryPoint
}

function checkFollows(
  log: LogToRecover,
  before: Segment | undefined,
  { name, baseOffset }: SegmentName,
): void {
  if (!before) return
  if (baseOffset < before.nextOffset) {
    const overlap = `${path(log, before.name)} goes on to offset ${before.nextOffset - 1}`
    throw corrupt(log, `${overlap}, but ${name} begins at ${baseOffset}`)
  }
  const isContiguous = before.compacted !== undefined || !mayBeCompacted(log)
  if (isContiguous && baseOffset > before.nextOffset) throw missing(log, before.nextOffset, baseOffset)
}

function missing(log: LogToRecover, fromOffset: number, toOffset: number): RivuletError {
  return corrupt(log, `offsets ${fromOffset} to ${toOffset - 1} are missing in ${log.directory.path}`)
}

function corrupt({ place }: LogToRecover, what: string): RivuletError {
  return new RivuletError('LOG_CORRUPT', `${what}; ${advice}`, { place })
}

const path = ({ directory }: LogToRecover, name: string) => `${directory.path}/${name}`
