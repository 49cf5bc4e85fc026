const crashSignals = ['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGSYS', 'SIGTRAP'] as const

/**
 * Gives the signals of a crash back to the system, which ends the process at once. The embedded engine takes them when it
 * starts, and its handler waits 5 minutes for a log that it does not have in here: a process that was out of memory hung
 * so long, deaf to SIGTERM.
 */
export function giveBackCrashSignals(): void {
  for (const signal of crashSignals) {
    const listener = () => {}
    process.on(signal, listener)
    // Of a signal without listeners, Node restores the default.
    process.off(signal, listener)
  }
}
