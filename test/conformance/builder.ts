import type { Declare } from '../../src/stream/topology.ts'
import type { Operator } from './case.ts'
import type { ValueType } from './types.ts'

/** A stage of the DSL, of whatever class, with the types that its records have in the case. */
export interface Element<T = object> {
  readonly dsl: T
  readonly key: ValueType
  readonly value: ValueType
}

type Class<T> = abstract new (...args: never[]) => T

/** What the builder of an operator works with: the DSL, and the stages that were built before. */
export interface BuildContext {
  readonly declare: Declare
  /** The stage of that id; throws unless it is of the class that the operator needs. */
  element<T extends object>(id: string | undefined, stageClass: Class<T>): Element<T>
  /** Whether the stage of that id is of the class. */
  is(id: string | undefined, stageClass: Class<object>): boolean
  /** Makes a stage known beside the one that the operator's own id names. */
  define(id: string, element: Element): void
}

/** Builds one operator with the public DSL; answers the stage that its id names from then on. */
export interface OpBuilder {
  readonly op: string
  /** The class of the stage that `of` names; absent: any. The first builder that fits an operator builds it. */
  readonly of?: Class<object>
  build(operator: Operator, context: BuildContext): Element | undefined
}

export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new Error(`the operator needs the field "${field}"`)
  return value
}

/** Leaves out what is undefined: the DSL's options are present or absent. */
export function present<T extends Record<string, unknown>>(
  options: T,
): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { readonly [K in keyof T]?: Exclude<T[K], undefined> }
}
