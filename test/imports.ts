import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"

/**
 * `bun test/imports.ts` checks which source file may know which. Dependencies point one way: edge -> service -> store;
 * crypto and mls depend on nothing above them; as, ds and qs never on each other; the client library on no server
 * module, no Bun and no Node module. There are no cycles, type imports included. Exit code 1 if a rule is broken.
 */

/** For each room of src: what it may import of src, by path prefix. What is not listed may not be imported. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  "limits.ts": [],
  "fanout.ts": ["store/database.ts"],
  "evaluator.ts": ["privacypass", "crypto/wipe.ts", "wire/bytes.ts"],
  "evaluator-worker.ts": ["evaluator.ts", "privacypass", "crypto"],
  "expiring-map.ts": [],
  "markup.ts": [],
  "month.ts": [],
  "system-library.ts": [],
  "system-text.ts": [],
  "turns.ts": ["limits.ts"],
  "quota.ts": ["crypto", "wire/bytes.ts", "limits.ts"],
  crypto: ["crypto", "wire/tls.ts", "wire/bytes.ts", "limits.ts"],
  mls: ["mls", "crypto", "wire/tls.ts", "wire/bytes.ts", "limits.ts"],
  wire: ["wire", "crypto", "limits.ts"],
  group: ["group", "mls", "wire", "crypto", "limits.ts"],
  privacypass: ["privacypass", "crypto", "wire", "limits.ts"],
  redemption: ["redemption", "privacypass", "store", "crypto", "wire", "limits.ts"],
  outgoing: ["outgoing", "crypto", "wire/bytes.ts", "limits.ts"],
  memory: [
    "memory",
    "crypto/provider.ts",
    "wire/bytes.ts",
    "system-library.ts",
    "system-text.ts",
    "limits.ts",
  ],
  metrics: ["metrics", "limits.ts"],
  store: ["store", "wire/bytes.ts", "limits.ts", "month.ts"],
  veil: ["veil", "store", "crypto", "wire", "limits.ts"],
  queue: ["queue", "veil", "store", "crypto", "wire", "limits.ts", "month.ts", "fanout.ts", "turns.ts"],
  as: [
    "as",
    "privacypass",
    "queue",
    "veil",
    "store",
    "crypto",
    "wire",
    "limits.ts",
    "expiring-map.ts",
    "month.ts",
    "quota.ts",
  ],
  ds: [
    "ds",
    "group",
    "mls",
    "store",
    "crypto",
    "wire",
    "limits.ts",
    "expiring-map.ts",
    "month.ts",
    "fanout.ts",
  ],
  qs: [
    "qs",
    "queue",
    "veil",
    "mls",
    "store",
    "crypto",
    "wire",
    "limits.ts",
    "month.ts",
    "fanout.ts",
    "quota.ts",
    "outgoing",
  ],
  http: [
    "http",
    "privacypass",
    "store/database.ts",
    "crypto",
    "wire",
    "limits.ts",
    "markup.ts",
    "system-library.ts",
    "turns.ts",
  ],
  config: ["config", "crypto", "wire", "limits.ts"],
  audit: ["audit", "veil", "crypto", "wire/bytes.ts", "config/file-form.ts", "markup.ts"],
  admin: [
    "admin",
    "as/users.ts",
    "ds/shapes.ts",
    "audit/promise.ts",
    "audit/seen.ts",
    "store",
    "wire",
    "month.ts",
  ],
  doctor: [
    "doctor",
    "admin/backup.ts",
    "config",
    "crypto/wipe.ts",
    "memory",
    "system-library.ts",
    "system-text.ts",
    "http/discovery.ts",
    "limits.ts",
  ],
  client: ["client", "privacypass", "group", "mls", "crypto", "wire", "limits.ts"],
  "client-bun": ["client-bun", "client", "store", "crypto", "wire", "limits.ts"],
  demo: ["demo", "client", "client-bun", "crypto", "wire", "limits.ts"],
  "demo-page": ["demo-page", "client", "audit", "wire/bytes.ts", "limits.ts"],
  "demo-site": ["demo-site", "audit", "limits.ts"],
  "demo-look.ts": ["demo-site", "demo-page/report.ts", "audit", "limits.ts"],
  "demo-look-worker.ts": ["demo-look.ts", "demo-page/report.ts", "audit"],
  "rate-limits.ts": [
    "evaluator.ts",
    "as",
    "redemption",
    "privacypass",
    "month.ts",
    "store",
    "crypto",
    "wire",
    "http",
    "limits.ts",
  ],
  "rhythm.ts": [],
  "migrations.ts": ["store/migrations.ts"],
  // The server is put together there, of everything.
  server: [""],
  "server.ts": [""],
  cli: [
    "cli",
    "audit",
    "doctor",
    "admin",
    "config",
    "crypto",
    "wire",
    "limits.ts",
    "memory",
    "server",
    "server.ts",
    "migrations.ts",
    "http/failure.ts",
    "store/database.ts",
    "store/verify.ts",
    "as/token-keys.ts",
    "veil/slot-keys.ts",
  ],
  "main.ts": ["cli", "http/failure.ts"],
}

/** Rooms that clients use, in browsers too. */
const portable = ["crypto", "mls", "wire", "privacypass", "group", "client", "demo-page"]
const serverOnly = "crypto/native.ts"

