/** Migrations are plain SQL files, imported as text and so embedded into the binary. */
declare module "*.sql" {
  const text: string
  export default text
}
