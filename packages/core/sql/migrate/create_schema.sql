-- The schema itself. Somebody may have made it for us: then this login need not be allowed to make any.
create schema if not exists :"schema";
