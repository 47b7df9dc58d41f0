#!/bin/sh
# Makes the worker's login before its first migration, which grants it all else. Postgres runs this once, when the
# volume is new. psql quotes the password itself; it appears in no argument list.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --no-psqlrc --set ON_ERROR_STOP=1 <<'SQL'
\set password `cat /run/secrets/worker_password`
create role gustav_worker login inherit password :'password';
SQL
