import type { Context } from 'hono'
import { RivuletError } from '../errors.ts'
import { errorBody, unavailable } from './error-answer.ts'
import { badParameter, type Parameters, parametersOf } from './parameters.ts'
import type { RecordCursor, RecordStart, TopicRecords } from './topic-records.ts'
import type { Web } from './web.ts'

const recordsDefault = 100
const recordsMax = 500
const charactersDefault = 1_000
const charactersMax = 1_000_000
/** Kafka's partitions and offsets have fewer digits than this allows. */
const numberMax = 999_999_999_999

/**
 * The records of the topology's topics, to be read by people: `GET /api/pipeline/topics`, `[{name, purpose, partitions}]`, and
 * `GET /api/pipeline/records?topic=NAME`, `{records, cursor, behind, deleted}`: the newest, those from `time` on, those from
 * `offset` of `partition` on, or with `after=CURSOR` those behind what was answered before. Without `records` both are 403.
 */
export function recordsApi(web: Web, records: Pick<TopicRecords, 'topics' | 'read'> | undefined): void {
  web.get('/api/pipeline/topics', async (context) => {
    if (!records) return forbidden(context)
    try {
      return context.json(await records.topics())
    } catch (error) {
      return notNow(context, error)
    }
  })

  web.get('/api/pipeline/records', async (context) => {
    if (!records) return forbidden(context)
    const parameters = parametersOf(context)
    const topic = parameters.text('topic')
    if (topic === null) throw badParameter('topic', 'must be given')
    const partition = parameters.integer('partition', { min: 0, max: numberMax }) ?? undefined
    const question = {
      topic,
      partition,
      start: startOf(parameters, partition),
      recordsMax: parameters.integer('limit', { min: 1, max: recordsMax }) ?? recordsDefault,
      charactersMax: parameters.integer('characters', { min: 1, max: charactersMax }) ?? charactersDefault,
    }
    try {
      const answer = await records.read(question)
      if (!answer) return context.json(errorBody('NOT_FOUND', `There is no topic "${topic}"`), 404)
      return context.json({ ...answer, cursor: textOf(answer.cursor) })
    } catch (error) {
      return notNow(context, error)
    }
  })
}

function startOf(parameters: Parameters, partition: number | undefined): RecordStart {
  const after = parameters.text('after')
  if (after !== null) return { at: 'cursor', cursor: cursorOf(after) }
  const timeMs = parameters.time('time')
  if (timeMs !== null) return { at: 'time', timeMs }
  const offset = parameters.integer('offset', { min: 0, max: numberMax })
  if (offset === null) return { at: 'newest' }
  if (partition === undefined) throw badParameter('offset', 'needs a partition')
  return { at: 'offset', offset }
}

/** `0-17_1-4`: partition 0 goes on at offset 17, partition 1 at 4. */
function textOf(cursor: RecordCursor): string {
  return [...cursor].map(([partition, offset]) => `${partition}-${offset}`).join('_')
}

function cursorOf(text: string): RecordCursor {
  const parts = text === '' ? [] : text.split('_').map((part) => /^(\d{1,12})-(\d{1,15})$/.exec(part))
  return new Map(
    parts.map((part) => {
      if (!part) throw badParameter('after', 'must be the cursor of an answer')
      return [Number(part[1]), Number(part[2])]
    }),
  )
}

function forbidden(context: Context): Response {
  const message =
    'Records are shown on loopback only. SHOW_RECORDS=true shows them to all who can ask this program: give it an ACCESS_TOKEN then'
  return context.json(errorBody('FORBIDDEN', message), 403)
}

function notNow(context: Context, error: unknown): Response {
  if (!(error instanceof RivuletError && error.retryable)) throw error
  return unavailable(context, error.code, error.message)
}
