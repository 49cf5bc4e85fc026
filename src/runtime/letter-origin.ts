import { type Headers, lastHeader } from '../records/chunk.ts'

/** What the headers of a dead letter tell of the record that it was. */
export interface LetterOrigin {
  /** The topic's real name. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** The step that could not take it. */
  readonly step: string
  readonly reason: string
  /** Empty: a version that did not say it has written the letter. */
  readonly stackHash: string
  /** Those that the record had. */
  readonly headers: Headers
  /** A part of the record is missing: it was too large for a dead letter. */
  readonly isCut: boolean
}

/** Undefined: it was no record of a topic. What was put around the record stands behind its own headers. */
export function originOf(headers: Headers): LetterOrigin | undefined {
  const own = headers.findLastIndex(([name]) => name === 'topic')
  const around = headers.slice(own)
  const told = (name: string) => lastHeader(around, name)?.toString() ?? ''
  const offset = Number(told('offset') || -1)
  if (own < 0 || offset < 0) return undefined
  return {
    topic: told('topic'),
    partition: Number(told('partition')),
    offset,
    step: told('step'),
    reason: told('reason'),
    stackHash: told('stack-hash'),
    headers: headers.slice(0, own),
    isCut: lastHeader(around, 'cut') !== undefined,
  }
}
