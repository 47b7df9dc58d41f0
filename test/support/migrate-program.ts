/** Brings a database to the version of whichever core it finds: `migrate-program.ts <url>`. */
import { migrate } from "@leasehold/core";

const [connection = ""] = process.argv.slice(2);
await migrate({ connection });
