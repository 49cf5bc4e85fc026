/** Makes a program of a topology: settings, what is embedded, health, metrics, stores and pages over HTTP, an orderly end. */
export { type Answer, AnswerCache, answerOf } from './answer-cache.ts'
export { clickhouseConnector, clickhouseSettings } from './clickhouse-connector.ts'
export type { Connection, ConnectionsOf, Connector, ConnectorContext, Connectors } from './connector.ts'
export { type ErrorBody, errorAnswers, errorBody, unavailable } from './error-answer.ts'
export type { Part, Readiness } from './health.ts'
export type { AnsweredRequest } from './metrics.ts'
export { makePage, type Page, type PageOptions, servePageFiles, sharedFiles } from './page.ts'
export { badParameter, type Parameters, parametersOf } from './parameters.ts'
export type { Problem } from './problems.ts'
export { type Program, program, type StartedProgram, type StartOptions } from './program.ts'
export type {
  Declaring,
  Opening,
  Prepared,
  ProgramConfig,
  ProgramContext,
  ProgramOptions,
} from './program-options.ts'
export {
  type CommonConfig,
  groupSettings,
  kafkaSettings,
  machineSettings,
  topicSettings,
} from './program-settings.ts'
export {
  flagOf,
  type HelpAsked,
  type ProgramWords,
  readSettings,
  type Told,
  variableOf,
} from './read-settings.ts'
export { type ApiServer, type Served, type ServeOptions, serve } from './serve.ts'
export {
  type ConfigOf,
  type Listener,
  type Setting,
  type SettingOf,
  type SettingOptions,
  type Settings,
  setting,
} from './setting.ts'
export { type StaticFile, sendFile, serveFiles, staticFile, staticFiles } from './static-files.ts'
export { type StoreApiOptions, storeApi } from './store-api.ts'
export type { Progress } from './terminal/progress-text.ts'
export type { TerminalLines } from './terminal/terminal-status.ts'
export { createWeb, type Web, type WebEnv, type WebOptions } from './web.ts'
