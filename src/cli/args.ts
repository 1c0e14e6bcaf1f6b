/** Flags that several of the key commands have. */

export const secrets = {
  type: "string",
  required: true,
  description: "the server's secrets file, such as /var/lib/cinder.secrets",
} as const

export const json = { type: "boolean", description: "print what is said as JSON, for programs" } as const

/** Seconds since 1970. */
export function secondsNow(): number {
  return Math.floor(Date.now() / 1000)
}

export const RELOAD_ADVICE =
  "A server that runs takes this over on SIGHUP, otherwise within about a day or at its next start; one that systemd hands its secrets to, when it is restarted."
