import { CLOCK_VARIABLE, readAhead } from "./clock.ts"

/**
 * Preloaded into a server process: its clock is ahead by what the file named in the environment says, and what it does every few
 * minutes or hours comes as much sooner as the days of a population are shorter.
 */

/** Four days in about two minutes. */
const COMPRESSION = 3600
const LONG_MILLISECONDS = 60_000

const file = process.env[CLOCK_VARIABLE]
if (file === undefined) throw new Error(`${CLOCK_VARIABLE} names no file`)
const ahead = readAhead(file)
const real = Date.now
Date.now = () => Math.floor(real() + (ahead[0] as number))
const later = globalThis.setTimeout
globalThis.setTimeout = Object.assign(
  (work: (...words: unknown[]) => void, delay = 0, ...words: unknown[]) =>
    later(work, delay < LONG_MILLISECONDS ? delay : delay / COMPRESSION, ...words),
  later,
)
