#!/bin/sh
# Makes what compose.yaml asks for and nobody should commit: secrets, and an .env with the groups that own this
# machine's graphics cards. It never replaces anything.
set -eu
cd "$(dirname "$0")"

# Containers read their secrets under other users, so the files are open to all and their folder is to nobody else.
umask 022
mkdir -p .secrets
chmod 700 .secrets

keep() {
  [ -e ".secrets/$1" ] || printf '%s' "$2" >".secrets/$1"
}
make_word() {
  od -An -tx1 -N24 /dev/urandom | tr -d ' \n'
}
keep postgres_password "$(make_word)"
keep worker_password "$(make_word)"
keep operator_token "$(make_word)"
keep console_tokens "operator:$(make_word)"
keep admin_database_url "postgresql://postgres:$(cat .secrets/postgres_password)@postgres:5432/learning"
keep worker_database_url "postgresql://gustav_worker:$(cat .secrets/worker_password)@postgres:5432/learning"

# Where a group is missing there is no such card. A number that nobody has lets the containers start all the same; the
# two must differ, or compose refuses them.
find_group() {
  { getent group "$1" || echo "::$2:"; } | cut -d : -f 3
}
if [ ! -e .env ]; then
  sed -e "s/^VIDEO_GID=.*/VIDEO_GID=$(find_group video 65534)/" \
    -e "s/^RENDER_GID=.*/RENDER_GID=$(find_group render 65533)/" env.example >.env
fi
