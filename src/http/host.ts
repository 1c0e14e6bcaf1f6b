import { HOST_CHARACTERS_MAX } from "../limits.ts"

const HOST =
  /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/i

/**
 * Whether a Host header is nothing but a name or an address and perhaps a port, of at least so many characters. A request's URL is put together from
 * this header, so that any other character in it could change which path is matched.
 */
export function isPlainHost(host: string | null, charactersMin: number): boolean {
  return (
    host !== null && host.length >= charactersMin && host.length <= HOST_CHARACTERS_MAX && HOST.test(host)
  )
}

/** The path and query of a request whose Host was checked: what follows `scheme://host`. */
export function targetOf(url: string): string {
  return url.slice(url.indexOf("/", url.indexOf("://") + 3))
}
