import { Command, CommanderError, Option } from 'commander'
import { kafkaSettings, machineSettings } from '../app/program-settings.ts'
import { optionsOf, toldBy } from '../app/read-settings.ts'
import { RivuletError } from '../errors.ts'
import { version } from '../version.ts'
import { type DeadLettersOptions, deadLetters } from './dead-letters.ts'
import { type DescribeFormat, describeFile, describeFormats } from './describe.ts'
import { diffFiles } from './diff.ts'
import type { Io } from './io.ts'
import { lintFile } from './lint/lint.ts'
import { topologyIn } from './load-topologies.ts'
import { resetTopology } from './reset.ts'
import { listTopics, type TopicsFormat, topicsFormats } from './topics.ts'

const kafkaOfRun = {
  ...kafkaSettings,
  kafkaBrokers: {
    ...kafkaSettings.kafkaBrokers,
    description: 'Kafka on which it has run, host:port separated by commas',
  },
}

const resetSettings = {
  ...kafkaOfRun,
  dataDir: { ...machineSettings.dataDir, description: 'where it has kept its state' },
}

/** Runs one command of `rivulet` and answers its exit code: 2 where it was used wrongly. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  let code = 0
  const done = (answered: number) => {
    code = answered
  }
  try {
    await commands(io, done).parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (!(error instanceof RivuletError)) throw error
    io.err(`${error.message}\n`)
    return error.code === 'BAD_CONFIG' ? 2 : 1
  }
}

type Named = { readonly name?: string }

function commands(io: Io, done: (code: number) => void): Command {
  const rivulet = new Command('rivulet')
    .description('Looks at topologies that a file exports, as they are or as programs.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err })
  const ofFile = (name: string, summary: string) =>
    rivulet
      .command(name)
      .description(summary)
      .argument('<file>', 'exports topologies, or programs')
      .option('--name <name>', 'of the topology; default: all, or the only one')
  const format = (formats: readonly string[]) =>
    new Option('--format <format>', 'how to print').choices(formats).default('text')

  ofFile('describe', 'prints what a topology is made of')
    .addOption(format(describeFormats))
    .action(async (file: string, options: Named & { format: DescribeFormat }) =>
      done(await describeFile(file, options, io)),
    )

  rivulet
    .command('diff')
    .description('says what a change means for what is stored; exit code 1 if it breaks some of it')
    .argument(
      '<old>',
      'the version before: a file of code, or what `describe --format json` has printed (.json)',
    )
    .argument('<new>', 'the version after')
    .option('--name <name>', 'of the topology in both; default: the only one')
    .action(async (before: string, after: string, options: Named) =>
      done(await diffFiles(before, after, options, io)),
    )

  ofFile('lint', 'says what is likely to go wrong; exit code 1 if something is sure to').action(
    async (file: string, options: Named) => done(await lintFile(file, options, io)),
  )

  ofFile('topics', 'lists the topics that a topology makes where they are missing')
    .addOption(format(topicsFormats))
    .action(async (file: string, options: Named & { format: TopicsFormat }) =>
      done(await listTopics(file, options, io)),
    )

  const reset = ofFile('reset', "deletes a topology's offsets, own topics and local state; asks first")
    .option('--topic-prefix <text>', 'that was put before its topics', '')
    .option('--yes', 'do not ask', false)
  for (const option of optionsOf(resetSettings)) reset.addOption(option)
  reset.action(async (file: string, options: Named & { topicPrefix: string; yes: boolean }) => {
    const { config } = toldBy(resetSettings, reset.opts(), io.env)
    done(await resetTopology(await topologyIn(file, options.name), options, config, io))
  })

  const letters = ofFile(
    'dead-letters',
    'lists the dead letters of a topology, shows one, or sends them back, each once',
  )
    .option('--topic-prefix <text>', 'that was put before its topics', '')
    .option('--show <place>', 'shows the one there, as the list has it: <topic>/<partition>:<offset>')
    .option('--resend', 'sends those back to their topics that were not sent back before', false)
  for (const option of optionsOf(kafkaOfRun)) letters.addOption(option)
  letters.action(async (file: string, options: Named & DeadLettersOptions) => {
    const { config } = toldBy(kafkaOfRun, letters.opts(), io.env)
    done(await deadLetters(await topologyIn(file, options.name), options, config, io))
  })
  return rivulet
}