/** Packages that only some rooms may import. */
const packages: Readonly<Record<string, readonly string[]>> = {
  elysia: ["http"],
  "bun:sqlite": ["store", "demo"],
  "ts-mls": [],
  "@serenity-kit/opaque": ["crypto"],
  citty: ["main.ts", "cli", "demo"],
  "@clack/prompts": ["cli"],
}

interface Import {
  readonly from: string
  readonly to: string
}

const SRC = join(import.meta.dir, "../src")
const FROM = /^\s*(?:import|export)\b[^"';]*?\bfrom\s*["']([^"']+)["']/gm
const BARE = /\bimport\s*\(?\s*["']([^"']+)["']/g

const broken: string[] = []

function importsOf(file: string): Import[] {
  const source = readFileSync(join(SRC, file), "utf8")
  return [...source.matchAll(FROM), ...source.matchAll(BARE)].map((match) => ({
    from: file,
    to: match[1] as string,
  }))
}

function roomOf(file: string): string {
  return file.split("/")[0] as string
}

function within(file: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => prefix === "" || file === prefix || file.startsWith(`${prefix}/`))
}

function checkPackage({ from, to }: Import): void {
  const room = roomOf(from)
  const name = to.startsWith("@") || to.includes(":") ? to : (to.split("/")[0] as string)
  const allowed = packages[name]
  if (allowed !== undefined && !allowed.includes(room)) broken.push(`${from} must not import ${to}`)
  const isSystem = to === "bun" || to.startsWith("bun:") || to.startsWith("node:")
  if (isSystem && isPortable(from)) broken.push(`${from} runs in browsers and must not import ${to}`)
}

function isPortable(file: string): boolean {
  return portable.includes(roomOf(file)) && file !== serverOnly
}

/** The imported file, relative to src; undefined outside of it. */
function checkFile({ from, to }: Import): string | undefined {
  const target = normalize(join(dirname(from), to))
  if (target.startsWith("..")) {
    if (!["server", "server.ts", "main.ts", "migrations.ts"].includes(roomOf(from)))
      broken.push(`${from} must not import ${to}`)
    return undefined
  }
  if (!existsSync(join(SRC, target))) broken.push(`${from} imports ${to}, which does not exist`)
  if (!within(target, rooms[roomOf(from)] ?? [])) broken.push(`${from} must not import ${target}`)
  if (target === serverOnly && isPortable(from))
    broken.push(`${from} runs in browsers and must not import ${target}`)
  return target
}

function findCycles(graph: ReadonlyMap<string, readonly string[]>): void {
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]) => {
    const at = path.indexOf(file)
    if (at >= 0) broken.push(`cycle: ${[...path.slice(at), file].join(" -> ")}`)
    if (at >= 0 || done.has(file)) return
    for (const next of graph.get(file) ?? []) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"))
const graph = new Map<string, readonly string[]>()
for (const file of files.sort()) {
  if (rooms[roomOf(file)] === undefined && !file.endsWith(".d.ts")) broken.push(`${file} is in no known room`)
  const targets: string[] = []
  for (const found of importsOf(file)) {
    const target = found.to.startsWith(".") ? checkFile(found) : checkPackage(found)
    if (target !== undefined) targets.push(target)
  }
  graph.set(file, targets)
  if (isPortable(file) && /\bBun\./.test(readFileSync(join(SRC, file), "utf8")))
    broken.push(`${file} runs in browsers and must not use Bun`)
}
findCycles(graph)

for (const line of broken) console.error(line)
console.log(`${files.length} files, ${broken.length} broken import rules`)
process.exit(broken.length > 0 ? 1 : 0)
