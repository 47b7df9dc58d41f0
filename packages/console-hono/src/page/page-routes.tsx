/** @jsxImportSource hono/jsx */
// The line above is for hosts that run our source on Bun: no tsconfig of ours is there to say it.
import { Hono } from "hono";

import type { ConsoleOptions } from "../console-options.ts";

/** Serves the page. It holds no data: whatever it shows it asks of the API, as the operator who looks at it. */
export function createPageRoutes(_options: ConsoleOptions): Hono {
  const app = new Hono();
  app.get("/", (context) => context.html(<EmptyDocument />));
  return app;
}

function EmptyDocument() {
  return (
    <html lang="en">
      <head>
        <title>Leasehold</title>
      </head>
      <body />
    </html>
  );
}
