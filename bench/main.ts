import { statfsSync } from "node:fs"
import { cpus, tmpdir } from "node:os"
import { parseArgs } from "node:util"
import { benchBinary } from "./binary.ts"
import { benchCommitState } from "./commit-state.ts"
import { benchFanOut } from "./fan-out.ts"
import { figuresOf, formatFigures } from "./figures.ts"
import { formatTable, type Options, type Result } from "./harness.ts"
import { benchHotPath } from "./hot-path.ts"
import { benchIdle } from "./idle.ts"
import { benchMillion } from "./million.ts"
import { benchMls } from "./mls.ts"
import { type Model, measureModel, modelResults } from "./model.ts"
import { benchOverload } from "./overload.ts"
import { benchPrimitives } from "./primitives.ts"
import { benchPrivacyPass } from "./privacy-pass.ts"
import { benchProtection } from "./protection.ts"
import { benchSendTwo } from "./send-two.ts"
import { benchStorm } from "./storm.ts"
import { benchStreams } from "./streams.ts"
import { benchTextbook } from "./textbook/textbook.ts"
import { benchTokens } from "./tokens.ts"
import { benchWash } from "./wash.ts"

/** `npm run bench -- [--short] [--json] [--only NAME]`: what docs/performance.md explains. */

const TMPFS = 0x01021994

interface Subject {
  readonly title: string
  /** Whether it measures a number that has a target: only these are part of a short run. */
  readonly target?: true
  run(options: Options, model: () => Promise<Model>): Promise<readonly Result[]>
}

const subjects: Readonly<Record<string, Subject>> = {
  primitives: {
    title: "Primitives: native, and portable beside it",
    run: (options) => benchPrimitives(options),
  },
  "privacy-pass": {
    title: "Privacy Pass: tokens issued and redeemed, in the server's thread and in a worker",
    run: (options) => benchPrivacyPass(options),
  },
  tokens: {
    title: "Sends with a token for each, and without (ratio: with to without)",
    run: (options) => benchTokens(options),
  },
  wash: {
    title: "Sends to a server that washes its memory, and to one that does not (ratio: with to without)",
    run: (options) => benchWash(options),
  },
  protection: {
    title: "What it costs to leave nothing in the files (ratio: to never scrubbing)",
    run: (options) => benchProtection(options),
  },
  mls: {
    title: "The MLS core over group size, and ts-mls beside it (ratio: ours to theirs)",
    run: (options) => benchMls(options),
  },
  model: {
    title: "The model: unavoidable work",
    target: true,
    run: async (_, model) => modelResults(await model()),
  },
  "hot-path": {
    title: "Requests: from the body to the durable answer",
    run: async (options, model) => await benchHotPath(options, await model()),
  },
  "fan-out": {
    title: "Fan-out: from the request to durable rows",
    run: async (options, model) => await benchFanOut(options, await model()),
  },
  streams: {
    title: "Fan-out: from the HTTP request to the frames of all recipients",
    target: true,
    run: async (options, model) => await benchStreams(options, await model()),
  },
  "send-two": {
    title: "Sends to one, with token and signature",
    target: true,
    run: async (options, model) => await benchSendTwo(options, await model()),
  },
  "commit-state": {
    title: "What the delivery service computes for a request, without queues and disk: CPU",
    target: true,
    run: async (options, model) => await benchCommitState(options, await model()),
  },
  overload: {
    title: "Messages that arrive at a rate of their own, to 20 streams each",
    target: true,
    run: (options) => benchOverload(options),
  },
  idle: {
    title: "Ten thousand streams on which nothing happens, and as many WebSockets of Bun alone",
    run: (options) => benchIdle(options),
  },
  storm: {
    title: "Ten thousand clients who come back at once, with ten messages each",
    run: (options) => benchStorm(options),
  },
  million: {
    title: "A hundred thousand queues with a million messages",
    run: (options) => benchMillion(options),
  },
  binary: {
    title: "The compiled binary",
    run: (options) => benchBinary(options),
  },
  textbook: {
    title: "Deliveries to 100 streams, and those of the textbook design on PostgreSQL",
    target: true,
    run: (options) => benchTextbook(options),
  },
}

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    only: { type: "string" },
  },
})

/** All, or those that the numbers with a target need. */
const usual = values.short
  ? Object.keys(subjects).filter((name) => subjects[name]?.target)
  : Object.keys(subjects)
const chosen = Object.entries(subjects).filter(([name]) =>
  values.only === undefined ? usual.includes(name) : values.only === name,
)
if (chosen.length === 0) {
  console.error(`bench: --only must be one of ${Object.keys(subjects).join(", ")}`)
  process.exit(1)
}

const options: Options = { short: values.short, runs: 3 }
const machine = `Bun ${Bun.version}, ${cpus().length} cores, ${cpus()[0]?.model ?? "unknown"}`
console.log(machine)
if (statfsSync(tmpdir()).type === TMPFS)
  console.log("the temporary directory is in memory: set TMPDIR to a disk, or durability costs nothing")

let model: Promise<Model> | undefined
const results: Record<string, readonly Result[]> = {}
for (const [name, { title, run }] of chosen) {
  const began = performance.now()
  results[name] = await run(options, () => (model ??= measureModel(options)))
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  console.log(`\n${formatTable(title, results[name])}\n(${seconds} s)`)
}
const figures = figuresOf(Object.values(results).flat())
console.log(`\n${formatFigures(figures)}`)
if (values.json)
  console.log(JSON.stringify({ machine, short: options.short, runs: options.runs, ...figures, results }))
