import { readFileSync } from "node:fs"

/** What a process needs beside its sockets. */
const OTHER_FILES = 300

/** How many of so many sockets the system's limit on open files allows. */
export function socketsAllowed(wanted: number): number {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]
  return limit === undefined ? wanted : Math.min(wanted, Number(limit) - OTHER_FILES)
}
