import type { Clock } from "./leaf-validity.ts"

/** What a deployment lays down for handshakes, beside what RFC 9420 does. */
export interface Policy extends Clock {
  /** The cipher suites that the deployment has, one of which a ReInit has to lead to; without it, to any. */
  readonly suites?: readonly number[]
}
