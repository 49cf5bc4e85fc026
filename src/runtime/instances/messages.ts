import { type ErrorCode, type ErrorPlace, messageOf, RivuletError } from '../../errors.ts'
import type { RuntimeEvent } from '../events.ts'
import type { StopOutcome } from '../instance.ts'
import type { PipelineStatus } from '../pipeline-status.ts'

/** Which of the instances it is. */
export interface InstanceNumber {
  /** From 0 on. */
  readonly index: number
  /** How many there are. */
  readonly instances: number
}

/** What the process of an instance is started with. */
export interface ChildData extends InstanceNumber {
  /** Address of the module that makes the instance. */
  readonly module: string
}

/** To the process of an instance. */
export type InstanceRequest = { readonly type: 'stop' } | { readonly type: 'status'; readonly id: number }

/** From the process of an instance. */
export type InstanceReport =
  | { readonly type: 'started' }
  | { readonly type: 'event'; readonly event: RuntimeEvent }
  | { readonly type: 'status'; readonly id: number; readonly status: PipelineStatus }
  | { readonly type: 'stopped'; readonly outcome: StopOutcome }
  | { readonly type: 'failed'; readonly failure: Failure }

/** An error as it goes from process to process, which takes no classes along. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly retryable: boolean
  readonly place: ErrorPlace
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof RivuletError))
    return { code: 'INTERNAL', message: messageOf(error), retryable: false, place: {} }
  const { code, message, retryable, place } = error
  return { code, message, retryable, place }
}

export function errorOf({ code, message, retryable, place }: Failure): RivuletError {
  return new RivuletError(code, message, { retryable, place })
}
