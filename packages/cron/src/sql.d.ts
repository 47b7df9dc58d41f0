/** SQL files are imported with `{ type: "text" }`, and `bun build` copies their text into `dist`. */
declare module "*.sql" {
  const text: string;
  export default text;
}
