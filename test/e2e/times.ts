import {
  AS_CREDENTIAL_SECONDS,
  AS_INTERMEDIATE_CREDENTIAL_SECONDS,
  CLIENT_CREDENTIAL_SECONDS,
  CREDENTIAL_BACKDATE_SECONDS,
} from "../../src/limits.ts"

/** A stretch of time, in seconds since 1970. */
interface Period {
  readonly began: number
  readonly ended: number
}

/** Months since January 2020. */
export function monthOf(seconds: number): number {
  const date = new Date(seconds * 1000)
  return (date.getUTCFullYear() - 2020) * 12 + date.getUTCMonth()
}

/** Seconds of these decades: the range of lifetimes. */
const isTime = (seconds: bigint): boolean => seconds > 1_500_000_000n && seconds < 2_500_000_000n

/** What looks like a lifetime, two 64-bit numbers of seconds after one another. */
export function* lifetimesIn(value: Uint8Array): Generator<number[]> {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  for (let offset = 0; offset + 16 <= value.length; offset++) {
    const [begin, end] = [view.getBigUint64(offset), view.getBigUint64(offset + 8)]
    if (isTime(begin) && isTime(end)) yield [Number(begin), Number(end)]
  }
}

/** Times of a period, in seconds to microseconds and either byte order, as they are or as the end of a lifetime. */
export function* instantsIn(value: Uint8Array, period: Period): Generator<bigint> {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  const [began, ended] = [BigInt(period.began) - 60n, BigInt(period.ended) + 60n]
  for (let offset = 0; offset + 8 <= value.length; offset++) {
    for (const number of [view.getBigUint64(offset), view.getBigUint64(offset, true)]) {
      for (const unit of [1n, 1000n, 1_000_000n]) {
        for (const later of laters) {
          if (number > (began + later) * unit && number < (ended + later) * unit) yield number
        }
      }
    }
  }
}

const laters = [
  0,
  -CREDENTIAL_BACKDATE_SECONDS,
  CLIENT_CREDENTIAL_SECONDS,
  AS_INTERMEDIATE_CREDENTIAL_SECONDS,
  AS_CREDENTIAL_SECONDS,
].map(BigInt)

/** Whether it is when something begins or ends that was made at some time of a month. */
export function isCoarse(seconds: number): boolean {
  const isMonth = (time: number): boolean => {
    const date = new Date(time * 1000)
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) === time * 1000
  }
  const begins = seconds + CREDENTIAL_BACKDATE_SECONDS
  return isMonth(begins) || isMonth(begins - CLIENT_CREDENTIAL_SECONDS)
}
