import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { messageOf } from '../../src/errors.ts'

const scalar = z.union([z.string(), z.int(), z.null()])
const windowedKey = z.strictObject({ key: scalar, startMs: z.int(), endMs: z.int() })
const key = z.union([scalar, windowedKey])
const type = z.enum(['string', 'long'])

const graceMs = z.int()
const window = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('tumbling'), sizeMs: z.int(), graceMs }),
  z.strictObject({ kind: z.literal('hopping'), sizeMs: z.int(), advanceMs: z.int(), graceMs }),
  z.strictObject({ kind: z.literal('sliding'), differenceMs: z.int(), graceMs }),
  z.strictObject({ kind: z.literal('session'), gapMs: z.int(), graceMs }),
])
const joinWindow = z.strictObject({ beforeMs: z.int(), afterMs: z.int(), graceMs })

/** Which fields an operator has depends on `op`; its builder asks for those that it needs. */
const operator = z.strictObject({
  op: z.string(),
  id: z.string().optional(),
  of: z.string().optional(),
  with: z.string().optional(),
  topic: z.string().optional(),
  topicBy: z.string().optional(),
  key: type.optional(),
  value: type.optional(),
  timestamps: z.literal('fromValue').optional(),
  store: z.string().optional(),
  versionedMs: z.int().optional(),
  predicate: z.string().optional(),
  branches: z.array(z.strictObject({ id: z.string(), predicate: z.string() })).optional(),
  default: z.string().optional(),
  keyMapper: z.string().optional(),
  valueMapper: z.string().optional(),
  flatMapper: z.string().optional(),
  window: z.union([window, joinWindow]).optional(),
  emit: z.literal('onWindowClose').optional(),
  inputs: z.array(z.strictObject({ of: z.string(), aggregator: z.string() })).optional(),
  reducer: z.string().optional(),
  init: scalar.optional(),
  aggregator: z.string().optional(),
  subtractor: z.string().optional(),
  merger: z.string().optional(),
  retentionMs: z.int().optional(),
  type: type.optional(),
  until: z.enum(['windowCloses', 'timeLimit']).optional(),
  limitMs: z.int().optional(),
  // Recorded with Kafka's name for it.
  buffer: z
    .strictObject({ maxRecords: z.int(), whenFull: z.enum(['emitEarly', 'shutDown']) })
    .transform(({ maxRecords, whenFull }) => ({ recordsMax: maxRecords, whenFull }))
    .optional(),
  joiner: z.string().optional(),
  graceMs: z.int().optional(),
  foreignKey: z.string().optional(),
})

const step = z.union([
  z.strictObject({ topic: z.string(), key: scalar, value: scalar, timestampMs: z.int() }),
  z.strictObject({ advanceWallClockMs: z.int() }),
])

const conformanceCase = z.strictObject({
  name: z.string(),
  group: z.string(),
  about: z.string(),
  quirk: z.boolean().optional(),
  config: z.strictObject({ emitIntervalMs: z.int().optional() }).optional(),
  topology: z.array(operator),
  input: z.array(step),
  subtopologies: z.int(),
  repartitions: z.array(z.string()),
  output: z.array(
    z.strictObject({
      topic: z.string(),
      key,
      value: scalar,
      timestampMs: z.int(),
      afterInput: z.int(),
    }),
  ),
  unordered: z.boolean().optional(),
  stores: z
    .record(z.string(), z.array(z.strictObject({ key, value: scalar, timestampMs: z.int().optional() })))
    .optional(),
  dropped: z.int().optional(),
  error: z.strictObject({ atInput: z.int(), kind: z.literal('bufferFull') }).optional(),
})

export type Type = z.infer<typeof type>
export type Window = z.infer<typeof window>
export type JoinWindow = z.infer<typeof joinWindow>
export type Operator = z.infer<typeof operator>
export type Step = z.infer<typeof step>
export type Case = z.infer<typeof conformanceCase>

/** Reads one case; throws an error that says what is wrong with the file. */
export function readCase(file: string): Case {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Error(`malformed case: ${messageOf(error)}`)
  }
  const parsed = conformanceCase.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Error(`malformed case: ${issue?.path.join('.') || 'the file'}: ${issue?.message}`)
}
