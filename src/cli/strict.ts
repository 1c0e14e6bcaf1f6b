import { type ArgsDef, type CommandDef, defineCommand, type ParsedArgs } from "citty"
import { ConfigError } from "../config/config.ts"

/** A command as its file describes it. `run` gets flags that are all known and have values. */
export interface StrictCommand<T extends ArgsDef> {
  readonly meta: { readonly name: string; readonly description: string }
  readonly args: T
  /** What words beyond the flags are, if there may be any number of them. */
  readonly words?: string
  run(args: ParsedArgs<T>): void | Promise<void>
}

/** A command that refuses words and flags that it does not know, where the parser would pass over them. */
export function strictCommand<const T extends ArgsDef>({
  meta,
  args,
  words: freeWords,
  run,
}: StrictCommand<T>): CommandDef<T> {
  const named = Object.values(args).filter(({ type }) => type === "positional").length
  const positionals = freeWords === undefined ? named : Number.POSITIVE_INFINITY
  return defineCommand({
    meta,
    args,
    run({ args: parsed }) {
      const { _: words, ...given } = parsed as { _: string[] } & Record<string, unknown>
      const mistakes = Object.entries(given).flatMap(([name, value]) => mistake(args, kebabCase(name), value))
      for (const word of words.slice(positionals)) mistakes.push(`"${word}" belongs to no flag`)
      if (mistakes.length > 0) throw new ConfigError(...new Set(mistakes))
      return run(parsed)
    },
  })
}

function mistake(args: ArgsDef, name: string, value: unknown): string[] {
  if (!Object.hasOwn(args, name)) {
    const flags = Object.entries(args).filter(([, { type }]) => type !== "positional")
    return [`--${name} is no flag here; flags are ${flags.map(([flag]) => `--${flag}`).join(", ")}`]
  }
  return value === "" ? [`--${name} needs a value`] : []
}

/** The parser gives every flag in camel case as well. */
export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
