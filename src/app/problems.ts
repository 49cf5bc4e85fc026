import type { PipelineStatus, SourceStatus } from '../runtime/pipeline-status.ts'
import type { Part } from './health.ts'

/** Something that is wrong, for whoever is to mend it. */
export interface Problem {
  /** What it is about. */
  readonly kind: Part['kind'] | 'task' | 'gap' | 'dead-letters'
  /** Which one of its kind. */
  readonly name: string
  /** What is wrong, and where, in a sentence. */
  readonly what: string
  /** What to do about it, and what not to worry about. */
  readonly advice: string
  /** Since when, as far as that is known: ISO 8601 in UTC. */
  readonly since: string
}

type Found = Omit<Problem, 'since'> & {
  /** Absent: since it was found first. */
  readonly sinceMs?: number
}

/** A source that was quiet for so many times its longest pause is silent. */
const longPauses = 3
const silenceMsMin = 3_000
/** What every start and every hand-over takes. */
const patienceMs = 3_000
const openingMsMax = 5_000
/** Dead letters are news for so long. */
const newsMs = 300_000
/** A gap that is fetched at once is no problem. */
const gapPatienceMs = 10_000

/**
 * What is wrong with a pipeline, causes only: what follows from a cause that is said (a sink that fails while its connection is
 * away, a lag while a sink fails) is said with it. Empty: nothing is.
 */
export class Problems {
  /** By kind and name: when it was found first. */
  #since = new Map<string, number>()
  /** When the dead letters were more than before, and how many are new since the first of these. */
  #letters: { readonly count: number; readonly sinceMs: number; readonly lastMs: number } | undefined
  #lettersSeen = 0

  /** To be looked at regularly, so that since when something is wrong does not depend on who asks. */
  look(parts: readonly Part[], status: PipelineStatus, nowMs: number): readonly Problem[] {
    this.#countLetters(status.counters.dead_letters ?? 0, nowMs)
    const found = foundIn(parts, status, nowMs)
    if (this.#letters) found.push(deadLetters(this.#letters))
    const since = new Map<string, number>()
    const problems = found.flatMap(({ sinceMs, ...problem }) => {
      const key = `${problem.kind} ${problem.name}`
      const firstMs = sinceMs ?? this.#since.get(key) ?? nowMs
      since.set(key, firstMs)
      if (needsPatience(problem) && nowMs - firstMs < patienceMs) return []
      return { ...problem, since: new Date(firstMs).toISOString() }
    })
    this.#since = since
    return problems
  }

  #countLetters(count: number, nowMs: number): void {
    const news = count - this.#lettersSeen
    this.#lettersSeen = count
    const before = this.#letters
    if (news > 0) {
      this.#letters = {
        count: news + (before?.count ?? 0),
        sinceMs: before?.sinceMs ?? nowMs,
        lastMs: nowMs,
      }
    } else if (before && nowMs - before.lastMs >= newsMs) this.#letters = undefined
  }
}

/** What passes by itself in most cases. */
function needsPatience({ kind }: Omit<Problem, 'since'>): boolean {
  return kind === 'topology' || kind === 'source' || kind === 'task'
}

function foundIn(parts: readonly Part[], status: PipelineStatus, nowMs: number): Found[] {
  const of = (kind: Part['kind']) => parts.filter((part) => part.kind === kind && part.reason !== null)
  const kafka = of('kafka').map(kafkaAway)
  // While Kafka is away all stands, and nothing else that is known is of now.
  const isKafkaAway = kafka.length > 0
  const away = of('connection').map((part) => connectionAway(part, status))
  const awayNames = new Set(away.map(({ name }) => name))
  const sinks = status.sinks.filter(({ connection }) => !awayNames.has(connection))
  const inTrouble = of('sink')
    .filter(({ name }) => sinks.some((sink) => sink.name === name))
    .filter(({ state, since }) => state !== 'opening' || nowMs - Date.parse(since) >= openingMsMax)
  const explained = new Set([
    ...status.sinks.filter(({ connection }) => awayNames.has(connection)).map(({ name }) => name),
    ...inTrouble.map(({ name }) => name),
  ])
  const others = [
    ...inTrouble.map((part) => sinkInTrouble(part, status)),
    ...status.tasks.filter(({ state }) => state === 'restoring').map(taskRestoring),
    ...of('reader')
      .filter(({ name }) => !explained.has(name))
      .map((part) => readerBehind(part, status)),
  ]
  const isExplained = away.length + others.length > 0
  const starting = isExplained ? [] : of('topology').map(notStarted)
  return [
    ...kafka,
    ...away,
    ...status.sources.flatMap((source) => sourceProblems(source, nowMs)),
    ...(isKafkaAway ? [] : [...others, ...starting]),
    ...status.gaps.flatMap((gap) => gapProblem(gap, nowMs)),
  ]
}

