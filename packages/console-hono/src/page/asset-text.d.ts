// Served as they are: a host needs no build step for them.
declare module "*.css" {
  const text: string;
  export default text;
}
declare module "*.script.js" {
  const text: string;
  export default text;
}
declare module "*.svg" {
  const text: string;
  export default text;
}
