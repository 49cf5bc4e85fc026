import type { PipelineNode, PipelineStatus } from '../../runtime/pipeline-status.ts'
import type { Problem } from '../problems.ts'
import { lagsOf, type ReaderLags } from '../reader-lags.ts'
import { countText, durationText, rateText } from './progress-text.ts'
import type { BlockLine } from './terminal-block.ts'

export interface Shown {
  readonly status: PipelineStatus
  readonly url: string
  readonly problems: readonly Problem[]
  /** How far what takes long has come. */
  readonly progress: readonly string[]
  /** The program's own. */
  readonly own: readonly string[]
}

/** A lag of less is what batches take. */
const lagMsMin = 3_000

/** How a pipeline goes, in a few lines, the most important ones first. */
export function statusLines({ status, url, problems, progress, own }: Shown): readonly BlockLine[] {
  const lags = lagsOf(status.partitions).map(lagText)
  return [
    { text: `${status.topology} · ${url}`, tone: 'faint' },
    ...problems.flatMap(problemLines),
    ...progress.map((text) => ({ text })),
    ...own.map((text) => ({ text })),
    ...joined('in', ratesOf(firstOf(status))),
    ...joined('out', ratesOf(lastOf(status))),
    ...joined('lag', lags),
  ]
}

function problemLines({ kind, what, advice }: Problem): BlockLine[] {
  // It is said with its progress.
  if (kind === 'task') return []
  return [
    { text: `! ${what}`, tone: 'strong' },
    { text: `  ${advice}`, tone: 'faint' },
  ]
}

/** The steps that no other one leads to. */
function firstOf({ nodes, edges }: PipelineStatus): readonly PipelineNode[] {
  const led = new Set(edges.map(({ to }) => to))
  return nodes.filter(({ name }) => !led.has(name))
}

/** The steps that lead to no other one. */
function lastOf({ nodes, edges }: PipelineStatus): readonly PipelineNode[] {
  const leading = new Set(edges.map(({ from }) => from))
  return nodes.filter(({ name }) => !leading.has(name))
}

function ratesOf(nodes: readonly PipelineNode[]): string[] {
  return nodes.map(({ name, rate }) => `${name} ${rateText(rate)}`)
}

function lagText({ reader, lag, lagMs, catchesUpInMs }: ReaderLags): string {
  const seconds = lag > 0 ? ` (${durationText(lagMs / 1_000)})` : ''
  const isBehind = lag > 0 && lagMs >= lagMsMin && catchesUpInMs !== undefined
  const soon = isBehind ? `, caught up in ${durationText(catchesUpInMs / 1_000)}` : ''
  return `${reader} ${countText(lag)}${seconds}${soon}`
}

function joined(title: string, parts: readonly string[]): BlockLine[] {
  return parts.length > 0 ? [{ text: `${title.padEnd(4)}${parts.join(' · ')}`, tone: 'faint' }] : []
}
