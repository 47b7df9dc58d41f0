#!/bin/sh
# Has the server pull the models that the environment names, once it listens. Without names there is nothing to do: the
# worker then answers with its stub.
set -eu
tries=0
until ollama list >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -ge 60 ]; then
    echo "the server does not answer" >&2
    exit 1
  fi
  sleep 1
done
for model in "${AI_VISION_MODEL:-}" "${AI_FEEDBACK_MODEL:-}"; do
  [ -z "$model" ] || ollama pull "$model"
done