function kafkaAway({ name, reason }: Part): Found {
  return {
    kind: 'kafka',
    name,
    what: `Kafka does not answer: ${withoutStop(reason)}.`,
    advice:
      'See whether its brokers run and can be reached from here. All stands until then; nothing is lost of what Kafka has, and all goes on by itself where it was.',
  }
}

function connectionAway({ name, reason }: Part, status: PipelineStatus): Found {
  const sinks = status.sinks.filter(({ connection }) => connection === name)
  const waiting = sinks.map((sink) => `"${sink.name}" (${records(lagOf(status, sink.name))} waiting)`)
  const stands = waiting.length > 0 ? ` Nothing is written by ${waiting.join(', ')}.` : ''
  return {
    kind: 'connection',
    name,
    what: `"${name}" does not answer: ${withoutStop(reason)}.${stands}`,
    advice:
      'See whether it runs and can be reached from here. Nothing is lost: Kafka keeps what waits, and it is written by itself when the connection is back.',
  }
}

function sinkInTrouble({ name, state, reason, since }: Part, status: PipelineStatus): Found {
  const waiting = `${records(lagOf(status, name))} waiting`
  const sinceMs = Date.parse(since)
  if (state === 'retrying') {
    return {
      ...{ kind: 'sink', name, sinceMs },
      what: `The sink "${name}" can't write (${waiting}): ${withoutStop(reason)}.`,
      advice:
        'It tries again by itself, and skips nothing. If the reason stays, it is for who runs the other side.',
    }
  }
  const what =
    state === 'writing'
      ? `A write of the sink "${name}" does not come to an end (${waiting}).`
      : `The sink "${name}" could not be opened yet (${waiting}).`
  const advice = 'See how the system behind it is: it takes what it is given slowly, or not at all.'
  return { ...{ kind: 'sink', name, sinceMs }, what, advice }
}

function taskRestoring({ task, restored }: PipelineStatus['tasks'][number]): Found {
  const { offsets = 0, of = 0 } = restored ?? {}
  const share = of > 0 ? Math.floor((100 * offsets) / of) : 0
  return {
    kind: 'task',
    name: task,
    what: `The state of "${task}" is being restored: ${share} % of ${records(of)} read.`,
    advice: 'Wait: it goes on by itself. Copies on other instances (KAFKA_STANDBYS) make it shorter.',
  }
}

function readerBehind({ name, since }: Part, status: PipelineStatus): Found {
  const progress = status.partitions
    .flatMap(({ readers }) => readers)
    .filter(({ reader, lag }) => reader === name && lag > 0)
  const lag = progress.reduce((sum, reader) => sum + reader.lag, 0)
  const seconds = Math.max(0, ...progress.map(({ lag_seconds }) => lag_seconds ?? 0))
  const ends = progress.map(({ catches_up_in_seconds }) => catches_up_in_seconds)
  const catchesUp = ends.every((end) => end !== null) ? Math.ceil(Math.max(0, ...ends)) : undefined
  const sink = status.sinks.find((each) => each.name === name)
  const wait = `${records(lag)} wait, the oldest for ${Math.round(seconds)} s`
  const last = sink?.last_write_seconds ? `; its last write took ${sink.last_write_seconds} s` : ''
  const common = { kind: 'reader', name, sinceMs: Date.parse(since) } as const
  if (catchesUp !== undefined) {
    return {
      ...common,
      what: `${readerOf(name, sink)} is behind and catches up: ${wait}.`,
      advice: `Wait: as it goes now, it has caught up in ${catchesUp} s.`,
    }
  }
  return {
    ...common,
    what: `${readerOf(name, sink)} is slower than what comes: ${wait}, and they do not become fewer${last}.`,
    advice: sink
      ? 'See what makes its writes slow; larger batches, or more partitions and instances, let it write more. Nothing is lost: Kafka keeps what waits.'
      : 'See what its steps take so long for; more partitions and instances share the work. Nothing is lost: Kafka keeps what waits.',
  }
}

