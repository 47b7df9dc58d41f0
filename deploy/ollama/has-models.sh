#!/bin/sh
# Succeeds when the server answers and has each model that the worker is going to ask for. A server without its models
# answers all other questions just as well.
set -euf
list=$(ollama list)
for model in "${AI_VISION_MODEL:-}" "${AI_FEEDBACK_MODEL:-}"; do
  [ -n "$model" ] || continue
  # `ollama list` writes the tag also where it may be left out. A registry's port is no tag.
  case "${model##*/}" in *:*) ;; *) model="$model:latest" ;; esac
  found=no
  for word in $list; do
    [ "$word" != "$model" ] || found=yes
  done
  if [ "$found" = no ]; then
    echo "$model is not there yet" >&2
    exit 1
  fi
done
