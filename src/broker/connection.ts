import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { messageOf } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { Answer, Services } from './api/api.ts'
import { apis, unsupportedApiVersions } from './api/apis.ts'
import { readFrames } from './protocol/frames.ts'
import { MalformedRequest, Reader } from './protocol/reader.ts'
import { Writer } from './protocol/writer.ts'

export interface ConnectionOptions {
  readonly services: Services
  readonly logger: Logger
  readonly clientHost: string
  readonly requestBytesMax: number
}

const apiVersionsKey = 18
/** One for all: the one that Node makes for each is dear. */
const clientGone = new Error('the client has gone')

/**
 * Serves one client until it goes: one request after the other, as Kafka does, so that answers keep their order and
 * nothing is read while an answer waits to be taken. Never rejects; what is no Kafka request ends the connection.
 */
export async function serveConnection(duplex: Duplex, options: ConnectionOptions): Promise<void> {
  const gone = new AbortController()
  duplex.once('close', () => gone.abort(clientGone))
  duplex.on('error', () => {}) // 'close' follows; a client may go at any time.
  try {
    for await (const frame of readFrames(duplex, options.requestBytesMax)) {
      const answer = await answerTo(frame, options, gone.signal)
      if (answer) await send(duplex, answer, gone.signal)
    }
  } catch (error) {
    if (error instanceof MalformedRequest) {
      options.logger.warn(
        { client: options.clientHost, reason: error.message },
        'Closing: not a Kafka request',
      )
    } else if (!gone.signal.aborted && !isReset(error)) {
      options.logger.error({ client: options.clientHost, err: error }, 'Closing: a request failed')
    }
  } finally {
    duplex.destroy()
  }
}

async function answerTo(
  frame: Buffer,
  { services, clientHost }: ConnectionOptions,
  signal: AbortSignal,
): Promise<Writer | undefined> {
  const head = new Reader(frame)
  const key = head.int16()
  const version = head.int16()
  const correlationId = head.int32()
  const api = apis.get(key)
  const clientId = head.nullableString() ?? ''
  let answer: Answer | undefined
  const isFlexible = api?.flexibleFrom !== undefined && version >= api.flexibleFrom
  const reader = head.rest(isFlexible)
  reader.tags()
  if (api && version >= api.version && version <= (api.versionMax ?? api.version)) {
    answer = await api.serve(reader, services, { clientId, clientHost, version, signal })
  } else if (key === apiVersionsKey) {
    answer = unsupportedApiVersions
  } else {
    throw new MalformedRequest(`API ${key} in version ${version} is not offered`)
  }
  if (!answer) return undefined
  const writer = new Writer(isFlexible).int32(correlationId).noTags()
  answer(writer)
  return writer.noTags()
}

async function send(duplex: Duplex, answer: Writer, signal: AbortSignal): Promise<void> {
  if (duplex.destroyed) return
  let isTaken = true
  duplex.cork()
  for (const bytes of answer.frame()) isTaken = duplex.write(bytes)
  duplex.uncork()
  if (!isTaken) await once(duplex, 'drain', { signal })
}

function isReset(error: unknown): boolean {
  return /ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE/.test(
    error instanceof Error && 'code' in error ? String(error.code) : messageOf(error),
  )
}
