/** When something is done again and again. */
export interface Rhythm {
  /** The first time comes at random until then. */
  readonly firstMs: number
  /** The others come a quarter earlier or later, at random. */
  readonly meanMs: number
}

/** Never at the same time: when something is deleted says nothing about when the server was started. */
export function repeat(
  sweeps: readonly (() => Promise<void>)[],
  { firstMs, meanMs }: Rhythm,
  report: (line: string) => void,
): { stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined
  let stopped = false
  const schedule = (milliseconds: number) => {
    if (stopped) return
    timer = setTimeout(run, milliseconds)
    timer.unref()
  }
  const run = async () => {
    for (const sweep of sweeps) {
      await sweep().catch(() => {
        if (!stopped) report("a sweep could not be completed; it is tried again later")
      })
    }
    schedule(meanMs * (0.75 + 0.5 * Math.random()))
  }
  schedule(firstMs * Math.random())
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
