import type { Result } from "../harness.ts"
import type { Chart, Series } from "./chart.ts"

/** The pictures of docs/performance.md, by file name, made of a whole run's results. */

export type Results = Readonly<Record<string, readonly Result[]>>

export function curves(results: Results): Record<string, Chart> {
  const commits = results["commit-state"] ?? []
  const streams = results["streams"] ?? []
  const requests = results["hot-path"] ?? []
  const charts: Record<string, Chart> = {
    "group-size.svg": {
      title: "What the delivery service computes for a request",
      x: "members",
      y: "µs of processor time",
      logarithmic: true,
      series: [
        ...["send", "path commit", "Add of one"].map((name) => bySize(commits, name)),
        { ...modelBySize(commits, "path commit"), name: "model of a path commit" },
      ],
    },
    "requests.svg": {
      title: "Requests, from the body to the durable answer",
      x: "members",
      y: "µs",
      logarithmic: true,
      series: [
        ...["send", "path commit", "Add of one"].map((name) => bySize(requests, name)),
        { ...modelBySize(requests, "send"), name: "model of a send" },
      ],
    },
    "fan-out.svg": {
      title: "One delivery, from the request to the frame",
      x: "recipients of each message",
      y: "µs of the server's processor time",
      logarithmic: true,
      series: [bySize(streams, "server CPU of a delivery"), modelBySize(streams, "server CPU of a delivery")],
    },
    "overload.svg": overload(results["overload"] ?? []),
  }
  return Object.fromEntries(
    Object.entries(charts).filter(([, { series }]) => series.every(({ points }) => points.length > 1)),
  )
}

function bySize(results: readonly Result[], name: string): Series {
  const points = results
    .filter((result) => result.name === name)
    .map(({ size, microseconds }) => [size, microseconds] as const)
  return { name, points }
}

function modelBySize(results: readonly Result[], name: string): Series {
  const points = results.flatMap((result) =>
    result.name === name && result.model !== undefined ? [[result.size, result.model] as const] : [],
  )
  return { name: "model", points, dashed: true }
}

function overload(results: readonly Result[]): Chart {
  const of = (name: string) =>
    results.flatMap(({ more }): (readonly [number, number])[] => {
      const [x, y] = [more?.["sent_per_second"], more?.[name]]
      return x === undefined || y === undefined ? [] : [[x, y]]
    })
  return {
    title: "Messages to 20 streams each, beyond what the server can do",
    x: "messages sent per second",
    y: "messages per second",
    logarithmic: false,
    series: [
      { name: "accepted", points: of("accepted_per_second") },
      { name: "sent", points: of("sent_per_second"), dashed: true },
    ],
  }
}
