import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { dependencies, license, version } from "../package.json"

/**
 * `bun build/client.ts [DIRECTORY]` makes the client library as a package for applications that do not use Bun: one ECMAScript
 * module without imports, the same minified, and types. It goes to `dist/client` and replaces what is there. Prints the sizes.
 */

const root = join(import.meta.dir, "..")
const entry = join(root, "src/client/index.ts")
const out = resolve(process.argv[2] ?? join(root, "dist/client"))

/** Returns the files that went into it. */
async function bundle(name: string, minify: boolean): Promise<string[]> {
  const { outputs, metafile } = await Bun.build({
    entrypoints: [entry],
    target: "browser",
    format: "esm",
    minify,
    metafile: true,
  })
  const [script] = outputs
  if (script === undefined || metafile === undefined) throw new Error("there is no bundle")
  await Bun.write(join(out, name), script)
  const bytes = new Uint8Array(await script.arrayBuffer())
  console.log(`${name}: ${kibibytes(bytes.length)}, ${kibibytes(Bun.gzipSync(bytes).length)} with gzip`)
  return Object.keys(metafile.inputs)
}

/** Licences of the packages whose code is in the bundle. */
function copyLicences(inputs: readonly string[]): void {
  const names = inputs.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [])
  for (const name of new Set(names)) {
    const folder = join(root, "node_modules", name)
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one))
    if (file === undefined) throw new Error(`${name} has no licence`)
    cpSync(join(folder, file), join(out, "licences", `${name.replace("/", "-")}.txt`))
  }
  cpSync(join(root, "LICENSE"), join(out, "LICENSE"))
}

function kibibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`
}

/** Declarations of all that the public entry names, and of nothing else. */
function declareTypes(): void {
  const scratch = mkdtempSync(join(tmpdir(), "cinder-types-"))
  try {
    const config = join(scratch, "tsconfig.json")
    const compilerOptions = {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: join(root, "src"),
      outDir: join(scratch, "types"),
      typeRoots: [join(root, "node_modules/@types")],
    }
    writeFileSync(
      config,
      JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, include: [], files: [entry] }),
    )
    const compiler = join(root, "node_modules/typescript/bin/tsc")
    const { success, stdout } = Bun.spawnSync([process.execPath, compiler, "-p", config])
    if (!success) throw new Error(stdout.toString())
    for (const file of reachable(join(scratch, "types"), "client/index.d.ts")) {
      mkdirSync(dirname(join(out, "types", file)), { recursive: true })
      cpSync(join(scratch, "types", file), join(out, "types", file))
    }
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

function reachable(folder: string, file: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(file)) return found
  found.add(file)
  const source = readFileSync(join(folder, file), "utf8")
  for (const [, target = ""] of source.matchAll(/(?:from |import\()"(\.[^"]+)\.ts"/g))
    reachable(folder, `${join(dirname(file), target)}.d.ts`, found)
  return found
}

function describe(): void {
  const types = "./types/client/index.d.ts"
  const manifest = {
    name: "cinder",
    version,
    description: "The client library of Cinder, a homeserver for end-to-end encrypted group messaging (MLS)",
    license,
    type: "module",
    sideEffects: false,
    exports: {
      "./client": { types, default: "./client.js" },
      "./client/min": { types, default: "./client.min.js" },
    },
    // The types name it; the modules import nothing.
    dependencies: { "@sinclair/typebox": dependencies["@sinclair/typebox"] },
  }
  writeFileSync(join(out, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`)
}

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
copyLicences(await bundle("client.js", false))
await bundle("client.min.js", true)
declareTypes()
describe()
console.log(`made ${out}`)
