import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import type { ConfigOf, Settings } from './setting.ts'

/** An external system that is open: what a sink's `open` is given, and a program's routes. */
export interface Connection {
  /** Rejects with why it does not answer; absent: it is not asked for `/readyz`. */
  ping?(options: { readonly timeoutMs: number }): Promise<void>
  /** Called when the topology has stopped. */
  close(): Promise<void>
}

/** What a connector is given. */
export interface ConnectorContext<S extends Settings> {
  /** The values of its settings. */
  readonly config: ConfigOf<S>
  /** A folder of the program's data for this run, made where it is missing. */
  folder(name: string): string
  /** Before the names of what the program makes on a server that others use too, such as `simulated`; may be empty. */
  readonly prefix: string
  /** The program's: whatever waits or reads time does it by this one. */
  readonly clock: Clock
  /** The program's. */
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
 * program({ name: 'words', summary: 'counts words', connectors: { files }, topology: wordCount })
 * ```
 */
export interface Connector<S extends Settings, C extends Connection> {
  /** What it must be told: part of the program's help. */
  readonly settings: S
  /** Called before the topology runs. A rejection ends the start. */
  open(context: ConnectorContext<S>): Promise<C>
}

/** By the name that the sinks ask for. */
export type Connectors = Readonly<Record<string, Connector<Settings, Connection>>>

/** What each connector opens. */
export type ConnectionsOf<C extends Connectors> = {
  readonly [N in keyof C]: C[N] extends Connector<Settings, infer O> ? O : never
}
