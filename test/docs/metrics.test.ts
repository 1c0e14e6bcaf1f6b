import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { SOCKETS_MAX } from "../../src/limits.ts"
import { type Metric, metrics, outcomes } from "../../src/metrics/definitions.ts"

const root = join(import.meta.dir, "../..")
const page = readFileSync(join(root, "docs/metrics.md"), "utf8")

interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[]
}

describe("the page of metrics", () => {
  test("lists every metric with its meaning, step, noise and an alert, and no other", () => {
    const row = /^\| `(cinder_[a-z_]+)` \| (.*?) \| (.*?) ?\| (.*?) ?\| (.+) \|$/gm
    const listed = [...page.matchAll(row)].map(([, name, help, step, noise]) => [name, help, step, noise])
    const expected = Object.entries<Metric>(metrics).map(([name, { help, veil }]) => [
      name,
      help,
      `${veil?.step ?? ""}`,
      `${veil?.noise ?? ""}`,
    ])
    expect(listed).toEqual(expected)
    for (const outcome of outcomes) expect(page).toContain(`\`${outcome}\``)
    expect(page).toContain(`no more than ${SOCKETS_MAX} are taken`)
  })

  test("names no metric in an alert that there is not", () => {
    for (const [name] of page.matchAll(/cinder_[a-z_]+/g)) expect(Object.keys(metrics)).toContain(name)
  })
})

describe("the dashboard", () => {
  test("shows every metric, and no other", () => {
    const dashboard = JSON.parse(
      readFileSync(join(root, "packaging/grafana/cinder.json"), "utf8"),
    ) as Dashboard
    const shown = dashboard.panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) => [...expr.matchAll(/cinder_[a-z_]+/g)].map(([name]) => name)),
    )
    expect([...new Set(shown)].sort()).toEqual(Object.keys(metrics).sort())
  })
})