function readerOf(name: string, sink: object | undefined): string {
  return sink ? `The sink "${name}"` : `The task of "${name}"`
}

function notStarted({ name, reason }: Part): Found {
  return {
    kind: 'topology',
    name,
    what: `"${name}" has not started yet: ${withoutStop(reason)}.`,
    advice: 'It goes on by itself when that is there; the log says what it has tried.',
  }
}

function sourceProblems(source: SourceStatus, nowMs: number): Found[] {
  const { name, state, rejected } = source
  const refused = rejected.map(
    ({ part, reason, since }): Found => ({
      kind: 'source',
      name: `${name} ${part}`,
      sinceMs: Date.parse(since),
      what: `The source "${name}" goes on without "${part}", which the other side rejects: ${withoutStop(reason)}.`,
      advice: `Correct or remove "${part}" in the program's settings, and start it again. The rest is not concerned.`,
    }),
  )
  if (state === 'elsewhere' || state === 'stopped' || state === 'recovering') return refused
  const silence = state === 'live' ? silent(source, nowMs) : unconnected(source)
  return silence ? [silence, ...refused] : refused
}

/** It has a connection, on which nothing comes any more. */
function silent(
  { name, last_message, longest_pause_seconds }: SourceStatus,
  nowMs: number,
): Found | undefined {
  if (last_message === null || longest_pause_seconds === null) return undefined
  const heardMs = Date.parse(last_message)
  const usualMs = longest_pause_seconds * 1_000
  if (nowMs - heardMs < Math.max(silenceMsMin, longPauses * usualMs)) return undefined
  return {
    kind: 'source',
    name,
    sinceMs: heardMs,
    what: `The source "${name}" is silent: it is connected, and nothing comes. Its longest pause before was ${longest_pause_seconds} s.`,
    advice: silenceAdvice,
  }
}

/** Undefined: it has just been started, or does not say how it is. */
function unconnected({ name, state, last_message, problem }: SourceStatus): Found | undefined {
  if (state === 'connecting' && last_message === null && problem === undefined) return undefined
  const why = problem === undefined ? '' : `: ${withoutStop(problem)}`
  return {
    kind: 'source',
    name,
    ...(last_message !== null && { sinceMs: Date.parse(last_message) }),
    what: `Nothing comes from the source "${name}", which is trying to connect${why}.`,
    advice: silenceAdvice,
  }
}

const silenceAdvice =
  'See whether the other side runs and can be reached from here. It is tried again by itself; a source that can ask for what it has missed does so then.'

function gapProblem(gap: PipelineStatus['gaps'][number], nowMs: number): Found[] {
  const { source, part, from, to, reason, repaired } = gap
  const sinceMs = Date.parse(gap.since)
  const isNews = nowMs - sinceMs < (reason === undefined ? Number.POSITIVE_INFINITY : newsMs)
  if (repaired !== null || !isNews || (reason === undefined && nowMs - sinceMs < gapPatienceMs)) return []
  const missing = `${records(gap.records)} of "${part}" missing (${from} to ${to})`
  const isLost = reason !== undefined
  return [
    {
      kind: 'gap',
      name: `${source} ${part} ${from}`,
      sinceMs,
      what: isLost
        ? `The source "${source}" has given up what it has missed, ${missing}: ${withoutStop(reason)}.`
        : `The source "${source}" has ${missing}, and has not fetched all of them yet.`,
      advice: isLost
        ? 'They will not come any more. The table of gaps below says which they are.'
        : 'Wait: it goes on fetching by itself.',
    },
  ]
}

function deadLetters({ count, sinceMs }: { readonly count: number; readonly sinceMs: number }): Found {
  return {
    kind: 'dead-letters',
    name: 'dead letters',
    sinceMs,
    what: `${records(count)} could not be read or processed, and were put away as dead letters.`,
    advice: 'The dead letters below say which and why. The rest goes on.',
  }
}

function lagOf({ partitions }: PipelineStatus, reader: string): number {
  const readers = partitions.flatMap((partition) => partition.readers)
  return readers.reduce((sum, each) => sum + (each.reader === reader ? each.lag : 0), 0)
}

const countFormat = new Intl.NumberFormat('en')

function records(count: number): string {
  return `${countFormat.format(count)} ${count === 1 ? 'record' : 'records'}`
}

function withoutStop(reason: string | null): string {
  return (reason ?? '').replace(/\.$/, '')
}
