import { AHEAD_VARIABLE } from "./clock.ts"

/** Preloaded into a process: its clock is ahead of the machine's by as many milliseconds as the environment says, or behind. */

const ahead = Number(process.env[AHEAD_VARIABLE])
if (!Number.isFinite(ahead)) throw new Error(`${AHEAD_VARIABLE} is no number`)
const real = Date.now
Date.now = () => Math.floor(real() + ahead)
