import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { ConfigOf, Settings } from './setting.ts'

/** An external system that is open: what a sink's `open` is given, and a program's routes. */
export interface Connection {
  /** Rejects with why it does not answer; absent: it is not asked for `/readyz`. */
  ping?(options: { readonly timeoutMs: number }): Promise<void>
  close(): Promise<void>
}

export interface ConnectorContext<S extends Settings> {
  readonly config: ConfigOf<S>
  /** A folder of the program's data for this run, made where it is missing. */
  folder(name: string): string
  /** Before the names of what the program makes on a server that others use too, such as `simulated`; may be empty. */
  readonly prefix: string
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * How a program comes by an external system: what it must be told for that, and how to open it.
 *
 * @example
 * ```ts
 * const files: Connector<{ outDir: Setting<string> }, FileConnection> = {
 *   settings: { outDir: setting.text({ description: 'where the files go', default: './out' }) },
 *   open: async ({ config }) => openFiles(config.outDir),
 * }
 * program({ name: 'words', summary: 'counts words', connectors: { files }, topology })
 * ```
 */
export interface Connector<S extends Settings, C extends Connection> {
  readonly settings: S
  open(context: ConnectorContext<S>): Promise<C>
}

/** By the name that the sinks ask for. */
export type Connectors = Readonly<Record<string, Connector<Settings, Connection>>>

/** What each connector opens. */
export type ConnectionsOf<C extends Connectors> = {
  readonly [N in keyof C]: C[N] extends Connector<Settings, infer O> ? O : never
}
