import { settingNames, settings } from "../config/settings.ts"

const switches: ReadonlySet<string> = new Set(
  settingNames
    .filter((name) => "anyOf" in settings[name] && isSwitch(settings[name].anyOf))
    .map((name) => `--${name}`),
)

function isSwitch(values: readonly { readonly const: string }[]): boolean {
  return values.map((value) => value.const).join() === "on,off"
}

/** Settings that are on or off are on where their flag has no value, which the parser would look for in the next flag. */
export function withSwitches(words: readonly string[]): string[] {
  return words.map((word, index) => {
    const isBare = switches.has(word) && (words[index + 1] ?? "-").startsWith("-")
    return isBare ? `${word}=on` : word
  })
}
