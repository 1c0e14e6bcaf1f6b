/**
 * What has to be ended with this process, however it ends: servers and generators that it started would otherwise run on.
 */

const tasks = new Set<() => void>()

/** Returns the function that makes it unnecessary. */
export function atExit(task: () => void): () => void {
  tasks.add(task)
  return () => void tasks.delete(task)
}

process.on("exit", () => {
  for (const task of tasks) task()
})
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1))
