import type { Reporter, TestModule } from 'vitest/node'

/** Ends a run with the plain line `N passed, N failed, N skipped`, and names each skip with its reason. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<unknown>): void {
    let passed = 0
    // A module that could not be loaded, and an error outside of every test, fail the run without a test.
    let failed = unhandledErrors.length + modules.filter((module) => module.errors().length > 0).length
    // So do the hooks of a suite, whose tests then count as skipped.
    for (const module of modules) {
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) failed++
    }
    let skipped = 0
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') passed++
        else if (result.state === 'skipped') {
          skipped++
          process.stdout.write(`skipped: ${test.fullName}: ${result.note ?? 'no reason given'}\n`)
        } else failed++
      }
    }
    process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  }
}
