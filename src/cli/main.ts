#!/usr/bin/env node
import { runCli } from './cli.ts'
import { processIo } from './io.ts'

// At once: a file that was looked at may have begun something of its own.
process.exit(await runCli(process.argv.slice(2), processIo))
