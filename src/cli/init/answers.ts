import { ConfigError, flagMistake } from "../../config/config.ts"

/** What has to be decided for a new server: settings, as text. */
export interface Answers {
  readonly domain: string
  readonly data: string
  readonly registration: string
}

/** Asks whoever sits at the terminal. Each throws ConfigError if they would rather stop. */
export interface Questioner {
  /** `mistake` says what is wrong with an answer. */
  text(question: string, suggestion: string, mistake: (answer: string) => string | undefined): Promise<string>
  choice(question: string, choices: readonly Choice[]): Promise<string>
}

export interface Choice {
  readonly value: string
  readonly label: string
}

/** What is usual; a domain cannot be guessed. */
const usual = { data: "data", registration: "open" }

const registrations: readonly Choice[] = [
  { value: "open", label: "everybody" },
  { value: "invitation", label: "whoever has a code, made with cinder invite" },
]

/** Asks what is not given. */
export async function ask(given: Partial<Answers>, { text, choice }: Questioner): Promise<Answers> {
  const setting = (name: "domain" | "data", question: string, suggestion: string) =>
    text(question, suggestion, (answer) => flagMistake(name, answer))
  return {
    domain: given.domain ?? (await setting("domain", "The domain, which ends the ids of all users:", "")),
    data: given.data ?? (await setting("data", "The directory for the data:", usual.data)),
    registration: given.registration ?? (await choice("Who may register?", registrations)),
  }
}

/** Takes what is usual for what is not given. Throws ConfigError without a domain. */
export function assume(given: Partial<Answers>): Answers {
  const { domain } = given
  if (domain === undefined) throw new ConfigError("no domain is usual: set --domain")
  return { ...usual, ...given, domain }
}

/** Throws ConfigError, with a sentence for each, unless everything is given. */
export function requireAll(given: Partial<Answers>): Answers {
  const { domain, data, registration } = given
  if (domain !== undefined && data !== undefined && registration !== undefined)
    return { domain, data, registration }
  const names = (["domain", "data", "registration"] as const).filter((name) => given[name] === undefined)
  throw new ConfigError(...names.map(missing))
}

function missing(name: keyof Answers): string {
  const otherwise = name === "domain" ? "" : `, or --yes for ${JSON.stringify(usual[name])}`
  return `there is no terminal to ask for the ${name} on: set --${name}${otherwise}`
}
