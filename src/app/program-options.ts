import type { Clock } from '../clock.ts'
import type { TokenProvider } from '../kafka/options.ts'
import type { Logger } from '../logger.ts'
import type { Running } from '../runtime/run.ts'
import type { Topology } from '../stream/topology.ts'
import type { ConnectionsOf, Connectors } from './connector.ts'
import { kafkaSecurity } from './kafka-security.ts'
import {
  type CommonConfig,
  checkListen,
  groupSettings,
  kafkaSettings,
  machineSettings,
  topicSettings,
} from './program-settings.ts'
import { badSetting, type HelpAsked, readSettings, type Told } from './read-settings.ts'
import type { ConfigOf, Setting, Settings } from './setting.ts'
import type { TerminalLines } from './terminal/terminal-status.ts'
import type { Web } from './web.ts'

/** What a program is told beside its own settings. */
export type ProgramConfig<S extends Settings> = ConfigOf<S> & CommonConfig

/** What a program has before anything is open. */
export interface Opening<S extends Settings> {
  /** The values of its settings. */
  readonly config: ProgramConfig<S>
  /** The settings that somebody chose, where the others have their defaults. */
  readonly chosen: ReadonlySet<string>
  /** The program's: whatever waits or reads time does it by this one. */
  readonly clock: Clock
  /** The program's. */
  readonly logger: Logger
}

/** What a program's own preparation answers, and how its data is kept apart from that of other runs. */
export interface Prepared {
  /** The run's own folder in the data folder; default: the program's name. */
  readonly folder?: string
  /** Before the names of what is made on servers that others use too: topics (and `-`), tables (and `_`). Default: nothing. */
  readonly prefix?: string
  /** Of the run: in every answer's headers (`x-rivulet-NAME`) and in `/api/pipeline`. */
  readonly labels?: Readonly<Record<string, string>>
  /** Called when all that came after it is closed. */
  close?(): Promise<void>
}

/** What a topology may depend on. */
export interface Declaring<S extends Settings, P extends Prepared> {
  /** The values of the program's settings. */
  readonly config: ProgramConfig<S>
  /** Undefined where the topology is only looked at: it does not run then. */
  readonly prepared: P | undefined
}

/** What a program's routes are given. */
export interface ProgramContext<S extends Settings, C extends Connectors, P extends Prepared>
  extends Opening<S> {
  /** What `prepare` has answered. */
  readonly prepared: P
  /** The topology that runs. */
  readonly topology: Topology
  /** It may still be starting. */
  readonly running: Running
  /** What the connectors have opened, by their names. */
  readonly connections: ConnectionsOf<C>
}

/** What a program is made of. */
export interface ProgramOptions<S extends Settings, C extends Connectors, P extends Prepared> {
  /** Said in help, in the log and to Kafka, as its client. */
  readonly name: string
  /** A sentence for help. */
  readonly summary: string
  /** What it can be told beside what every program can. */
  readonly settings?: S
  /** Looks at the settings together: throws `BAD_CONFIG` where they contradict each other. */
  check?(config: ProgramConfig<S>): unknown
  /** External systems, by the names that the topology's sinks ask for. */
  readonly connectors?: C
  /** Where tokens for `KAFKA_SASL_MECHANISM=oauthbearer` come from; default: the endpoint that the settings name. */
  readonly kafkaToken?: TokenProvider
  /** Whatever must be there before the topology. */
  prepare?(opening: Opening<S>): Promise<P>
  /** The topology, or what makes it of the settings. It is also called to look at what it makes. */
  readonly topology: Topology | ((declaring: Declaring<S, P>) => Topology)
  /** What it answers over HTTP beside what every program does. */
  routes?(web: Web, context: ProgramContext<S, C, P>): void
  /** What the status block of a terminal shows of it beside what every program has; asked once a second. */
  terminalLines?(context: ProgramContext<S, C, P>): TerminalLines
}

/** Its own first, as help lists them. Throws `BAD_CONFIG` where two are called alike: one would be read as the other. */
export function settingsOf<S extends Settings, C extends Connectors, P extends Prepared>({
  settings = {} as S,
  connectors,
}: ProgramOptions<S, C, P>): Settings {
  const ofConnectors = Object.values(connectors ?? {}).map((connector) => connector.settings)
  const all: Record<string, Setting<unknown>> = {}
  for (const some of [
    settings,
    kafkaSettings,
    topicSettings,
    groupSettings,
    ...ofConnectors,
    machineSettings,
  ]) {
    for (const [name, setting] of Object.entries(some)) {
      if (all[name] !== undefined && all[name] !== setting)
        throw badSetting(name, `two settings are named "${name}": give the program's own another name`)
      all[name] = setting
    }
  }
  return all
}

/** Reads what a program is told. Throws `BAD_CONFIG`. */
export function readConfig<S extends Settings, C extends Connectors, P extends Prepared>(
  options: ProgramOptions<S, C, P>,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): (Omit<Told<Settings>, 'config'> & { readonly config: ProgramConfig<S> }) | HelpAsked {
  const told = readSettings(options, settingsOf(options), args, env)
  if ('help' in told) return told
  // `S` is among the settings that were read.
  const config = told.config as ProgramConfig<S>
  kafkaSecurity(config, options)
  checkListen(config)
  options.check?.(config)
  return { ...told, config }
}

export function topologyOf<S extends Settings, C extends Connectors, P extends Prepared>(
  { topology }: ProgramOptions<S, C, P>,
  declaring: Declaring<S, P>,
): Topology {
  return typeof topology === 'function' ? topology(declaring) : topology
}
