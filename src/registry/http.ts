import { type IncomingMessage, request as plainRequest } from 'node:http'
import { type Agent, request as tlsRequest } from 'node:https'
import type { Clock } from '../clock.ts'
import { messageOf, RivuletError } from '../errors.ts'
import { tlsRefusalOf } from '../tls.ts'

/** One question to the registry. */
export interface HttpQuestion {
  readonly url: URL
  readonly authorization: string | undefined
  /** Absent: it is a GET. */
  readonly body?: object
}

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/** How it is asked. */
export interface HttpOptions {
  /** Its connections are its own: Node's shared ones do not tell one client's certificate from another's. */
  readonly agent: Agent | undefined
  readonly timeoutMs: number
  readonly clock: Clock
}

/** Kafka itself keeps the schemas of a registry, in records of 1 MB: what is longer is something else. */
const answerCharactersMax = 16_000_000

/** Node's `fetch` takes no certificates. Rejects with `REGISTRY_UNREACHABLE` where no answer came in time. */
export async function ask(
  { url, authorization, body }: HttpQuestion,
  { agent, timeoutMs, clock }: HttpOptions,
): Promise<HttpAnswer> {
  const media = 'application/vnd.schemaregistry.v1+json'
  const deadline = new AbortController()
  const overdue = clock.scheduler.schedule(
    () => deadline.abort(new Error(`no answer within ${timeoutMs} ms`)),
    timeoutMs,
  )
  try {
    return await new Promise<HttpAnswer>((resolve, reject) => {
      const outgoing = (url.protocol === 'https:' ? tlsRequest : plainRequest)(url, {
        ...(agent && { agent }),
        method: body ? 'POST' : 'GET',
        headers: {
          accept: media,
          ...(body && { 'content-type': media }),
          ...(authorization !== undefined && { authorization }),
        },
        signal: deadline.signal,
      })
      outgoing.on('error', reject)
      outgoing.on('response', (answer) =>
        textOf(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject),
      )
      outgoing.end(body && JSON.stringify(body))
    })
  } catch (error) {
    const cause = deadline.signal.aborted ? deadline.signal.reason : error
    const why = tlsRefusalOf(cause)?.why ?? `can't be reached: ${messageOf(cause)}`
    throw new RivuletError('REGISTRY_UNREACHABLE', `The schema registry ${url.origin} ${why}`, {
      cause,
      retryable: true,
    })
  } finally {
    overdue.unsubscribe()
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = ''
  answer.setEncoding('utf8')
  for await (const piece of answer) {
    text += piece
    if (text.length > answerCharactersMax)
      throw new RangeError(`its answer is longer than ${answerCharactersMax} characters`)
  }
  return text
}
