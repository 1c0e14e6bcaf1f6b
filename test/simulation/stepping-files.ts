import * as fs from "node:fs"
import { cut, dated, opened, synchronized, written } from "./steps.ts"

/** `node:fs` as `src/store` sees it in the simulation: what changes a file is a step. */

export const { closeSync, fstatSync, readSync } = fs
export const openSync = opened
export const writeSync = written

export function fdatasyncSync(descriptor: number): void {
  synchronized(descriptor, () => fs.fdatasyncSync(descriptor))
}

export function ftruncateSync(descriptor: number, length: number): void {
  cut(descriptor, () => fs.ftruncateSync(descriptor, length))
}

export function futimesSync(descriptor: number, accessed: Date, modified: Date): void {
  dated(descriptor, () => fs.futimesSync(descriptor, accessed, modified))
}
